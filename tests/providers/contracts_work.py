"""The contracts of the services people work with."""

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
    VERIFIED,
    Call,
    Contract,
    Tokens,
    answer,
    bearer,
    next_answer,
    scopes,
)

RC = "https://platform.ringcentral.com/restapi"
RINGCENTRAL = Contract(
    page=f"{RC}/oauth/authorize",
    page_params=PAGE | PKCE,  # no scopes
    exchange=(
        Call(
            to=f"POST {RC}/oauth/token",
            authorization=BASIC,
            form=VERIFIED,
            answer=answer(owner_id="256440016", refresh_token_expires_in=604800, scope="ReadAccounts"),
        ),
    ),
    tokens=Tokens(life=3600, refresh_life=604800, scopes=scopes("ReadAccounts")),
    whoami=(
        Call(
            to=f"GET {RC}/v1.0/account/~/extension/~",
            authorization=bearer(),
            answer={"id": 256440016, "name": "Ana"},
        ),
    ),
    subject="256440016",
    label="Ana",
    renewal=(Call(to=f"POST {RC}/oauth/token", authorization=BASIC, form=RENEWAL, answer=next_answer()),),
    renewed=Tokens(access="at-2", refresh="rt-2", life=3600, refresh_life=604800),
    revocation=Call(
        to=f"POST {RC}/oauth/revoke",
        authorization=BASIC,
        form={"token": "rt-1", "token_type_hint": "refresh_token"},
    ),
)

ATLASSIAN = Contract(
    page="https://auth.atlassian.com/authorize",
    page_params=PAGE | {"scope": "read:me offline_access", "audience": "api.atlassian.com", "prompt": "consent"},
    exchange=(
        Call(
            to="POST https://auth.atlassian.com/oauth/token",
            form=CODE | POSTED,
            answer=answer(scope="read:me offline_access"),
        ),
    ),
    tokens=Tokens(life=3600, refresh_life=365 * 86400, scopes=scopes("read:me", "offline_access")),
    whoami=(
        Call(
            to="GET https://api.atlassian.com/me",
            authorization=bearer(),
            answer={"account_id": "5b10", "name": "Ana", "email": "ana@example.com"},
        ),
    ),
    subject="5b10",
    label="Ana",
    accounts=(
        Call(
            to="GET https://api.atlassian.com/oauth/token/accessible-resources",
            authorization=bearer(),
            answer=[{"id": "1324a887", "name": "acme"}, {"id": "9", "name": "other"}],
        ),
    ),
    account_names=("1324a887 acme", "9 other"),
    renewal=(Call(to="POST https://auth.atlassian.com/oauth/token", form=RENEWAL | POSTED, answer=next_answer()),),
    renewed=Tokens(access="at-2", refresh="rt-2", life=3600),  # the year goes on counting from the first consent
)

