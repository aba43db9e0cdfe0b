"""The demo's own pages: where to begin, the mailbox, the clock. In development only the mailbox has a use."""

import os

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import public
from portal.config import Environment
from portal.demo import cast, mail, people
from portal.demo.setting import own_setting
from portal.demo.travel import Journeys
from portal.extensions import config
from portal.pages import page, see_other, see_other_place
from portal.rules.problems import NotFound

blueprint = Blueprint("demo", __name__, url_prefix="/demo")
journeys = Journeys()

MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-top-navigation-by-user-activation"  # no scripts: the page alone may measure it
)


def register(app: Flask) -> None:
    """Add the pages, and in a demo the strip with the ways to them on every page."""
    app.register_blueprint(blueprint)
    if app.extensions["reconsent"].config.env is Environment.DEMO:
        app.context_processor(lambda: {"demo_links": _links()})


def _links() -> list[tuple[str, str]]:
    control = f"{own_setting(config().data_dir, os.environ).provider_url}/control"
    return [
        ("Start", "/demo"),
        ("Mailbox", "/demo/mailbox"),
        ("Clock", "/demo/clock"),
        ("Provider's controls", control),
    ]


@blueprint.get("")
@public
def start() -> str:
    _only_in_a_demo()
    return page("demo/start.html", people=people.to_sign_in_as(), organization=cast.ORGANIZATION)


@blueprint.post("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    """The demo's short cut past the mailbox; there is none in a real portal."""
    _only_in_a_demo()
    token, place = people.begin_session(request.form.get("email", ""), now=access.now())
    access.keep(token)
    return see_other_place(place)


@blueprint.get("/clock")
@public
def clock() -> str:
    _only_in_a_demo()
    return page("demo/clock.html", now=access.now(), is_travelling=journeys.is_under_way)


@blueprint.post("/clock")
@public
def move_clock() -> ResponseReturnValue:
    _only_in_a_demo()
    days = request.form.get("days", 0, type=int)
    has_begun = journeys.begin(days)
    notice = (
        f"On the way, {days} {'day' if days == 1 else 'days'} forward. Mails arrive in the mailbox meanwhile."
        if has_begun
        else "One at a time, please."
    )
    return see_other(".clock", notice=notice)


@blueprint.get("/mailbox")
@public
def mailbox() -> str:
    to = request.args.get("to", "").strip()[:200]
    return page("demo/mailbox.html", mails=mail.inbox(config().mailbox_dir, to=to), to=to)


@blueprint.get("/mailbox/<name>")
@public
def show_mail(name: str) -> str:
    return page("demo/mail.html", mail=mail.one(config().mailbox_dir, name))


@blueprint.get("/mailbox/<name>/html")
@public
def mail_html(name: str) -> Response:
    """The HTML part as it came, in a frame of its own that may do nothing but be looked at and clicked."""
    response = Response(mail.one(config().mailbox_dir, name).html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _only_in_a_demo() -> None:
    if config().env is not Environment.DEMO:
        raise NotFound
