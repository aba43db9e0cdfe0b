"""The contracts of providers that give tokens for a key: what is asked, and what the assertion has to say.

As with the others, nothing here reads the catalog's files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.providers.contract import BASIC, Call, Tokens, answer, bearer, scopes

ASSERTION = "<the assertion>"  # the test looks into it, and puts this in its place
JWT_BEARER = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": ASSERTION}
CREDENTIAL = "eyJraWQiOiI4NzYyZjU5OGQwNTk0NGRiODZiZjVjYTk3ODA0NzYwOCJ9.eyJhdWQiOiJodHRwczovL3BsIn0.c2lnbmVk"
KEY_ID = "9f2c"


@dataclass(frozen=True, kw_only=True)
class ServiceContract:
    """One provider: what is entered, the one request for a token, and what is made of its answer."""

    entered: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, str] = field(default_factory=dict)
    scopes: str = ""
    has_credential: bool = False  # ready-made, instead of a key of ours
    token: Call
    claims: Mapping[str, str] = field(default_factory=dict)
    life_s: int = 180  # of the assertion
    kid: str | None = None
    algorithm: str = "RS256"
    tokens: Tokens
    whoami: tuple[Call, ...] = ()
    subject: str
    label: str
    kept: Mapping[str, str] = field(default_factory=dict)
    revocation: Call | None = None
    discovery: str = ""
    publishes: Mapping[str, str] = field(default_factory=dict)


ACCOUNT = "sync@acme-1.iam.gserviceaccount.com"
DRIVE = "https://www.googleapis.com/auth/drive.readonly"
GOOGLE = ServiceContract(
    entered={"client_email": ACCOUNT, "scope": DRIVE, "subject": "ana@acme.example"},
    token=Call(
        to="POST https://oauth2.googleapis.com/token",
        form=JWT_BEARER,
        answer={"access_token": "at-1", "expires_in": 3599, "token_type": "Bearer"},
    ),
    claims={
        "iss": ACCOUNT,
        "sub": "ana@acme.example",
        "scope": DRIVE,
        "aud": "https://oauth2.googleapis.com/token",
    },
    life_s=300,
    kid=KEY_ID,
    tokens=Tokens(refresh=None, life=3599),
    subject="ana@acme.example",
    label="ana@acme.example",
    revocation=Call(to="POST https://oauth2.googleapis.com/revoke", form={"token": "at-1"}),
)
GOOGLE_ITSELF = ServiceContract(  # nobody impersonated: no subject at all
    entered={"client_email": ACCOUNT, "scope": DRIVE, "subject": ""},
    token=GOOGLE.token,
    claims={"iss": ACCOUNT, "scope": DRIVE, "aud": "https://oauth2.googleapis.com/token"},
    life_s=300,
    kid=KEY_ID,
    tokens=GOOGLE.tokens,
    subject=ACCOUNT,
    label=ACCOUNT,
    revocation=GOOGLE.revocation,
)

RC = "https://platform.ringcentral.com/restapi"
RINGCENTRAL = ServiceContract(
    has_credential=True,
    token=Call(
        to=f"POST {RC}/oauth/token",
        authorization=BASIC,
        form=JWT_BEARER,
        answer=answer(owner_id="256440016", refresh_token_expires_in=604800, scope="ReadAccounts"),
    ),
    tokens=Tokens(refresh=None, life=3600, scopes=scopes("ReadAccounts")),  # its refresh token is not needed
    whoami=(Call(to=f"GET {RC}/v1.0/account/~/extension/~", authorization=bearer(), answer={"id": 1, "name": "Ana"}),),
    subject="256440016",
    label="Ana",
    revocation=Call(
        to=f"POST {RC}/oauth/revoke",
        authorization=BASIC,
        form={"token": "at-1", "token_type_hint": "access_token"},
    ),
)

CONSUMER = "3MVG99OxTyEMCQ3gNp2PjkqeZKxnmAiG1xV4oHh9AKL"
SF = "https://test.salesforce.com"
SALESFORCE = ServiceContract(
    entered={
        "issuer": CONSUMER,
        "subject": "sync@acme.example",
        "host": "test.salesforce.com",
        "audience": "https://test.salesforce.com",
    },
    token=Call(
        to=f"POST {SF}/services/oauth2/token",
        form=JWT_BEARER,
        answer={
            "access_token": "at-1",
            "scope": "api",
            "instance_url": "https://acme.my.salesforce.com",
            "id": f"{SF}/id/00Dx0000000BV7z/005x00000012Q9P",
            "token_type": "Bearer",
        },
    ),
    claims={"iss": CONSUMER, "sub": "sync@acme.example", "aud": SF},
    tokens=Tokens(refresh=None, life=3600, scopes=scopes("api")),
    whoami=(
        Call(
            to=f"GET {SF}/services/oauth2/userinfo",
            authorization=bearer(),
            answer={"name": "Sync", "email": "sync@acme.example"},
        ),
    ),
    subject="00Dx0000000BV7z/005x00000012Q9P",
    label="Sync",
    kept={"/instance_url": "https://acme.my.salesforce.com"},
    revocation=Call(
        to=f"POST {SF}/services/oauth2/revoke",
        form={"token": "at-1", "token_type_hint": "access_token"},
    ),
)

GENERIC = ServiceContract(
    vars={"token_url": "https://id.acme.example/token"},
    entered={"issuer": "client-9", "subject": "", "audience": "", "scope": "read write", "key_id": "k-1"},
    token=Call(
        to="POST https://id.acme.example/token",
        form=JWT_BEARER | {"scope": "read write"},
        answer={"access_token": "at-1", "expires_in": 600, "token_type": "Bearer"},
    ),
    claims={"iss": "client-9", "sub": "client-9", "aud": "https://id.acme.example/token"},
    kid="k-1",
    tokens=Tokens(refresh=None, life=600),
    subject="client-9",
    label="client-9",
)

SERVICES = {
    "google-service": (GOOGLE, GOOGLE_ITSELF),
    "ringcentral-jwt": (RINGCENTRAL,),
    "salesforce-jwt": (SALESFORCE,),
    "jwt-bearer": (GENERIC,),
}
