"""What a provider must be asked, written down by hand from its documentation, and a stand-in that answers only that.

Nothing here reads the catalog's files: a contract is what they are compared with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLIENT, SECRET, REDIRECT = "client-1", "s3cret", "https://portal.example/consent/callback/it"
STATE, NONCE, CHALLENGE, VERIFIER, HINT = "state-1", "nonce-1", "challenge-1", "verifier-1", "ana@example.com"

# What the RFCs say, for the contracts to be put together from
PAGE = {"response_type": "code", "client_id": CLIENT, "redirect_uri": REDIRECT, "state": STATE}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
CODE = {"grant_type": "authorization_code", "code": "code-1", "redirect_uri": REDIRECT}
VERIFIED = CODE | {"code_verifier": VERIFIER}
RENEWAL = {"grant_type": "refresh_token", "refresh_token": "rt-1"}
POSTED = {"client_id": CLIENT, "client_secret": SECRET}
BASIC = "Basic Y2xpZW50LTE6czNjcmV0"
ID_TOKEN = "<a signed ID token>"  # the stand-in puts one in its place


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request and its answer; `authorization` empty means that the header may not be there."""

    to: str  # method and address
    authorization: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, str] | None = None
    accept: str = "application/json"
    answer: Any = ""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What must be made of an answer; lives in seconds, None where the answer and the provider state none."""

    access: str = "at-1"
    refresh: str | None = "rt-1"
    life: int | None = None
    refresh_life: int | None = None
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One provider: the approval page and every call we make, in order."""

    page: str
    page_params: Mapping[str, str]
    again: Mapping[str, str] = field(default_factory=dict)  # what a reconsent adds or changes
    choose: Mapping[str, str] = field(default_factory=dict)  # what asking for another account does
    hint_param: str = ""
    scopes: str = ""  # as PORTAL_PROVIDER_..._SCOPES would name them; empty: the file's own
    vars: Mapping[str, str] = field(default_factory=dict)
    entered: Mapping[str, str] = field(default_factory=dict)  # what a connection's own person has to say
    publishes: Mapping[str, str] = field(default_factory=dict)  # the discovery document, under its address
    discovery: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)  # of the ID token
    exchange: tuple[Call, ...]
    tokens: Tokens
    callback: Mapping[str, str] = field(default_factory=dict)  # what the approval page says was left ticked
    granted: frozenset[str] | None = None
    whoami: tuple[Call, ...] = ()  # what finding out who it is asks
    subject: str
    label: str
    accounts: tuple[Call, ...] = ()
    account_names: tuple[str, ...] = ()
    renewal: tuple[Call, ...] = ()
    renewed: Tokens | None = None
    probe: Call | None = None  # what finding out whether the token lives asks, if not the same as whoami
    introspection: Call | None = None
    refresh_asked: Call | None = None  # what finding out the refresh token's end asks, and in how many seconds that is
    refresh_asked_life: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)  # of the answer, beside the tokens
    secondary: tuple[str, ...] = ()
    revocation: Call | None = None
    api_bearer: str = "at-1"


def bearer(token: str = "at-1") -> str:
    return f"Bearer {token}"


def answer(**changes: Any) -> dict[str, Any]:
    """A plain OAuth answer (RFC 6749 section 5.1); None takes a member away."""
    usual = {"access_token": "at-1", "refresh_token": "rt-1", "token_type": "Bearer", "expires_in": 3600}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def next_answer(**changes: Any) -> dict[str, Any]:
    """The answer to a refresh that rotates."""
    return answer(**{"access_token": "at-2", "refresh_token": "rt-2"} | changes)


def scopes(*names: str) -> frozenset[str]:
    return frozenset(names)
