"""The OAuth 2 and OpenID Connect server itself: Authlib's, with our storage, our clock and our strictness."""

from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDToken

from portal.demo.provider import clients, codes, consents, families, id_tokens, keys, ledger, logins, tokens
from portal.demo.provider.clients import Client
from portal.demo.provider.codes import Approval, Code
from portal.demo.provider.issuers import Login
from portal.demo.provider.settings import BASIC, POST
from portal.demo.provider.tokens import AccessToken, RefreshToken, Standing
from portal.demo.provider.visit import current


class Server(AuthorizationServer):  # type: ignore[misc] # Authlib ships no types
    """One server for both providers: which one is asked stands in the visit."""

    def query_client(self, client_id: str) -> Client | None:
        visit = current()
        visit.facts.client_id = client_id
        return clients.find(visit.db, visit.issuer.slug, client_id)

    def save_token(self, _token: dict[str, Any], _request: OAuth2Request) -> None:
        """Nothing left to do: tokens are stored when made, in the transaction that spends what they were made from."""


class RequiredChallenge(CodeChallenge):  # type: ignore[misc] # Authlib ships no types
    """PKCE with S256, from every client; `plain` protects nobody."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method=S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # Authlib ships no types
    """A consent becomes a code, and the code a family of tokens."""

    def generate_authorization_code(self) -> str:
        return f"{current().issuer.slug}_code_{super().generate_authorization_code()}"

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        visit, approval = current(), request.user
        codes.save(visit.db, visit.issuer.slug, code, _as_code(approval, request))

    def query_authorization_code(self, code: str, client: Client) -> Code:
        visit = current()
        found = codes.spend(visit.db, visit.issuer.slug, code, client.client_id, now=visit.now)
        if found is None:
            _end_family_of_replayed(code)
            raise InvalidGrantError("The code is unknown, expired, already used or another client's.")
        visit.facts.sub = found.sub
        return found

    def delete_authorization_code(self, _code: Code) -> None:
        """Spent already, by the attempt itself."""

    def authenticate_user(self, code: Code) -> Login | None:
        return logins.find(current().db, current().issuer.slug, code.sub)

    def generate_token(self, **_asked: Any) -> dict[str, Any]:
        visit = current()
        family, answer = consents.begin(
            visit.db, visit.issuer.slug, self.request.authorization_code, visit.knobs, now=visit.now
        )
        visit.facts.family = family.id
        codes.became(visit.db, self.request.form["code"], family.id)
        return answer


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc] # Authlib ships no types
    """Refreshing: static or rotating, with grace, and the end of the family when an old token turns up."""

    TOKEN_ENDPOINT_AUTH_METHODS = (BASIC, POST)

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        visit = current()
        token = tokens.find_refresh(visit.db, visit.issuer.slug, refresh_token)
        if token is None or not token.check_client(self.request.client):
            raise _refused("unknown-token", "The refresh token is unknown or another client's.")
        visit.facts.sub, visit.facts.family = token.family.sub, token.family.id
        over = token.family.why_over(visit.now)
        if over:
            raise _refused(over, f"The grant behind this refresh token has ended: {over}.")
        _refuse_reused(token)
        return token

    def authenticate_user(self, token: RefreshToken) -> Login | None:
        return logins.find(current().db, current().issuer.slug, token.family.sub)

    def issue_token(self, _user: Login, token: RefreshToken) -> dict[str, Any]:
        visit, scope = current(), self.request.payload.scope or token.family.scope
        return tokens.renew(visit.db, token, visit.knobs, scope, now=visit.now)

    def revoke_old_credential(self, _token: RefreshToken) -> None:
        """Replaced already, when its successor was made."""


class IdentityToken(OpenIDToken):  # type: ignore[misc] # Authlib ships no types
    """Adds the ID token wherever the scope has `openid`; its times come from our clock."""

    def process_token(self, grant: CodeGrant | RefreshGrant, response: tuple[int, dict[str, Any], Any]) -> None:
        answer, visit = response[1], current()
        if "openid" in answer["scope"].split():
            key = keys.signing(visit.db, visit.issuer.slug)
            identity = _identity_of(grant.request, answer)
            encoded = id_tokens.encode(identity, key, visit.knobs.id_token, now=visit.now)
            answer.update({"id_token": encoded} if encoded else {})


class Revocation(RevocationEndpoint):  # type: ignore[misc] # Authlib ships no types
    """RFC 7009: either token of a family ends all of it."""

    CLIENT_AUTH_METHODS = (BASIC, POST)

    def query_token(self, value: str, _hint: str | None) -> RefreshToken | AccessToken | None:
        visit = current()
        slug = visit.issuer.slug
        return tokens.find_refresh(visit.db, slug, value) or tokens.find_access(visit.db, slug, value, now=visit.now)

    def revoke_token(self, token: RefreshToken | AccessToken, _request: OAuth2Request) -> None:
        visit = current()
        visit.facts.sub, visit.facts.family = token.family.sub, token.family.id
        families.end(visit.db, token.family.id, "revoked", now=visit.now)


class BearerValidator(BearerTokenValidator):  # type: ignore[misc] # Authlib ships no types
    """Access tokens of the provider that is asked, alive at the time of asking."""

    def authenticate_token(self, value: str) -> AccessToken | None:
        visit = current()
        return tokens.find_access(visit.db, visit.issuer.slug, value, now=visit.now)


def _create_server() -> Server:
    """The server with everything it supports, and nothing else: no implicit grant, no passwords, no plain PKCE."""
    server = Server()
    server.register_grant(CodeGrant, [RequiredChallenge(required=True), IdentityToken()])
    server.register_grant(RefreshGrant, [IdentityToken()])
    server.register_endpoint(Revocation)
    return server


def _create_protector() -> ResourceProtector:
    protector = ResourceProtector()
    protector.register_token_validator(BearerValidator(realm="demo"))
    return protector


def _as_code(approval: Approval, request: OAuth2Request) -> Code:
    data = request.payload.data
    return Code(
        client_id=request.client.client_id,
        sub=approval.login.sub,
        redirect_uri=data["redirect_uri"],
        scope=" ".join(approval.scopes),
        accounts=approval.accounts,
        nonce=data.get("nonce"),
        code_challenge=data["code_challenge"],
        signed_in_at=current().now,
    )


def _end_family_of_replayed(code: str) -> None:
    """RFC 6749, section 4.1.2: a code that comes twice has been stolen by somebody, so nobody keeps its tokens."""
    visit = current()
    family = codes.family_of_spent(visit.db, visit.issuer.slug, code)
    if family:
        visit.facts.family, visit.facts.detail = family, "code-reused"
        families.end(visit.db, family, "code-reused", now=visit.now)


def _refuse_reused(token: RefreshToken) -> None:
    visit = current()
    standing = tokens.standing(visit.db, token, timedelta(seconds=visit.knobs.grace_s), now=visit.now)
    visit.outcome = standing.value
    if standing is Standing.REUSED:
        families.end(visit.db, token.family.id, "reuse", now=visit.now)
        ledger.note(visit.db, visit.issuer.slug, "reuse", "family-ended", visit.facts, at=visit.now)
        raise _refused("reuse", "A replaced refresh token was used again, so the whole grant has ended.")


def _refused(reason: str, words: str) -> InvalidGrantError:
    current().facts.detail = reason
    return InvalidGrantError(words)


def _identity_of(request: OAuth2Request, answer: dict[str, Any]) -> id_tokens.Identity:
    visit, code = current(), request.authorization_code
    return id_tokens.Identity(
        issuer_url=visit.issuer_url,
        client_id=request.client.client_id,
        login=request.user,
        scope=answer["scope"],
        access_token=answer["access_token"],
        signed_in_at=code.signed_in_at if code else request.refresh_token.family.consented_at,
        nonce=code.nonce if code else None,
    )


server = _create_server()
bearer_only = _create_protector()
