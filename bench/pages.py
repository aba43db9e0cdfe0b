"""Pages asked for as a web server asks for them, without the server: the WSGI call and nothing around it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from flask import Flask
from werkzeug.test import EnvironBuilder

from bench.site import Filled
from portal import clock
from portal.services import sessions


class _Closing(Protocol):
    def close(self) -> None: ...


def asking_for(app: WSGIApplication, path: str, query: Mapping[str, str], *, cookie: str = "") -> Callable[[], bytes]:
    """A call that asks the app for this page and returns its body; any answer but 200 is an error."""
    environ = EnvironBuilder(path=path, query_string=dict(query), headers={"Cookie": cookie}).get_environ()

    def ask() -> bytes:
        statuses: list[str] = []

        def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
            statuses.append(status)
            return lambda _body: None

        answer = app(dict(environ), start_response)
        body = b"".join(answer)
        _close(answer)
        if not statuses[0].startswith("200"):
            raise RuntimeError(f"{statuses[0]} for {path}")
        return body

    return ask


def _close(answer: Iterable[bytes] | _Closing) -> None:
    if hasattr(answer, "close"):
        answer.close()


def admin_cookie(filled: Filled) -> str:
    """The cookie of a session of the organization's admin."""
    app: Flask = filled.portal.app
    with app.app_context():
        token = sessions.begin(filled.rows.admin_id, browser="Measurement", now=clock.now())
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
        cookie["_fresh"] = True
    client.get("/connections")  # a first page, which leaves in the cookie what all later ones find there
    kept = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    if kept is None:
        raise RuntimeError("no session cookie")
    return f"{kept.key}={kept.value}"
