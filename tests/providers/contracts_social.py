"""The contracts of the networks people publish on."""

from tests.providers.contract import (
    BASIC,
    CLIENT,
    CODE,
    ID_TOKEN,
    NONCE,
    PAGE,
    PKCE,
    POSTED,
    REDIRECT,
    RENEWAL,
    SECRET,
    STATE,
    VERIFIED,
    Call,
    Contract,
    Tokens,
    answer,
    bearer,
    next_answer,
    scopes,
)

LINKEDIN_ASKED = Call(
    to="POST https://www.linkedin.com/oauth/v2/introspectToken",
    form=POSTED | {"token": "at-1", "token_type_hint": "access_token"},
    answer={"active": True, "status": "active"},
)
LINKEDIN = Contract(
    page="https://www.linkedin.com/oauth/v2/authorization",
    page_params=PAGE | {"scope": "openid profile email"},
    discovery="https://www.linkedin.com/oauth/.well-known/openid-configuration",
    publishes={"issuer": "https://www.linkedin.com/oauth", "jwks_uri": "https://www.linkedin.com/oauth/openid/jwks"},
    claims={"iss": "https://www.linkedin.com/oauth", "sub": "li-7"},  # no nonce
    exchange=(
        Call(
            to="POST https://www.linkedin.com/oauth/v2/accessToken",
            form=CODE | POSTED,
            answer=answer(
                id_token=ID_TOKEN,
                expires_in=5184000,
                refresh_token_expires_in=31536000,
                scope="email,openid,profile",
            ),
        ),
    ),
    tokens=Tokens(life=5184000, refresh_life=31536000, scopes=scopes("openid", "profile", "email")),
    whoami=(
        Call(
            to="GET https://api.linkedin.com/v2/userinfo",
            authorization=bearer(),
            answer={"sub": "li-7", "name": "Ana"},
        ),
    ),
    subject="li-7",
    label="Ana",
    renewal=(
        Call(
            to="POST https://www.linkedin.com/oauth/v2/accessToken",
            form=RENEWAL | POSTED,
            answer=answer(access_token="at-2", expires_in=432000, refresh_token_expires_in=432000),
        ),
    ),
    renewed=Tokens(access="at-2", life=432000, refresh_life=432000),
    introspection=LINKEDIN_ASKED,
    probe=LINKEDIN_ASKED,
)

GRAPH = "https://graph.facebook.com/v25.0"
PROOF = "c21394ba3cc30855488a97166d5840b2a7cf97741ffcd86b4c62ac96ea25d9f1"  # of at-1 under s3cret, by openssl
FACEBOOK = Contract(
    page="https://www.facebook.com/v25.0/dialog/oauth",
    page_params=PAGE | {"scope": "public_profile,email", "return_scopes": "true"},
    callback={"granted_scopes": "public_profile", "denied_scopes": "email"},
    granted=scopes("public_profile"),
    again={"auth_type": "rerequest"},
    exchange=(
        Call(
            to=f"GET {GRAPH}/oauth/access_token",
            query=CODE | POSTED,
            answer={"access_token": "short", "token_type": "bearer", "expires_in": 5000},
        ),
        Call(
            to=f"GET {GRAPH}/oauth/access_token",
            query=POSTED | {"grant_type": "fb_exchange_token", "fb_exchange_token": "short"},
            answer="access_token=at-1&expires_in=5183944",  # an older reply's form
        ),
    ),
    tokens=Tokens(refresh=None, life=5183944),
    whoami=(
        Call(
            to=f"GET {GRAPH}/me",
            query={"fields": "id,name,email", "appsecret_proof": PROOF},
            authorization=bearer(),
            answer={"id": "1009", "name": "Ana"},
        ),
    ),
    subject="1009",
    label="Ana",
    renewal=(
        Call(
            to=f"GET {GRAPH}/oauth/access_token",
            query=POSTED | {"grant_type": "fb_exchange_token", "fb_exchange_token": "at-1"},
            answer={"access_token": "at-2", "token_type": "bearer"},
        ),
    ),
    renewed=Tokens(access="at-2", refresh=None, life=60 * 86400),
    revocation=Call(
        to=f"DELETE {GRAPH}/me/permissions", query={"appsecret_proof": PROOF}, authorization=bearer(), answer=True
    ),
)

