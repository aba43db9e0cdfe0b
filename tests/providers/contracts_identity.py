"""The contracts of identity providers and of the bank network."""

from dataclasses import replace

from tests.adapters.stand_in import NOW
from tests.providers.contract import (
    BASIC,
    ID_TOKEN,
    NONCE,
    PAGE,
    PKCE,
    POSTED,
    RENEWAL,
    VERIFIED,
    Call,
    Contract,
    Tokens,
    answer,
    bearer,
    next_answer,
    scopes,
)
from tests.providers.contract import CODE as PLAIN_CODE

OFFLINE = "openid profile email offline_access"
RT_REVOKED = {"token": "rt-1", "token_type_hint": "refresh_token"}

ENTRA = "https://login.microsoftonline.com/contoso.example"
TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
MICROSOFT = Contract(
    vars={"tenant": "contoso.example"},
    page=f"{ENTRA}/oauth2/v2.0/authorize",
    page_params=PAGE | PKCE | {"scope": OFFLINE, "nonce": NONCE},
    choose={"prompt": "select_account"},
    hint_param="login_hint",
    discovery=f"{ENTRA}/v2.0/.well-known/openid-configuration",
    publishes={
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",  # a placeholder where others have an address
        "jwks_uri": f"{ENTRA}/discovery/v2.0/keys",
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
    },
    claims={
        "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "sub": "AAAAAAAA",
        "tid": TENANT,
        "oid": "690222be",
        "nonce": NONCE,
    },
    secondary=(TENANT, "690222be"),
    exchange=(
        Call(
            to=f"POST {ENTRA}/oauth2/v2.0/token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=4000, id_token=ID_TOKEN, scope="openid profile email"),
        ),
    ),
    tokens=Tokens(life=4000, scopes=scopes("openid", "profile", "email")),
    whoami=(
        Call(
            to="GET https://graph.microsoft.com/oidc/userinfo",
            authorization=bearer(),
            answer={"sub": "AAAAAAAA", "name": "Ana"},
        ),
    ),
    subject="AAAAAAAA",
    label="Ana",
    renewal=(Call(to=f"POST {ENTRA}/oauth2/v2.0/token", form=RENEWAL | POSTED, answer=next_answer()),),
    renewed=Tokens(access="at-2", refresh="rt-2", life=3600),
)

OKTA_ORG, OKTA_CUSTOM = "https://acme.okta.com", "https://acme.okta.com/oauth2/default"


def okta(issuer: str, server: str, refresh_life: int | None) -> Contract:
    """One of Okta's two kinds of server: `server` is where its endpoints live."""
    return Contract(
        vars={"issuer": issuer},
        page=f"{server}/v1/authorize",
        page_params=PAGE | PKCE | {"scope": OFFLINE, "nonce": NONCE},
        choose={"prompt": "login"},
        hint_param="login_hint",
        discovery=f"{issuer}/.well-known/openid-configuration",
        publishes={
            "issuer": issuer,
            "authorization_endpoint": f"{server}/v1/authorize",
            "token_endpoint": f"{server}/v1/token",
            "userinfo_endpoint": f"{server}/v1/userinfo",
            "revocation_endpoint": f"{server}/v1/revoke",
            "jwks_uri": f"{server}/v1/keys",
        },
        claims={"iss": issuer, "sub": "00uid4", "nonce": NONCE},
        exchange=(
            Call(
                to=f"POST {server}/v1/token",
                authorization=BASIC,
                form=VERIFIED,
                answer=answer(id_token=ID_TOKEN, scope=OFFLINE),
            ),
        ),
        tokens=Tokens(life=3600, refresh_life=refresh_life, scopes=scopes(*OFFLINE.split())),
        whoami=(Call(to=f"GET {server}/v1/userinfo", authorization=bearer(), answer={"sub": "00uid4", "name": "Ana"}),),
        subject="00uid4",
        label="Ana",
        renewal=(Call(to=f"POST {server}/v1/token", authorization=BASIC, form=RENEWAL, answer=next_answer()),),
        renewed=Tokens(access="at-2", refresh="rt-2", life=3600),  # at the org the new token inherits the old one's end
        revocation=Call(to=f"POST {server}/v1/revoke", authorization=BASIC, form=RT_REVOKED),
    )


def asked_of_okta(name: str, token: str) -> Call:
    return Call(
        to=f"POST {OKTA_ORG}/oauth2/v1/introspect",
        authorization=BASIC,
        form={"token": token, "token_type_hint": name},
        answer={"active": True, "exp": int(NOW.timestamp()) + 80 * 86400},
    )


