"""The door: asking for a link, the link itself, signing out, and the list of where one is signed in."""

from uuid import UUID

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import public, signed_in
from portal.extensions import limiter
from portal.forms.sign_in import SignInForm
from portal.pages import page, see_other, see_other_place
from portal.rules.browsers import browser_in_words
from portal.rules.login_links import LIFETIME_REQUESTED, NETWORK_PERIOD, REQUESTS_PER_NETWORK, lifetime_in_words
from portal.rules.moments import whole_seconds
from portal.rules.redirects import HOME, home_of, safe_place
from portal.services import sessions, sign_in
from portal.services.asker import Asker
from portal.services.sign_in import LinkView

blueprint = Blueprint("sign_in", __name__)

asking_for_links = limiter.shared_limit(
    f"{REQUESTS_PER_NETWORK} per {whole_seconds(NETWORK_PERIOD)} seconds",
    scope="login-links",
    key_func=access.network,
)


@blueprint.get("/")
@public
def home() -> ResponseReturnValue:
    """Everybody's first page: the role decides which."""
    member = access.member_or_none()
    return see_other(".start") if member is None else redirect(home_of(member.role))


@blueprint.get("/login")
@public
def start() -> ResponseReturnValue:
    """The question for the address; whoever is signed in already goes straight on."""
    place = safe_place(request.args.get("next"), HOME)
    if access.member_or_none() is not None:
        return redirect(place)
    return page("sign_in/start.html", form=SignInForm(formdata=None, next=place))


@blueprint.post("/login")
@asking_for_links
@public
def ask() -> ResponseReturnValue:
    """The same answer and the same work for every address."""
    form = SignInForm()
    if not form.validate_on_submit():
        return page("sign_in/start.html", form=form), 422
    sign_in.request(form.email.data, form.next.data, now=access.now())
    return see_other(".sent")


@blueprint.get("/login/sent")
@public
def sent() -> ResponseReturnValue:
    """What to do now, whoever asked."""
    return page("sign_in/sent.html", lifetime=lifetime_in_words(LIFETIME_REQUESTED))


@blueprint.get("/login/<token>")
@public
def link(token: str) -> ResponseReturnValue:
    """What has become of the link; looking at it, as mail scanners do, changes nothing."""
    view = sign_in.look(token, now=access.now())
    if view is None:
        return page("sign_in/link_invalid.html"), 404
    if _is_owner(view):
        return redirect(view.place)
    status = 200 if view.is_live else 410
    lifetime = lifetime_in_words(view.lifetime)
    template = f"sign_in/link_{view.state}.html"
    return page(template, token=token, place=view.place, lifetime=lifetime, other=access.member_or_none()), status


@blueprint.post("/login/<token>")
@public
def redeem(token: str) -> ResponseReturnValue:
    """The button: signs in, once; everybody who comes later sees what has become of the link."""
    view = sign_in.look(token, now=access.now())
    if view is not None and _is_owner(view):
        return see_other_place(view.place)
    browser = browser_in_words(request.user_agent.string)
    redeemed = sign_in.redeem(token, browser=browser, leaving=_asker_or_none(), now=access.now())
    if redeemed is None:
        return see_other(".link", token=token)
    access.keep(redeemed.session_token)
    return see_other_place(redeemed.place)


@blueprint.post("/login/<token>/renew")
@asking_for_links
@public
def renew(token: str) -> ResponseReturnValue:
    """A new link to the same person and place, without asking for the address and without showing it."""
    is_dead = sign_in.renew(token, now=access.now())
    return see_other(".sent") if is_dead else see_other(".link", token=token)


@blueprint.post("/logout")
@signed_in
def sign_out() -> ResponseReturnValue:
    """This browser is signed out, on every process at once."""
    sessions.end(access.asker(), now=access.now())
    access.forget()
    return see_other(".start", notice="You are signed out.")


@blueprint.get("/sessions")
@signed_in
def own_sessions() -> ResponseReturnValue:
    """Where the member is signed in."""
    listed = sessions.own(access.asker(), now=access.now())
    return page("sign_in/sessions.html", sessions=listed, zone=access.current_member().time_zone)


@blueprint.post("/sessions/<uuid:session_id>/end")
@signed_in
def end_session(session_id: UUID) -> ResponseReturnValue:
    """One other browser is signed out."""
    sessions.end_own(access.asker(), session_id, now=access.now())
    return see_other(".own_sessions", notice="That browser is signed out.")


@blueprint.post("/sessions/end-all")
@signed_in
def sign_out_everywhere() -> ResponseReturnValue:
    """Every browser is signed out, this one included."""
    sessions.end_all(access.asker(), now=access.now())
    access.forget()
    return see_other(".start", notice="You are signed out everywhere.")


def _is_owner(view: LinkView) -> bool:
    member = access.member_or_none()
    return member is not None and member.member_id == view.owner_id


def _asker_or_none() -> Asker | None:
    member = access.member_or_none()
    return None if member is None else member.asker