INSTAGRAM = Contract(
    page="https://api.instagram.com/oauth/authorize",
    page_params=PAGE | {"scope": "instagram_business_basic,instagram_business_content_publish"},
    scopes="instagram_business_basic,instagram_business_content_publish",
    exchange=(
        Call(
            to="POST https://api.instagram.com/oauth/access_token",
            form=CODE | POSTED,
            answer={"data": [{"access_token": "short", "user_id": 17841, "permissions": "instagram_business_basic"}]},
        ),
        Call(
            to="GET https://graph.instagram.com/access_token",
            query={"grant_type": "ig_exchange_token", "client_secret": SECRET, "access_token": "short"},
            answer={"access_token": "at-1", "token_type": "bearer", "expires_in": 5184000},
        ),
    ),
    tokens=Tokens(refresh=None, life=5184000, scopes=scopes("instagram_business_basic")),
    whoami=(
        Call(
            to="GET https://graph.instagram.com/me",
            query={"fields": "id,username"},
            authorization=bearer(),
            answer={"id": "17841", "username": "ana.pictures"},
        ),
    ),
    subject="17841",
    label="ana.pictures",
    renewal=(
        Call(
            to="GET https://graph.instagram.com/refresh_access_token",
            query={"grant_type": "ig_refresh_token", "access_token": "at-1"},
            answer={"access_token": "at-2", "token_type": "bearer", "expires_in": 5184000},
        ),
    ),
    renewed=Tokens(access="at-2", refresh=None, life=5184000),
)

YOUTUBE = "https://www.googleapis.com/auth/youtube.readonly"
GOOGLE = Contract(
    page="https://accounts.google.com/o/oauth2/v2/auth",
    page_params=PAGE
    | PKCE
    | {
        "scope": f"openid email profile {YOUTUBE}",
        "nonce": NONCE,
        "access_type": "offline",
        "prompt": "consent",
    },
    choose={"prompt": "select_account consent"},
    hint_param="login_hint",
    discovery="https://accounts.google.com/.well-known/openid-configuration",
    publishes={"issuer": "https://accounts.google.com", "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs"},
    claims={"iss": "https://accounts.google.com", "sub": "117", "nonce": NONCE},
    exchange=(
        Call(
            to="POST https://oauth2.googleapis.com/token",
            form=VERIFIED | POSTED,
            answer=answer(id_token=ID_TOKEN, scope=f"openid {YOUTUBE}"),
        ),
    ),
    tokens=Tokens(life=3600, scopes=scopes("openid", YOUTUBE)),
    whoami=(
        Call(
            to="GET https://www.googleapis.com/oauth2/v3/userinfo",
            authorization=bearer(),
            answer={"sub": "117", "name": "Ana"},
        ),
    ),
    subject="117",
    label="Ana",
    accounts=(
        Call(
            to="GET https://www.googleapis.com/youtube/v3/channels",
            query={"part": "snippet", "mine": "true", "maxResults": "50"},
            authorization=bearer(),
            answer={"items": [{"id": "UC1", "snippet": {"title": "Ana bakes"}}]},
        ),
    ),
    account_names=("UC1 Ana bakes",),
    renewal=(
        Call(
            to="POST https://oauth2.googleapis.com/token",
            form=RENEWAL | POSTED,
            answer=answer(access_token="at-2", refresh_token=None),
        ),
    ),
    renewed=Tokens(access="at-2", refresh=None, life=3600),
    revocation=Call(
        to="POST https://oauth2.googleapis.com/revoke",
        form={"token": "rt-1", "token_type_hint": "refresh_token", "client_id": CLIENT},
    ),
)

