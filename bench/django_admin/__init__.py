"""The yardstick: Django's admin over the same tables, set up as somebody would who knows it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import make_url

from bench.pages import asking_for

SETTINGS = "bench.django_admin.settings"
PATH = "/admin/django_admin/connection/"


@contextmanager
def changelist(url: str) -> Iterator[Callable[[int], Callable[[], bytes]]]:
    """Gives for each page of the connections' list a call that asks for it, signed in."""
    _connect_to(url)
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.db import connection
    from django.test import Client

    app = get_wsgi_application()
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_superuser("chloe"))
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    yield lambda page: asking_for(app, PATH, {"p": str(page)} if page > 1 else {}, cookie=cookie)
    connection.close()


def _connect_to(url: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    import django
    from django.conf import settings
    from django.db import connections

    django.setup()
    connections["default"].close()
    del connections["default"]
    settings.DATABASES["default"].update(_database(url))


def _database(url: str) -> dict[str, Any]:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": address.database}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": address.database,
        "USER": address.username,
        "HOST": address.query["host"],
    }
