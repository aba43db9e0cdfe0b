"""Who may enter where: every view carries exactly one mark, and a portal with an unmarked view does not start.

The cookie only names a session; whose it is, and whether it still counts, is asked of the database at every request.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request, session
from flask_login import current_user, login_user

from portal import clock
from portal.rules import sessions as session_rules
from portal.rules.networks import network_of
from portal.rules.problems import NotFound, SignInRequired
from portal.rules.roles import may_administer, may_view_team
from portal.services import sessions
from portal.services.asker import Asker
from portal.services.sessions import SignedInMember

View = TypeVar("View", bound=Callable[..., Any])

MARK = "access_mark"


class Mark(StrEnum):
    """The doors a view can stand behind."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    TEAM_OWNER = "team_owner"
    ORG_ADMIN = "org_admin"
    API_KEY = "api_key"
    MONITORING = "monitoring"


def _marking(mark: Mark) -> Callable[[View], View]:
    def marked(view: View) -> View:
        setattr(view, MARK, mark)
        return view

    return marked


public = _marking(Mark.PUBLIC)
signed_in = _marking(Mark.SIGNED_IN)
team_owner = _marking(Mark.TEAM_OWNER)
org_admin = _marking(Mark.ORG_ADMIN)
api_key = _marking(Mark.API_KEY)  # the view itself reads the key: key, connection and grant are one look-up
monitoring = _marking(Mark.MONITORING)


def mark_of(view: Callable[..., Any]) -> Mark | None:
    """The mark a view carries, or None."""
    return getattr(view, MARK, None)


def guard_everything(app: Flask) -> None:
    """Refuse to start with an unmarked view, and check the mark before each request."""
    app.view_functions["static"] = public(_unwrapped(app.view_functions["static"]))
    missing = [endpoint for endpoint, view in app.view_functions.items() if mark_of(view) is None]
    if missing:
        raise RuntimeError(f"no access mark on: {', '.join(sorted(missing))}")
    app.before_request(_guard)


def now() -> datetime:
    """The moment of this request."""
    known = g.get("now")
    if known is None:
        known = g.now = clock.now()
    return cast(datetime, known)


def current_member() -> SignedInMember:
    """The member of this request's session; only behind a signed-in mark."""
    if not current_user.is_authenticated:
        raise SignInRequired
    return cast(SignedInMember, current_user._get_current_object())  # noqa: SLF001 - werkzeug's own name


def member_or_none() -> SignedInMember | None:
    """The member of this request's session, or None where nobody is signed in."""
    return current_member() if current_user.is_authenticated else None


def asker() -> Asker:
    """Who asks in this request."""
    return current_member().asker


def network() -> str:
    """Where this request comes from, as far as limits are concerned."""
    return network_of(request.remote_addr)


def keep(session_token: str) -> None:
    """Give this browser a new session's cookie and nothing of what it held before."""
    session.clear()
    session.permanent = True
    login_user(sessions.find(session_token, now=now()))


def forget() -> None:
    """Take back the cookie of a session that has ended."""
    session.clear()


def load_member(token: str) -> SignedInMember | None:
    """flask-login's question: who does this cookie belong to?"""
    member = sessions.find(token, now=now())
    if member is not None and session_rules.should_touch(member.last_seen_at, now()):
        sessions.touch(member.session_id, now=now())
    return member


def _guard() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    mark = mark_of(view) if view is not None else Mark.PUBLIC  # no view: the 404 or 405 answers
    if mark in (Mark.SIGNED_IN, Mark.TEAM_OWNER, Mark.ORG_ADMIN):
        _let_in(mark)


def _let_in(mark: Mark) -> None:
    role = current_member().role
    may_enter = {Mark.TEAM_OWNER: may_view_team, Mark.ORG_ADMIN: may_administer}.get(mark)
    if may_enter is not None and not may_enter(role):
        raise NotFound  # what somebody may not see is not there


def _unwrapped(view: Callable[..., Any]) -> Callable[..., Any]:
    def serve(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return serve
