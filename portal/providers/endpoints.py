"""The provider's addresses and how we speak to each: approval page, token, refresh, revocation, introspection."""

from dataclasses import dataclass, field

from portal.providers.words import (
    Body,
    ClientAuth,
    ExpiryUnit,
    KeyFormat,
    Method,
    OnMissing,
    Pkce,
    Pointer,
    Pointers,
    RefreshMode,
    RevokeEnds,
    RevokeStyle,
    Rotation,
    Seconds,
    Signing,
    Text,
    TokenName,
    Url,
)
from portal.rules.fault_rules import Condition, FaultRule
from portal.rules.verdicts import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRequest:
    """Which scopes are asked for and how they are written; losing one of the `optional` ones breaks nothing."""

    param: str = "scope"
    separator: str = " "
    default: tuple[str, ...] = ()
    required_for_refresh: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def required(self) -> frozenset[str]:
        """The scopes a connection cannot do without."""
        return frozenset(self.default) - frozenset(self.optional)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserScopeRequest(ScopeRequest):
    """The same for scopes of the person beside those of the app (Slack's way)."""

    param: str = "user_scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """The approval page. No `url`: the discovery document names it.

    `granted_scopes_param` is where it sends back the scopes left ticked, if the token answer names none.
    """

    url: Url = ""
    params: Text = field(default_factory=dict)
    params_reconsent: Text = field(default_factory=dict)
    params_choose_account: Text = field(default_factory=dict)
    login_hint_param: str = ""
    client_id_param: str = "client_id"
    pkce: Pkce = Pkce.S256
    state_max: int = 500
    granted_scopes_param: str = ""
    scope: ScopeRequest = field(default_factory=ScopeRequest)
    user_scope: UserScopeRequest = field(default_factory=UserScopeRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """What makes an answer of the token endpoint a token."""

    field: Pointer = ""  # empty: where the map finds the access token
    status: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMap:
    """Where the token endpoint's answer keeps what; no `scope_separator_out` means blanks and commas alike."""

    access_token: Pointers = "/access_token"
    refresh_token: Pointers = "/refresh_token"
    id_token: Pointers = "/id_token"
    token_type: Pointers = "/token_type"
    expires_in: Pointers = "/expires_in"
    expires_unit: ExpiryUnit = ExpiryUnit.SECONDS
    refresh_expires_in: Pointers = "/refresh_token_expires_in"
    scope: Pointers = "/scope"
    scope_separator_out: str = ""
    extra: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The second hop to a long-lived token; its parameters may name {access_token}, {client_id}, {client_secret}."""

    url: Url
    method: Method = Method.GET
    body: Body = Body.QUERY
    params: Text = field(default_factory=dict)
    bearer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The token endpoint. No `url`: the discovery document names it, and where there is no `auth` either, that too.

    `client_audience` is who our app's own assertions are for, where it proves itself by `private_key_jwt`; empty: the
    token endpoint.
    """

    url: Url = ""
    method: Method = Method.POST
    body: Body = Body.FORM
    auth: ClientAuth | None = None
    params: Text = field(default_factory=dict)
    headers: Text = field(default_factory=dict)
    success: Success = field(default_factory=Success)
    map: TokenMap = field(default_factory=TokenMap)
    upgrade: Upgrade | None = None
    client_audience: Url = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """The JWT that a service connection shows for a token (RFC 7523 section 2.1); what is empty is left out of it.

    `key` says what the admin brings. No `audience`: the token endpoint. No `subject`: the issuer, unless
    `is_subject_optional`. The first of the `algorithms` that fits the key signs; `key_id` goes into the header.
    """

    key: KeyFormat = KeyFormat.PEM
    issuer: str = ""
    subject: str = ""
    is_subject_optional: bool = False
    audience: str = ""
    key_id: str = ""
    claims: Text = field(default_factory=dict)
    algorithms: tuple[Signing, ...] = (Signing.RS256, Signing.ES256, Signing.ES384, Signing.ES512)
    lifetime_s: Seconds = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """How tokens are kept fresh. No `url`, `method`, `body`, `auth` or `map`: as at the token endpoint.

    `concurrency` is how many connections each worker refreshes there at a time, `per_minute` how many all of them begin
    with in a minute (0: as many as are due).
    """

    mode: RefreshMode = RefreshMode.REFRESH_TOKEN
    url: Url = ""
    method: Method | None = None
    body: Body | None = None
    auth: ClientAuth | None = None
    params: Text = field(default_factory=dict)
    map: TokenMap | None = None
    rotation: Rotation = Rotation.UNKNOWN
    on_missing: OnMissing = OnMissing.KEEP
    send_redirect_uri: bool = False
    send_scope: bool = False
    min_age_s: Seconds = 0
    grace_s: Seconds = 0
    old_access_dies: bool = False
    early: float = 0.75
    trust_only_later_expiry: bool = False
    concurrency: int = 50
    per_minute: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """How a grant is ended at the provider. No `auth`: as at the token endpoint."""

    style: RevokeStyle = RevokeStyle.NONE
    url: Url = ""
    method: Method = Method.POST
    token: TokenName = TokenName.REFRESH
    token_param: str = "token"
    auth: ClientAuth | None = None
    body: Body = Body.FORM
    params: Text = field(default_factory=dict)
    ends: RevokeEnds = RevokeEnds.GRANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value at a place of an answer."""

    at: Pointer
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Introspect:
    """Token introspection (RFC 7662); with a `label` it is also how the provider names a login for people.

    `active` is where the answer says whether the token lives; one that is `revoked` has not just ended. With
    `refresh_expires_at` new refresh tokens are asked about as well: there their end stands, in seconds since 1970.
    """

    url: Url
    auth: ClientAuth | None = None
    active: Pointer = "/active"
    revoked: Mark | None = None
    refresh_expires_at: Pointer = ""
    label: Pointer = ""

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        """What the answers mean, as the classifier reads it."""
        marks: list[tuple[Fault, str, object]] = [(Fault.OK, self.active, True), (Fault.EXPIRED, self.active, False)]
        if self.revoked:
            marks.insert(0, (Fault.REVOKED, self.revoked.at, self.revoked.value))
        answered = Condition("status", "between", (200, 299))
        return tuple(FaultRule(fault, (answered, Condition(f"body:{at}", "eq", value))) for fault, at, value in marks)
