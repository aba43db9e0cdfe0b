"""What a provider's file says, typed: every table of the file is a dataclass, every key a field with a default.

Lengths of time end in `_s` and are seconds; 0 means that the provider states none. A `Url` may hold `{variables}`, a
`Pointer` is a JSON pointer (RFC 6901) into an answer; both are empty where there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from portal.providers.endpoints import Assertion, Authorize, Introspect, Refresh, Revoke, Token
from portal.providers.words import (
    AccountChoice,
    BearerSource,
    CountedFrom,
    HumanClock,
    IdentitySource,
    Kind,
    Method,
    Part,
    Pattern,
    Pointer,
    Recipient,
    ScopeChoice,
    Seconds,
    Text,
    Url,
    VariableScope,
)
from portal.rules.faults import FaultRule

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A `{variable}` of the file's URLs and parameters; a value must match the whole `pattern`.

    Those of each connection are asked for on a page: by `label`, with a `hint`, and empty if `optional`.
    """

    default: str = ""
    pattern: Pattern = r"[A-Za-z0-9][A-Za-z0-9._-]*"
    scope: VariableScope = VariableScope.APP
    label: str = ""
    hint: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDeadline:
    """A date that ends something for the whole app."""

    what: str
    on: date
    to: Recipient = Recipient.ADMINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Fallback lifetimes: what an answer says itself always wins."""

    access_s: Seconds = 0
    refresh_absolute_s: Seconds = 0
    refresh_absolute_from: CountedFrom = CountedFrom.ISSUE
    refresh_idle_s: Seconds = 0
    consent_s: Seconds = 0
    human_at: HumanClock = HumanClock.NONE
    app_deadlines: tuple[AppDeadline, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Userinfo:
    """The whoami call and where its answer keeps what; no `url` beside OIDC: the discovery document names it."""

    url: Url = ""
    method: Method = Method.GET
    subject: Pointer = ""
    within: tuple[Pointer, ...] = ()
    label: Pointer = ""
    email: Pointer = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """OpenID Connect: the discovery document's address; `issuer_template` where its issuer depends on the token."""

    discovery: Url = ""
    issuer_template: Url = ""
    nonce: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The list of what the login shares: `items` points at its elements, `id` and `name` into each.

    `is_left_out_when_empty`: the provider writes no list at all where there is nothing in it.
    """

    url: Url
    items: Pointer = "/*"
    id: Pointer = "/id"
    name: Pointer = "/name"
    is_left_out_when_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """Who the login is; `subject_pattern` cuts the stable part (its first group) out of a longer value.

    `within` names what the subject is unique in only (a workspace, a portal), put before it: "T024BE/U2147". What is
    `secondary` is kept beside the grant and tells no login from another.
    """

    source: IdentitySource = IdentitySource.ID_TOKEN
    subject: Pointer = "/sub"
    within: tuple[Pointer, ...] = ()
    subject_pattern: Pattern = ""
    secondary: tuple[Pointer, ...] = ()
    label: Pointer = "/name"
    email: Pointer = "/email"
    userinfo: Userinfo | None = None
    oidc: Oidc = field(default_factory=Oidc)
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentStyle:
    """What a person decides at the provider; `single_link_per_login`: a new consent ends the login's earlier one."""

    scopes: ScopeChoice = ScopeChoice.SUBSET
    accounts: AccountChoice = AccountChoice.NONE
    single_link_per_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What calls with the token look like; `hooks` name functions for what a file cannot say.

    `base` is for those who read the file. `limit_reset` are the places where an answer says how long to wait (seconds,
    or a moment), looked at before those that everybody uses.
    """

    base: Url = ""
    bearer: BearerSource = BearerSource.ACCESS_TOKEN
    headers: Text = field(default_factory=dict)
    limit_reset: tuple[Part, ...] = ()
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider as its file describes it; `connectors` are the same provider with a bank's overrides applied."""

    id: str
    name: str
    schema: int = SCHEMA
    kind: Kind = Kind.OAUTH2
    as_of: str = ""
    manage_url: Url = ""
    docs: tuple[Url, ...] = ()
    vars: Mapping[str, Variable] = field(default_factory=dict)
    authorize: Authorize = field(default_factory=Authorize)
    token: Token = field(default_factory=Token)
    assertion: Assertion = field(default_factory=Assertion)
    refresh: Refresh = field(default_factory=Refresh)
    clocks: Clocks = field(default_factory=Clocks)
    identity: IdentityRules = field(default_factory=IdentityRules)
    consent: ConsentStyle = field(default_factory=ConsentStyle)
    revoke: Revoke = field(default_factory=Revoke)
    introspect: Introspect | None = None
    api: Api = field(default_factory=Api)
    errors: tuple[FaultRule, ...] = ()
    connectors: Mapping[str, "Provider"] = field(default_factory=dict)

    @property
    def accounts(self) -> Accounts | None:
        """The accounts list, where the provider has one."""
        return self.identity.accounts

    @property
    def is_oidc(self) -> bool:
        """Whether a discovery document exists, and with it an issuer and signing keys."""
        return bool(self.identity.oidc.discovery)
