"""The machine side of a provider: discovery, keys, tokens, revocation, user info and shared accounts."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from portal.demo.provider import id_tokens, keys, ledger, logins, trouble
from portal.demo.provider.desk import visited
from portal.demo.provider.protocol import bearer_only, server
from portal.demo.provider.settings import BASIC, POST
from portal.demo.provider.tokens import AccessToken
from portal.demo.provider.views.misbehaviour import may_misbehave
from portal.demo.provider.visit import Visit

blueprint = Blueprint("oauth", __name__, url_prefix="/<any(social, video):slug>")
may_misbehave(blueprint)


@blueprint.get("/.well-known/openid-configuration")
@visited
def discovery(visit: Visit) -> ResponseReturnValue:
    return jsonify(_metadata(visit))


@blueprint.get("/jwks")
@visited
def jwks(visit: Visit) -> ResponseReturnValue:
    return jsonify(keys.published(visit.db, visit.issuer.slug))


@blueprint.post("/token")
@visited
def token(visit: Visit) -> ResponseReturnValue:
    response: Response = server.create_token_response()
    outcome = visit.outcome if response.status_code == 200 else "refused"
    _note_refusal(visit, response)
    ledger.note(visit.db, visit.issuer.slug, trouble.operation_of(request), outcome, visit.facts, at=visit.now)
    return response


@blueprint.post("/revoke")
@visited
def revoke(visit: Visit) -> ResponseReturnValue:
    response: Response = server.create_endpoint_response("revocation")
    outcome = "ok" if response.status_code == 200 else "refused"
    if outcome == "ok" and not visit.facts.family:
        outcome = "unknown-token"
    _note_refusal(visit, response)
    ledger.note(visit.db, visit.issuer.slug, "revocation", outcome, visit.facts, at=visit.now)
    return response


def bearing(view: Callable[[Visit, AccessToken], ResponseReturnValue]) -> Callable[[Visit], ResponseReturnValue]:
    """Hand a living access token to the view; any other is answered as RFC 6750 says."""

    @wraps(view)
    def inside(visit: Visit) -> ResponseReturnValue:
        try:
            return view(visit, bearer_only.acquire_token())
        except OAuth2Error as error:
            refusal: Response = server.handle_error_response(None, error)
            return refusal

    return inside


@blueprint.route("/userinfo", methods=["GET", "POST"])
@visited
@bearing
def userinfo(visit: Visit, bearer: AccessToken) -> ResponseReturnValue:
    login = logins.get(visit.db, visit.issuer.slug, bearer.family.sub)
    return jsonify(id_tokens.user_claims(login, bearer.get_scope()))


@blueprint.get("/accounts")
@visited
@bearing
def accounts(visit: Visit, bearer: AccessToken) -> ResponseReturnValue:
    return jsonify({"accounts": _shared_accounts(visit, bearer)})


def _shared_accounts(visit: Visit, bearer: AccessToken) -> list[dict[str, str]]:
    login = logins.get(visit.db, visit.issuer.slug, bearer.family.sub)
    shared = logins.accounts_named(login, bearer.family.accounts)
    return [{"id": account.id, "name": account.name} for account in shared]


def _note_refusal(visit: Visit, response: Response) -> None:
    if response.status_code != 200 and not visit.facts.detail:
        visit.facts.detail = str((response.get_json(silent=True) or {}).get("error", ""))


def _metadata(visit: Visit) -> dict[str, Any]:
    url = visit.issuer_url
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "revocation_endpoint": f"{url}/revoke",
        "userinfo_endpoint": f"{url}/userinfo",
        "jwks_uri": f"{url}/jwks",
        "scopes_supported": [scope.name for scope in visit.issuer.scopes],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": [BASIC, POST],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": ["sub", "name", "email"],
        "authorization_response_iss_parameter_supported": True,
    }
