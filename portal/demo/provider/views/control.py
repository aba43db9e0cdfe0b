"""The control page: everything a tester can do to a provider, as forms."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from portal import clock
from portal.demo.provider import durations, failures, families, keys, knobs, ledger, logins
from portal.demo.provider.control import reset_everything, revoke_login
from portal.demo.provider.desk import transaction, visiting
from portal.demo.provider.forms import from_own_page
from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.problems import InvalidInput, UnknownThing
from portal.demo.provider.visit import Visit

blueprint = Blueprint("control", __name__)
LINES_SHOWN = 50

Action = Callable[[Visit, Mapping[str, str]], str]


@blueprint.get("/")
def front() -> Response:
    return redirect(url_for(".page"))


@blueprint.get("/healthz")
def health() -> ResponseReturnValue:
    """Answers once the store is usable, and says what the provider takes for now."""
    with transaction() as db:
        db.execute("SELECT count(*) FROM keys")
    return {"status": "ok", "now": clock.now().isoformat()}


@blueprint.get("/control")
def page() -> ResponseReturnValue:
    desks = []
    for slug in ISSUERS:
        with visiting(slug) as visit:
            desks.append(_shown(visit))
    with transaction() as db:
        lines = ledger.entries(db, {"limit": str(LINES_SHOWN)}, newest_first=True)
    return render_template("control.html", desks=desks, lines=lines, knobs=knobs, failures=failures)


@blueprint.post("/control/reset")
@from_own_page
def reset() -> Response:
    with transaction() as db:
        reset_everything(db)
    flash("Both providers are honest again, and the ledger is empty.")
    return redirect(url_for(".page"), 303)


@blueprint.post("/control/<slug>/<action>")
@from_own_page
def act(slug: str, action: str) -> Response:
    """Do one thing to one provider; what is wrong with the form is said on the page."""
    if action not in _ACTIONS:
        raise UnknownThing(f"There is no action '{action}'.")
    try:
        with visiting(slug) as visit:
            flash(f"{visit.issuer.name}: {_ACTIONS[action](visit, request.form)}")
    except InvalidInput as error:
        flash(f"Nothing was changed. {error}", "error")
    return redirect(url_for(".page", _anchor=slug), 303)


def _shown(visit: Visit) -> dict[str, Any]:
    slug = visit.issuer.slug
    return {
        "issuer": visit.issuer,
        "knobs": visit.knobs,
        "typed": durations.typed_of,
        "failing": failures.arranged(visit.db, slug),
        "logins": logins.listed(visit.db, slug),
        "living": len(families.living(visit.db, slug, None, now=visit.now)),
    }


def _save_behaviour(visit: Visit, form: Mapping[str, str]) -> str:
    changes: dict[str, Any] = {name: form.get(name, "") for name in ("rotation", "delay_on", "id_token", "callback")}
    for name, what in (("access_lifetime_s", "Access token"), ("consent_lifetime_s", "Consent"), ("grace_s", "Grace")):
        changes[name] = durations.seconds_of(form.get(name, ""), what)
    changes["delay_ms"] = _whole_number(form.get("delay_ms", ""), "Delay")
    for name in ("old_access_ends", "new_consent_ends_old"):
        changes[name] = name in form
    knobs.turn(visit.db, visit.issuer.slug, knobs.turned(visit.knobs, changes))
    return "behaviour saved."


def _fail(visit: Visit, form: Mapping[str, str]) -> str:
    times = _whole_number(form["times"], "Times") if form.get("times") else None
    given = {"kind": form.get("kind"), "on": form.get("on", "token"), "times": times}
    operation = failures.read_operation(given)
    failures.arrange(visit.db, visit.issuer.slug, operation, failures.read(given), failures.read_times(given))
    return f"{operation} will fail ({given['kind']}) {f'{times} times' if times else 'until healed'}."


def _heal(visit: Visit, _form: Mapping[str, str]) -> str:
    failures.heal(visit.db, visit.issuer.slug)
    return "healed."


def _revoke(visit: Visit, form: Mapping[str, str]) -> str:
    login = logins.find(visit.db, visit.issuer.slug, form.get("login", ""))
    if login is None:
        raise InvalidInput("Choose a login.")
    return f"{revoke_login(visit, login.sub)} grants of {login.label} revoked."


def _add_login(visit: Visit, form: Mapping[str, str]) -> str:
    names = [line.strip() for line in form.get("accounts", "").splitlines() if line.strip()]
    accounts = [{"id": f"{form.get('sub')}-{number}", "name": name} for number, name in enumerate(names, start=1)]
    login = logins.read({**form, "accounts": accounts})
    logins.save(visit.db, visit.issuer.slug, login, is_listed=True)
    return f"login {login.label} saved."


def _rotate_keys(visit: Visit, _form: Mapping[str, str]) -> str:
    return f"ID tokens are signed with the new key {keys.rotate(visit.db, visit.issuer.slug, now=visit.now)}."


def _whole_number(typed: str, what: str) -> int:
    if not typed.isascii() or not typed.isdigit() or len(typed) > 9:
        raise InvalidInput(f"{what}: type a whole number.")
    return int(typed)


_ACTIONS: dict[str, Action] = {
    "behaviour": _save_behaviour,
    "fail": _fail,
    "heal": _heal,
    "revoke": _revoke,
    "add-login": _add_login,
    "rotate-keys": _rotate_keys,
}
