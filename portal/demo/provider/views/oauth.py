"""The machine side of a provider: discovery, keys, tokens, revocation, user info and shared accounts."""

from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from portal.demo.provider import id_tokens, keys, ledger, logins, trouble
from portal.demo.provider.desk import visited, visiting
from portal.demo.provider.failures import ANSWER_LOST
from portal.demo.provider.protocol import create_protector, create_server
from portal.demo.provider.settings import BASIC, POST
from portal.demo.provider.tokens import AccessToken
from portal.demo.provider.visit import Visit, current

blueprint = Blueprint("oauth", __name__, url_prefix="/<any(social, video):slug>")
server = create_server()
bearer_only = create_protector()


@blueprint.before_request
def meet_trouble() -> ResponseReturnValue | None:
    """Delay and fail first; neither may hold the store's lock while it waits."""
    with visiting(_slug()) as visit:
        failure = trouble.strike(visit, request)
        delay_s = trouble.delay_of(visit.knobs, trouble.operation_of(request))
    trouble.wait(delay_s)
    g.loses_answer = failure is not None and failure.kind == ANSWER_LOST
    return trouble.answer(failure, request) if failure and not g.loses_answer else None


@blueprint.after_request
def lose_answer(response: Response) -> Response:
    """Everything has happened and is committed; only the client never hears of it."""
    if g.get("loses_answer"):
        trouble.sever(request)
    return response


@blueprint.get("/.well-known/openid-configuration")
@visited
def discovery(slug: str) -> ResponseReturnValue:
    return jsonify(_metadata(current()))


@blueprint.get("/jwks")
@visited
def jwks(slug: str) -> ResponseReturnValue:
    return jsonify(keys.published(current().db, slug))


@blueprint.post("/token")
@visited
def token(slug: str) -> ResponseReturnValue:
    response: Response = server.create_token_response()
    visit = current()
    outcome = visit.outcome if response.status_code == 200 else "refused"
    _note_refusal(visit, response)
    ledger.note(visit.db, slug, trouble.operation_of(request), outcome, visit.facts, at=visit.now)
    return response


@blueprint.post("/revoke")
@visited
def revoke(slug: str) -> ResponseReturnValue:
    response: Response = server.create_endpoint_response("revocation")
    visit = current()
    outcome = "ok" if response.status_code == 200 else "refused"
    if outcome == "ok" and not visit.facts.family:
        outcome = "unknown-token"
    _note_refusal(visit, response)
    ledger.note(visit.db, slug, "revocation", outcome, visit.facts, at=visit.now)
    return response


@blueprint.route("/userinfo", methods=["GET", "POST"])
@visited
def userinfo(slug: str) -> ResponseReturnValue:
    with bearer_only.acquire() as bearer:
        login = logins.get(current().db, slug, bearer.family.sub)
        return jsonify(id_tokens.user_claims(login, bearer.get_scope()))


@blueprint.get("/accounts")
@visited
def accounts(slug: str) -> ResponseReturnValue:
    with bearer_only.acquire() as bearer:
        return jsonify({"accounts": _shared_accounts(bearer)})


def _shared_accounts(bearer: AccessToken) -> list[dict[str, str]]:
    login = logins.get(current().db, bearer.family.issuer, bearer.family.sub)
    shared = logins.accounts_named(login, bearer.family.accounts)
    return [{"id": account.id, "name": account.name} for account in shared]


def _slug() -> str:
    return str((request.view_args or {})["slug"])


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
