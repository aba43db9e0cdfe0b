"""Forms that only our own pages may send."""

import hmac
import secrets
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, request, session

P = ParamSpec("P")
R = TypeVar("R")


def csrf_token() -> str:
    """The browser session's own secret, put into every form."""
    return str(session.setdefault("csrf", secrets.token_urlsafe(16)))


def from_own_page(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a form that another site made the browser send."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        known = session.get("csrf")
        if not known or not hmac.compare_digest(request.form.get("csrf", "").encode(), known.encode()):
            abort(400, "This form was not sent from this browser's page. Go back, reload the page and try again.")
        return view(*args, **kwargs)

    return checked