VIMEO_JSON = "application/vnd.vimeo.*+json;version=3.4"
VIMEO = Contract(
    page="https://api.vimeo.com/oauth/authorize",
    page_params=PAGE | {"scope": "public private"},
    scopes="public private",
    exchange=(
        Call(
            to="POST https://api.vimeo.com/oauth/access_token",
            authorization=BASIC,
            form=CODE,
            accept=VIMEO_JSON,
            answer={
                "access_token": "at-1",
                "token_type": "bearer",
                "scope": "public private",
                "user": {"uri": "/users/4711"},
            },
        ),
    ),
    tokens=Tokens(refresh=None, scopes=scopes("public", "private")),
    whoami=(
        Call(
            to="GET https://api.vimeo.com/me",
            authorization=bearer(),
            accept=VIMEO_JSON,
            answer={"uri": "/users/4711", "name": "Ana"},
        ),
    ),
    subject="4711",
    label="Ana",
)

TIKTOK_APP = {"client_key": CLIENT, "client_secret": SECRET}
TIKTOK = Contract(
    page="https://www.tiktok.com/v2/auth/authorize/",
    page_params={
        "response_type": "code",
        "client_key": CLIENT,
        "redirect_uri": REDIRECT,
        "state": STATE,
        "scope": "user.info.basic,video.list",
    },
    scopes="user.info.basic video.list",
    exchange=(
        Call(
            to="POST https://open.tiktokapis.com/v2/oauth/token/",
            form=CODE | TIKTOK_APP,
            answer=answer(
                expires_in=7200, refresh_expires_in=15552000, open_id="afd97af1", scope="user.info.basic,video.list"
            ),
        ),
    ),
    tokens=Tokens(life=7200, refresh_life=15552000, scopes=scopes("user.info.basic", "video.list")),
    whoami=(
        Call(
            to="GET https://open.tiktokapis.com/v2/user/info/",
            query={"fields": "open_id,avatar_url,display_name"},
            authorization=bearer(),
            answer={
                "data": {"user": {"open_id": "afd97af1", "display_name": "Ana dances"}},
                "error": {"code": "ok", "message": "", "log_id": "1"},
            },
        ),
    ),
    subject="afd97af1",
    label="Ana dances",
    renewal=(
        Call(
            to="POST https://open.tiktokapis.com/v2/oauth/token/",
            form=RENEWAL | TIKTOK_APP,
            answer=next_answer(expires_in=7100, refresh_expires_in=15000000, open_id="afd97af1"),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=7100, refresh_life=15000000),
    revocation=Call(
        to="POST https://open.tiktokapis.com/v2/oauth/revoke/",
        form=TIKTOK_APP | {"token": "at-1", "token_type_hint": "access_token"},
    ),
)

X = Contract(
    page="https://x.com/i/oauth2/authorize",
    page_params=PAGE | PKCE | {"scope": "tweet.read users.read offline.access"},
    exchange=(
        Call(
            to="POST https://api.x.com/2/oauth2/token",
            authorization=BASIC,
            form=VERIFIED,
            answer=answer(expires_in=7200, scope="tweet.read users.read offline.access"),
        ),
    ),
    tokens=Tokens(life=7200, scopes=scopes("tweet.read", "users.read", "offline.access")),
    whoami=(
        Call(
            to="GET https://api.x.com/2/users/me",
            authorization=bearer(),
            answer={"data": {"id": "2244994945", "name": "Ana", "username": "ana"}},
        ),
    ),
    subject="2244994945",
    label="ana",
    renewal=(
        Call(
            to="POST https://api.x.com/2/oauth2/token",
            authorization=BASIC,
            form=RENEWAL,
            answer=next_answer(expires_in=None),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=7200),
    revocation=Call(
        to="POST https://api.x.com/2/oauth2/revoke",
        authorization=BASIC,
        form={"token": "rt-1", "token_type_hint": "refresh_token"},
    ),
)

SOCIAL = {
    "linkedin": LINKEDIN,
    "facebook": FACEBOOK,
    "instagram": INSTAGRAM,
    "google": GOOGLE,
    "vimeo": VIMEO,
    "tiktok": TIKTOK,
    "x": X,
}