AUTH0_URL = "https://acme.eu.auth0.com"
AUTH0 = Contract(
    vars={"domain": "acme.eu.auth0.com"},
    page=f"{AUTH0_URL}/authorize",
    page_params=PAGE | PKCE | {"scope": OFFLINE, "nonce": NONCE},
    choose={"prompt": "select_account"},
    hint_param="login_hint",
    discovery=f"{AUTH0_URL}/.well-known/openid-configuration",
    publishes={
        "issuer": f"{AUTH0_URL}/",  # with the stroke that others leave out
        "userinfo_endpoint": f"{AUTH0_URL}/userinfo",
        "revocation_endpoint": f"{AUTH0_URL}/oauth/revoke",
        "jwks_uri": f"{AUTH0_URL}/.well-known/jwks.json",
    },
    claims={"iss": f"{AUTH0_URL}/", "sub": "auth0|507f", "nonce": NONCE},
    exchange=(
        Call(
            to=f"POST {AUTH0_URL}/oauth/token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=86400, id_token=ID_TOKEN, scope=OFFLINE),
        ),
    ),
    tokens=Tokens(life=86400, scopes=scopes(*OFFLINE.split())),
    whoami=(Call(to=f"GET {AUTH0_URL}/userinfo", authorization=bearer(), answer={"sub": "auth0|507f", "name": "Ana"}),),
    subject="auth0|507f",
    label="Ana",
    renewal=(Call(to=f"POST {AUTH0_URL}/oauth/token", form=RENEWAL | POSTED, answer=next_answer(refresh_token="")),),
    renewed=Tokens(access="at-2", refresh=None, life=3600),  # an empty one is none
    revocation=Call(to=f"POST {AUTH0_URL}/oauth/revoke", form=POSTED | RT_REVOKED),
)

AKOYA_URL = "https://sandbox-idp.ddp.akoya.com"
AKOYA = Contract(
    entered={"connector": "mikomo"},
    page=f"{AKOYA_URL}/auth",
    page_params=PAGE | {"connector": "mikomo", "scope": "openid offline_access"},  # neither PKCE nor nonce
    discovery=f"{AKOYA_URL}/.well-known/openid-configuration",
    publishes={"issuer": AKOYA_URL, "jwks_uri": f"{AKOYA_URL}/keys"},
    claims={"iss": AKOYA_URL, "sub": "ak-5", "name": "Ana", "at_hash": "of-a-token-that-nobody-uses", "exp_in": 80000},
    exchange=(
        Call(
            to=f"POST {AKOYA_URL}/token",
            authorization=BASIC,
            form=PLAIN_CODE,
            answer=answer(access_token="not-for-data", id_token=ID_TOKEN, expires_in=86399),
        ),
    ),
    tokens=Tokens(access=ID_TOKEN, life=80000),  # the ID token's own end is the earlier one
    subject="ak-5",
    label="Ana",
    renewal=(
        Call(
            to=f"POST {AKOYA_URL}/token",
            authorization=BASIC,
            form=RENEWAL,
            answer={"id_token": "id.token.next", "refresh_token": "rt-2", "token_type": "bearer"},
        ),
    ),
    renewed=Tokens(access="id.token.next", refresh="rt-2", life=86400),
    revocation=Call(to=f"POST {AKOYA_URL}/token/revoke", authorization=BASIC, form=RT_REVOKED),
)

REALM = "https://id.acme.example/realms/main"


OIDC = Contract(  # nothing is known of it but its issuer
    vars={"issuer": REALM},
    page=f"{REALM}/auth",
    page_params=PAGE | PKCE | {"scope": OFFLINE, "nonce": NONCE, "prompt": "consent"},
    choose={"prompt": "select_account consent"},
    hint_param="login_hint",
    discovery=f"{REALM}/.well-known/openid-configuration",
    publishes={
        "issuer": REALM,
        "authorization_endpoint": f"{REALM}/auth",
        "token_endpoint": f"{REALM}/token",
        "userinfo_endpoint": f"{REALM}/userinfo",
        "revocation_endpoint": f"{REALM}/revoke",
        "jwks_uri": f"{REALM}/certs",
    },
    claims={"iss": REALM, "sub": "kc-1", "nonce": NONCE},
    exchange=(Call(to=f"POST {REALM}/token", authorization=BASIC, form=VERIFIED, answer=answer(id_token=ID_TOKEN)),),
    tokens=Tokens(life=3600),
    whoami=(Call(to=f"GET {REALM}/userinfo", authorization=bearer(), answer={"sub": "kc-1", "name": "Ana"}),),
    subject="kc-1",
    label="Ana",
    renewal=(Call(to=f"POST {REALM}/token", authorization=BASIC, form=RENEWAL, answer=next_answer()),),
    renewed=Tokens(access="at-2", refresh="rt-2", life=3600),
    revocation=Call(to=f"POST {REALM}/revoke", authorization=BASIC, form=RT_REVOKED),
)

IDENTITY = {
    "microsoft": MICROSOFT,
    "okta": replace(
        okta(OKTA_ORG, f"{OKTA_ORG}/oauth2", refresh_life=90 * 86400),
        introspection=asked_of_okta("access_token", "at-1"),
        probe=asked_of_okta("access_token", "at-1"),
        refresh_asked=asked_of_okta("refresh_token", "rt-1"),
        refresh_asked_life=80 * 86400,
    ),
    "okta-custom": okta(OKTA_CUSTOM, OKTA_CUSTOM, refresh_life=None),
    "auth0": AUTH0,
    "akoya": AKOYA,
    "oidc": OIDC,
}
