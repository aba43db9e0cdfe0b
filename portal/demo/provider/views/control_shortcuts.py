"""Machine-only shortcuts: a consent answered in advance, and grants made without anybody consenting."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from portal.demo.provider import clients, consents, families, ledger, logins
from portal.demo.provider.desk import visited
from portal.demo.provider.families import Family
from portal.demo.provider.issuers import Login
from portal.demo.provider.knobs import LONGEST_S
from portal.demo.provider.problems import InvalidInput, UnknownThing
from portal.demo.provider.store import as_moment
from portal.demo.provider.views.control_api import body
from portal.demo.provider.visit import Visit

blueprint = Blueprint("control_shortcuts", __name__, url_prefix="/control/api/<slug>")
MOST_GRANTS = 10_000


@blueprint.post("/next-consent")
@visited
def answer_next_consent(visit: Visit) -> ResponseReturnValue:
    """Approve (or deny) the next authorization request without a page; several wait in a queue."""
    given, slug = body(), visit.issuer.slug
    login = logins.get(visit.db, slug, str(given.get("sub") or ""))
    answer = {
        "sub": login.sub,
        "scopes": _texts(given, "scopes"),
        "accounts": _texts(given, "accounts"),
        "deny": bool(given.get("deny")),
    }
    consents.queue_next(visit.db, slug, answer)
    return jsonify(answer), 201


@blueprint.post("/grants")
@visited
def make_grants(visit: Visit) -> ResponseReturnValue:
    """Make grants as if each login had consented, and answer with their tokens: for sample data and large tests."""
    wanted = body().get("grants")
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MOST_GRANTS:
        raise InvalidInput(f"'grants' is a list of 1 to {MOST_GRANTS} objects.")
    return jsonify({"grants": [_make_grant(visit, given) for given in wanted]}), 201


def _make_grant(visit: Visit, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InvalidInput("A grant is an object.")
    family, answer = consents.begin_family(visit.db, _family(visit, given), visit.knobs, now=visit.now)
    facts = ledger.Facts(family.client_id, family.sub, family.id, "made-by-control")
    ledger.note(visit.db, visit.issuer.slug, "issue", "ok", facts, at=visit.now)
    return answer | {
        "sub": family.sub,
        "family": family.id,
        "consent_ends_at": family.ends_at.isoformat(),
        "access_expires_at": (visit.now + timedelta(seconds=answer["expires_in"])).isoformat(),
    }


def _family(visit: Visit, given: Mapping[str, Any]) -> Family:
    login, lasts = _login_for(visit, given), _seconds(given, visit.knobs.consent_lifetime_s)
    scopes, accounts = _texts(given, "scopes"), _texts(given, "accounts")
    consented_at = _consented_at(given, visit.now)
    return Family(
        id=families.new_id(),
        issuer=visit.issuer.slug,
        client_id=_client_id(visit, given),
        sub=login.sub,
        scope=" ".join(scope.name for scope in visit.issuer.scopes if scopes is None or scope.name in scopes),
        accounts=tuple(one.id for one in login.accounts if accounts is None or one.id in accounts),
        consented_at=consented_at,
        ends_at=consented_at + timedelta(seconds=lasts),
    )


def _login_for(visit: Visit, given: Mapping[str, Any]) -> Login:
    """The login the grant is for; a subject not seen yet is added, off the page."""
    known = logins.find(visit.db, visit.issuer.slug, str(given.get("sub") or ""))
    if known:
        return known
    accounts = given.get("login_accounts", [])
    login = logins.read({**given, "name": given.get("name") or given.get("sub"), "accounts": accounts})
    logins.save(visit.db, visit.issuer.slug, login, is_listed=False)
    return login


def _client_id(visit: Visit, given: Mapping[str, Any]) -> str:
    registered = [client.client_id for client in clients.registered(visit.db, visit.issuer.slug)]
    client_id = str(given.get("client_id") or (registered or [""])[0])
    if client_id not in registered:
        raise UnknownThing(f"There is no client '{client_id}' at {visit.issuer.name}.")
    return client_id


def _consented_at(given: Mapping[str, Any], now: datetime) -> datetime:
    if given.get("consented_at") is None:
        return now
    try:
        moment = as_moment(str(given["consented_at"]))
    except ValueError as error:
        raise InvalidInput("'consented_at' is an ISO 8601 time.") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _seconds(given: Mapping[str, Any], default: int) -> int:
    seconds = given.get("consent_lifetime_s", default)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= LONGEST_S:
        raise InvalidInput(f"'consent_lifetime_s' is a whole number from 1 to {LONGEST_S}.")
    return seconds


def _texts(given: Mapping[str, Any], name: str) -> list[str] | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidInput(f"'{name}' is a list of texts.")
    return value
