"""The control page's JSON side: `/control/api/...`, for tests and the demo's launcher."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from portal.demo.provider import clients, failures, families, keys, knobs, ledger, logins
from portal.demo.provider.control import reset_everything, revoke_login
from portal.demo.provider.desk import transaction, visited, visiting
from portal.demo.provider.families import Family
from portal.demo.provider.issuers import ISSUERS, Login
from portal.demo.provider.problems import InvalidInput
from portal.demo.provider.settings import ClientSettings
from portal.demo.provider.visit import Visit

blueprint = Blueprint("control_api", __name__, url_prefix="/control/api")


def body() -> Mapping[str, Any]:
    """The request's JSON object; none at all is an empty one."""
    given = request.get_json() if request.data else {}
    if not isinstance(given, dict):
        raise InvalidInput("Send a JSON object.")
    return given


@blueprint.get("/state")
def state() -> ResponseReturnValue:
    """Everything a tester can set, as it stands."""
    answer = {}
    for slug in ISSUERS:
        with visiting(slug) as visit:
            answer[slug] = _state_of(visit)
    return jsonify(answer)


@blueprint.post("/reset")
def reset() -> ResponseReturnValue:
    """Honest providers again, and an empty ledger; grants and added logins stay."""
    with transaction() as db:
        reset_everything(db)
    return jsonify({})


@blueprint.get("/ledger")
def read_ledger() -> ResponseReturnValue:
    with transaction() as db:
        lines = ledger.entries(db, request.args)
    return jsonify({"entries": lines, "counts": ledger.counts(lines)})


@blueprint.post("/ledger/reset")
def reset_ledger() -> ResponseReturnValue:
    with transaction() as db:
        ledger.reset(db)
    return jsonify({})


@blueprint.get("/<slug>/knobs")
@visited
def read_knobs(visit: Visit) -> ResponseReturnValue:
    return jsonify(asdict(visit.knobs))


@blueprint.post("/<slug>/knobs")
@visited
def turn_knobs(visit: Visit) -> ResponseReturnValue:
    """Change the knobs named in the body and answer with all of them."""
    turned = knobs.turned(visit.knobs, body())
    knobs.turn(visit.db, visit.issuer.slug, turned)
    return jsonify(asdict(turned))


@blueprint.post("/<slug>/fail")
@visited
def fail(visit: Visit) -> ResponseReturnValue:
    given, slug = body(), visit.issuer.slug
    operation = failures.read_operation(given)
    failures.arrange(visit.db, slug, operation, failures.read(given), failures.read_times(given))
    return jsonify({"failures": failures.arranged(visit.db, slug)})


@blueprint.post("/<slug>/heal")
@visited
def heal(visit: Visit) -> ResponseReturnValue:
    """Take back the failure of one operation (`on`), or all."""
    given = body()
    failures.heal(visit.db, visit.issuer.slug, failures.read_operation(given) if "on" in given else None)
    return jsonify({"failures": failures.arranged(visit.db, visit.issuer.slug)})


@blueprint.post("/<slug>/logins")
@visited
def add_login(visit: Visit) -> ResponseReturnValue:
    """Add or change a login; `listed: false` keeps it off the page unless a client hints at it."""
    given = body()
    login = logins.read(given)
    logins.save(visit.db, visit.issuer.slug, login, is_listed=bool(given.get("listed", True)))
    return jsonify(_login(login)), 201


@blueprint.post("/<slug>/clients")
@visited
def register_client(visit: Visit) -> ResponseReturnValue:
    client = ClientSettings.read({**body(), "provider": visit.issuer.slug})
    clients.register(visit.db, [client])
    return jsonify({"client_id": client.client_id, "redirect_uris": client.redirect_uris}), 201


@blueprint.post("/<slug>/revoke")
@visited
def revoke(visit: Visit) -> ResponseReturnValue:
    """End a login's grants as the person would on the provider's own pages; without `sub`, everybody's."""
    return jsonify({"ended": revoke_login(visit, body().get("sub"))})


@blueprint.get("/<slug>/grants")
@visited
def read_grants(visit: Visit) -> ResponseReturnValue:
    found = families.of_login(visit.db, visit.issuer.slug, request.args.get("sub"))
    return jsonify({"grants": [_family(family) for family in found]})


@blueprint.post("/<slug>/rotate-keys")
@visited
def rotate_keys(visit: Visit) -> ResponseReturnValue:
    return jsonify({"kid": keys.rotate(visit.db, visit.issuer.slug, now=visit.now)})


def _state_of(visit: Visit) -> dict[str, Any]:
    slug = visit.issuer.slug
    registered = clients.registered(visit.db, slug)
    return {
        "issuer": visit.issuer_url,
        "name": visit.issuer.name,
        "knobs": asdict(visit.knobs),
        "failures": failures.arranged(visit.db, slug),
        "logins": [_login(login) for login in logins.listed(visit.db, slug)],
        "clients": [{"client_id": one.client_id, "redirect_uris": one.redirect_uris} for one in registered],
        "living_grants": len(families.living(visit.db, slug, None, now=visit.now)),
    }


def _login(login: Login) -> dict[str, Any]:
    return asdict(login)


def _family(family: Family) -> dict[str, Any]:
    return {
        "family": family.id,
        "sub": family.sub,
        "client_id": family.client_id,
        "scopes": family.scope.split(),
        "accounts": family.accounts,
        "consented_at": family.consented_at.isoformat(),
        "ends_at": family.ends_at.isoformat(),
        "ended_at": family.ended_at.isoformat() if family.ended_at else None,
        "ended_because": family.ended_because,
    }