GITHUB_JSON = "application/vnd.github+json"
GITHUB_USER = Call(
    to="GET https://api.github.com/user",
    authorization=bearer(),
    accept=GITHUB_JSON,
    answer={"id": 583231, "login": "octoana", "email": None},
)
GITHUB_REVOCATION = Call(
    to=f"DELETE https://api.github.com/applications/{CLIENT}/token",
    authorization=BASIC,
    json={"access_token": "at-1"},
)
GITHUB = Contract(
    page="https://github.com/login/oauth/authorize",
    page_params=PAGE | PKCE | {"scope": "read:user repo"},  # blanks in ...
    scopes="read:user repo",
    choose={"prompt": "select_account"},
    hint_param="login",
    exchange=(
        Call(
            to="POST https://github.com/login/oauth/access_token",
            form=VERIFIED | POSTED,
            answer={"access_token": "at-1", "token_type": "bearer", "scope": "read:user,repo"},  # ... and commas out
        ),
    ),
    tokens=Tokens(refresh=None, scopes=scopes("read:user", "repo")),
    whoami=(GITHUB_USER,),
    subject="583231",
    label="octoana",
    revocation=GITHUB_REVOCATION,
)
GITHUB_APP = Contract(
    page="https://github.com/login/oauth/authorize",
    page_params=PAGE | PKCE,  # permissions belong to the app
    choose={"prompt": "select_account"},
    hint_param="login",
    exchange=(
        Call(
            to="POST https://github.com/login/oauth/access_token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in="28800", refresh_token_expires_in="15811200", scope=""),  # texts for numbers
        ),
    ),
    tokens=Tokens(life=28800, refresh_life=15811200, scopes=scopes()),
    whoami=(GITHUB_USER,),
    subject="583231",
    label="octoana",
    renewal=(
        Call(
            to="POST https://github.com/login/oauth/access_token",
            form=RENEWAL | POSTED,
            answer=next_answer(expires_in=None),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=28800, refresh_life=180 * 86400),
    revocation=GITHUB_REVOCATION,
)

GITLAB = Contract(
    vars={"host": "git.acme.example"},
    page="https://git.acme.example/oauth/authorize",
    page_params=PAGE | PKCE | {"scope": "read_user"},
    exchange=(
        Call(
            to="POST https://git.acme.example/oauth/token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=7200, scope="read_user", created_at=1763640000),
        ),
    ),
    tokens=Tokens(life=7200, scopes=scopes("read_user")),
    whoami=(
        Call(
            to="GET https://git.acme.example/api/v4/user",
            authorization=bearer(),
            answer={"id": 7, "username": "ana"},
        ),
    ),
    subject="7",
    label="ana",
    renewal=(
        Call(
            to="POST https://git.acme.example/oauth/token",
            form=RENEWAL | POSTED | {"redirect_uri": REDIRECT},
            answer=next_answer(expires_in=7200),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=7200),
    revocation=Call(
        to="POST https://git.acme.example/oauth/revoke",
        form=POSTED | {"token": "rt-1", "token_type_hint": "refresh_token"},
    ),
)

SF = "https://login.salesforce.com/services/oauth2"
SF_ID = "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P"
SALESFORCE = Contract(
    page=f"{SF}/authorize",
    page_params=PAGE | PKCE | {"scope": "api refresh_token openid", "nonce": NONCE},
    again={"prompt": "consent"},
    choose={"prompt": "login"},
    hint_param="login_hint",
    discovery="https://login.salesforce.com/.well-known/openid-configuration",
    publishes={
        "issuer": "https://login.salesforce.com",
        "jwks_uri": "https://login.salesforce.com/id/keys",
        "userinfo_endpoint": f"{SF}/userinfo",
    },
    claims={"iss": "https://login.salesforce.com", "sub": SF_ID, "nonce": NONCE},
    exchange=(
        Call(
            to=f"POST {SF}/token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=None, id=SF_ID, instance_url="https://acme.my.salesforce.com", id_token=ID_TOKEN),
        ),
    ),
    tokens=Tokens(life=3600),  # never stated
    kept={"/instance_url": "https://acme.my.salesforce.com"},
    whoami=(Call(to=f"GET {SF}/userinfo", authorization=bearer(), answer={"sub": SF_ID, "name": "Ana"}),),
    subject="00Dx0000000BV7z/005x00000012Q9P",
    label="Ana",
    renewal=(
        Call(
            to=f"POST {SF}/token",
            form=RENEWAL | POSTED,
            answer=answer(access_token="at-2", refresh_token=None, expires_in=None),
        ),
    ),
    renewed=Tokens(access="at-2", refresh=None, life=3600),
    revocation=Call(to=f"POST {SF}/revoke", form=POSTED | {"token": "rt-1", "token_type_hint": "refresh_token"}),
)

SLACK_URL = "https://slack.com/api"
TWO_TOKENS = {
    "ok": True,
    "access_token": "bot-at",
    "refresh_token": "bot-rt",
    "token_type": "bot",
    "expires_in": 43200,
    "scope": "commands,users:read",
    "bot_user_id": "U0KRQLJ9H",
    "team": {"name": "Acme", "id": "T9TK3CUKW"},
    "authed_user": {
        "id": "U1234",
        "access_token": "user-at",
        "refresh_token": "user-rt",
        "token_type": "user",
        "expires_in": 40000,
        "scope": "users:read,chat:write",
    },
}
SLACK = Contract(
    page="https://slack.com/oauth/v2/authorize",
    page_params=PAGE | PKCE | {"user_scope": "users:read,chat:write"},
    scopes="users:read chat:write",
    exchange=(Call(to=f"POST {SLACK_URL}/oauth.v2.access", authorization=BASIC, form=VERIFIED, answer=TWO_TOKENS),),
    tokens=Tokens(access="user-at", refresh="user-rt", life=40000, scopes=scopes("users:read", "chat:write")),
    whoami=(
        Call(
            to=f"POST {SLACK_URL}/auth.test",
            authorization=bearer("user-at"),
            answer={"ok": True, "user": "ana", "user_id": "U1234", "team": "Acme", "team_id": "T9TK3CUKW"},
        ),
    ),
    subject="T9TK3CUKW/U1234",
    label="ana",
    renewal=(
        Call(
            to=f"POST {SLACK_URL}/oauth.v2.access",
            authorization=BASIC,
            form=RENEWAL | {"refresh_token": "user-rt"},
            answer=next_answer(ok=True, token_type="user", expires_in=43200, scope="users:read,chat:write"),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=43200, scopes=scopes("users:read", "chat:write")),
    revocation=Call(
        to=f"POST {SLACK_URL}/auth.revoke", authorization=bearer("user-at"), answer={"ok": True, "revoked": True}
    ),
    api_bearer="user-at",
)
SLACK_BOT = Contract(
    page="https://slack.com/oauth/v2/authorize",
    page_params=PAGE | PKCE | {"scope": "users:read,commands"},
    scopes="users:read commands",
    exchange=SLACK.exchange,
    tokens=Tokens(access="bot-at", refresh="bot-rt", life=43200, scopes=scopes("commands", "users:read")),
    subject="T9TK3CUKW",
    label="Acme",
    renewal=(
        Call(
            to=f"POST {SLACK_URL}/oauth.v2.access",
            authorization=BASIC,
            form=RENEWAL | {"refresh_token": "bot-rt"},
            answer=next_answer(ok=True, token_type="bot", expires_in=43200),
        ),
    ),
    renewed=Tokens(access="at-2", refresh="rt-2", life=43200),
    probe=Call(to=f"POST {SLACK_URL}/auth.test", authorization=bearer("bot-at"), answer={"ok": True}),
    revocation=Call(to=f"POST {SLACK_URL}/auth.revoke", authorization=bearer("bot-at"), answer={"ok": True}),
    api_bearer="bot-at",
)

ZOOM = Contract(
    page="https://zoom.us/oauth/authorize",
    page_params=PAGE | PKCE,
    exchange=(
        Call(
            to="POST https://zoom.us/oauth/token",
            authorization=BASIC,
            form=VERIFIED,
            answer=answer(scope="user:read:user meeting:read"),
        ),
    ),
    tokens=Tokens(life=3600, scopes=scopes("user:read:user", "meeting:read")),
    whoami=(
        Call(
            to="GET https://api.zoom.us/v2/users/me",
            authorization=bearer(),
            answer={"id": "z8yAAA", "display_name": "Ana", "email": "ana@example.com"},
        ),
    ),
    subject="z8yAAA",
    label="Ana",
    renewal=(Call(to="POST https://zoom.us/oauth/token", authorization=BASIC, form=RENEWAL, answer=next_answer()),),
    renewed=Tokens(access="at-2", refresh="rt-2", life=3600),
    revocation=Call(
        to="POST https://zoom.us/oauth/revoke",
        authorization=BASIC,
        form={"token": "at-1", "token_type_hint": "access_token"},
    ),
)

DROPBOX_URL = "https://api.dropboxapi.com"
DROPBOX = Contract(
    page="https://www.dropbox.com/oauth2/authorize",
    page_params=PAGE | PKCE | {"token_access_type": "offline"},
    exchange=(
        Call(
            to=f"POST {DROPBOX_URL}/oauth2/token",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=14400, account_id="dbid:AAH4", team_id="dbtid:1", scope="account_info.read"),
        ),
    ),
    tokens=Tokens(life=14400, scopes=scopes("account_info.read")),
    kept={"/team_id": "dbtid:1"},
    whoami=(
        Call(
            to=f"POST {DROPBOX_URL}/2/users/get_current_account",
            authorization=bearer(),
            answer={"account_id": "dbid:AAH4", "name": {"display_name": "Ana"}, "email": "ana@example.com"},
        ),
    ),
    subject="dbid:AAH4",
    label="Ana",
    renewal=(
        Call(
            to=f"POST {DROPBOX_URL}/oauth2/token",
            form=RENEWAL | POSTED,  # with `scope` it would narrow
            answer=answer(access_token="at-2", refresh_token=None, expires_in=14400),
        ),
    ),
    renewed=Tokens(access="at-2", refresh=None, life=14400),
    revocation=Call(to=f"POST {DROPBOX_URL}/2/auth/token/revoke", authorization=bearer(), answer=None),
)

HUBSPOT_URL = "https://api.hubapi.com/oauth/2026-03/token"
HUBSPOT_ABOUT = Call(
    to=f"POST {HUBSPOT_URL}/introspect",
    form=POSTED | {"token": "at-1", "token_type_hint": "access_token"},
    answer={"active": True, "hub_id": 62515, "user_id": 123456, "user": "ana@example.com"},
)
HUBSPOT = Contract(
    page="https://app.hubspot.com/oauth/authorize",
    page_params=PAGE | PKCE | {"scope": "oauth crm.objects.contacts.read"},
    scopes="oauth crm.objects.contacts.read",
    exchange=(
        Call(
            to=f"POST {HUBSPOT_URL}",
            form=VERIFIED | POSTED,
            answer=answer(expires_in=1800, hub_id=62515, user_id=123456, scopes=["oauth"]),
        ),
    ),
    tokens=Tokens(life=1800, scopes=scopes("oauth")),
    whoami=(HUBSPOT_ABOUT,),
    subject="62515/123456",
    label="ana@example.com",
    renewal=(
        Call(to=f"POST {HUBSPOT_URL}", form=RENEWAL | POSTED, answer=answer(access_token="at-2", expires_in=1800)),
    ),
    renewed=Tokens(access="at-2", life=1800),
    introspection=HUBSPOT_ABOUT,
    revocation=Call(
        to=f"POST {HUBSPOT_URL}/revoke", form=POSTED | {"token": "rt-1", "token_type_hint": "refresh_token"}
    ),
)

WORK = {
    "ringcentral": RINGCENTRAL,
    "atlassian": ATLASSIAN,
    "github": GITHUB,
    "github-app": GITHUB_APP,
    "gitlab": GITLAB,
    "salesforce": SALESFORCE,
    "slack": SLACK,
    "slack-bot": SLACK_BOT,
    "zoom": ZOOM,
    "dropbox": DROPBOX,
    "hubspot": HUBSPOT,
}
