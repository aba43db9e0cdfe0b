"""The human side of a provider: choose a login, see what is asked for, allow or deny."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError
from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from portal.demo.provider import consents, logins
from portal.demo.provider.codes import Approval
from portal.demo.provider.desk import visited
from portal.demo.provider.forms import from_own_page
from portal.demo.provider.issuers import Login
from portal.demo.provider.prompts import FirstStep, first_step
from portal.demo.provider.views.asking import asked, complete
from portal.demo.provider.views.misbehaviour import may_misbehave
from portal.demo.provider.visit import Visit

blueprint = Blueprint("consent", __name__, url_prefix="/<any(social, video):slug>/authorize")
may_misbehave(blueprint)


@blueprint.get("")
@visited
@asked
def authorize(visit: Visit, grant: AuthorizationCodeGrant) -> ResponseReturnValue:
    """Where clients send people; a test's answer in advance is given at once."""
    answer = consents.take_next(visit.db, visit.issuer.slug)
    if answer:
        return complete(visit, grant, _approval_in_advance(visit, grant, answer))
    step = first_step(request.args.get("prompt", ""), _remembered(visit), _hinted(visit))
    if step is FirstStep.IMPOSSIBLE:
        raise InvalidRequestError("prompt=none stands alone.", redirect_uri=grant.redirect_uri)
    if step is FirstStep.NOTHING:
        return complete(visit, grant, _silent_approval(visit, grant))
    return _go_to(visit, ".choose_login" if step is FirstStep.CHOOSE_LOGIN else ".ask_consent")


@blueprint.get("/login")
@visited
@asked
def choose_login(visit: Visit, grant: AuthorizationCodeGrant) -> ResponseReturnValue:
    return _login_page(visit, grant)


@blueprint.post("/login")
@from_own_page
@visited
@asked
def sign_in(visit: Visit, grant: AuthorizationCodeGrant) -> ResponseReturnValue:
    """Remember who signed in, as a provider's own session does."""
    login = logins.find(visit.db, visit.issuer.slug, request.form.get("login", ""))
    if login is None:
        return _login_page(visit, grant, error="Choose one of the logins first."), 422
    session[visit.issuer.slug] = login.sub
    return _go_to(visit, ".ask_consent")


@blueprint.get("/consent")
@visited
@asked
def ask_consent(visit: Visit, grant: AuthorizationCodeGrant) -> ResponseReturnValue:
    login = _remembered(visit)
    if login is None:
        return _go_to(visit, ".choose_login")
    asked_scopes = grant.request.scope.split()
    return _page(
        visit,
        "consent.html",
        grant,
        login=login,
        asked_scopes=asked_scopes,
        choose_url=_step_url(visit, ".choose_login"),
    )


@blueprint.post("/consent")
@from_own_page
@visited
@asked
def decide(visit: Visit, grant: AuthorizationCodeGrant) -> ResponseReturnValue:
    """Allow with what is ticked, or deny. The form names its login: another tab may have changed who is signed in."""
    login = logins.find(visit.db, visit.issuer.slug, request.form.get("login", ""))
    decision = request.form.get("decision")
    if login is None or decision not in ("allow", "deny"):
        return _go_to(visit, ".choose_login")
    visit.facts.sub = login.sub
    return complete(visit, grant, _ticked(visit, grant, login) if decision == "allow" else None)


def _ticked(visit: Visit, grant: AuthorizationCodeGrant, login: Login) -> Approval:
    form = request.form
    return consents.approval(
        visit.issuer, login, grant.request.scope, scopes=form.getlist("granted"), accounts=form.getlist("shared")
    )


def _approval_in_advance(visit: Visit, grant: AuthorizationCodeGrant, answer: dict[str, Any]) -> Approval | None:
    sub = str(answer["sub"])
    visit.facts.sub = sub
    if answer["deny"]:
        return None
    login = logins.get(visit.db, visit.issuer.slug, sub)
    return consents.approval(
        visit.issuer, login, grant.request.scope, scopes=answer["scopes"], accounts=answer["accounts"]
    )


def _silent_approval(visit: Visit, grant: AuthorizationCodeGrant) -> Approval:
    """`prompt=none`: the same login, if it is signed in and has consented to as much before."""
    login, scope = _remembered(visit), grant.request.scope
    if login is None:
        raise LoginRequiredError(redirect_uri=grant.redirect_uri)
    family = consents.covering(visit.db, visit.issuer.slug, login, grant.client.client_id, scope, now=visit.now)
    if family is None:
        raise ConsentRequiredError(redirect_uri=grant.redirect_uri)
    return consents.approval(visit.issuer, login, scope, scopes=None, accounts=family.accounts)


def _remembered(visit: Visit) -> Login | None:
    slug = visit.issuer.slug
    return logins.find(visit.db, slug, session.get(slug, ""))


def _hinted(visit: Visit) -> Login | None:
    return logins.hinted(visit.db, visit.issuer.slug, request.args.get("login_hint", ""))


def _login_page(visit: Visit, grant: AuthorizationCodeGrant, error: str = "") -> str:
    """Everybody listed, and whoever is hinted at or signed in though not listed."""
    hinted, offered = _hinted(visit), logins.listed(visit.db, visit.issuer.slug)
    offered += [login for login in (hinted, _remembered(visit)) if login and login not in offered]
    return _page(visit, "login.html", grant, logins=list(dict.fromkeys(offered)), hinted=hinted, error=error)


def _page(visit: Visit, template: str, grant: AuthorizationCodeGrant, **values: object) -> str:
    return render_template(template, issuer=visit.issuer, client=grant.client, **values)


def _go_to(visit: Visit, step: str) -> Response:
    return redirect(_step_url(visit, step), 303)


def _step_url(visit: Visit, step: str) -> str:
    return f"{url_for(step, slug=visit.issuer.slug)}?{request.query_string.decode()}"
