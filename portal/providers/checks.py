"""What the keys of a provider's file must agree on, beyond each being of its type."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from portal.providers.reading import Complaint, Place
from portal.providers.schema import SCHEMA, Provider
from portal.providers.texts import texts
from portal.providers.words import (
    HumanClock,
    IdentitySource,
    KeyFormat,
    Kind,
    RefreshMode,
    RevokeStyle,
    VariableScope,
)

ID = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*")
VARIABLE = re.compile(r"\{([^{}]*)\}")
CONNECTOR = "connector"  # the variable that the choice of a connector fills
KEY_OWNER = "client_email"  # what Google's key files call whom they belong to
ALWAYS_KNOWN = frozenset({"client_id", "client_secret", "access_token", "refresh_token", KEY_OWNER})
RESERVED = ALWAYS_KNOWN | {"scopes", "client_key", "client_secret_ends", "client_key_ends"}
LONGEST_ASSERTION_S = 300
STATE_LETTERS = 43  # 256 bits in base64url
LONGEST_NAME = 60
LONGEST_LABEL = 200
SERVICE_MODES = {
    Kind.JWT_BEARER: RefreshMode.JWT_BEARER,
    Kind.CLIENT_CREDENTIALS: RefreshMode.CLIENT_CREDENTIALS,
}
HOOKS = frozenset({"facebook_appsecret_proof"})  # each is a function of portal.adapters.hooks


def disagreements(provider: Provider, *, private_hosts: frozenset[str]) -> Iterator[Complaint]:
    """Everything the file contradicts itself in; http addresses are right for `private_hosts` (host:port) alone."""
    for check in CHECKS:
        yield from check(provider)
    for place, text in texts(provider):
        yield from _check_variables(provider, place, text)
        if re.match(r"https?:", text):
            yield from _check_address(place, text, private_hosts)


def _check_head(provider: Provider) -> Iterator[Complaint]:
    if provider.schema != SCHEMA:
        yield Complaint(("schema",), f"must be {SCHEMA}")
    if not ID.fullmatch(provider.id) or len(provider.id) > 60:
        yield Complaint(("id",), "must be lower-case letters and digits, with single - or . between them")
    if not provider.name.strip():
        yield Complaint(("name",), "must not be empty")


def _check_labels(provider: Provider) -> Iterator[Complaint]:
    """What people read stands in subjects of e-mails, in lists and in logs, a line each."""
    if not provider.name.isprintable() or len(provider.name) > LONGEST_NAME:
        yield Complaint(("name",), f"must be one line of at most {LONGEST_NAME} letters")
    for number, deadline in enumerate(provider.clocks.app_deadlines):
        if not deadline.what.strip() or not deadline.what.isprintable() or len(deadline.what) > LONGEST_LABEL:
            place = ("clocks", "app_deadlines", f"[{number}]", "what")
            yield Complaint(place, f"must be one line of at most {LONGEST_LABEL} letters")


def _check_endpoints(provider: Provider) -> Iterator[Complaint]:
    if not provider.kind.has_app or provider.is_oidc:
        return
    for name, url in (("authorize", provider.authorize.url), ("token", provider.token.url)):
        if not url and not (provider.kind.is_service and name == "authorize"):
            yield Complaint((name, "url"), "is missing, and no identity.oidc.discovery names it either")


def _check_identity(provider: Provider) -> Iterator[Complaint]:
    rules = provider.identity
    if rules.source is IdentitySource.ID_TOKEN and not provider.is_oidc and provider.kind is Kind.OAUTH2:
        yield Complaint(("identity", "oidc", "discovery"), "is needed to verify ID tokens")
    if rules.source is IdentitySource.USERINFO and not (rules.userinfo and rules.userinfo.subject):
        yield Complaint(("identity", "userinfo", "subject"), "is needed where the subject comes from userinfo")
    if rules.userinfo and rules.userinfo.subject and len(rules.userinfo.within) != len(rules.within):
        yield Complaint(("identity", "userinfo", "within"), "must name as many places as identity.within")
    if not rules.subject:
        yield Complaint(("identity", "subject"), "must not be empty")
    if rules.subject_pattern and re.compile(rules.subject_pattern).groups != 1:
        yield Complaint(("identity", "subject_pattern"), "must have exactly one group")


def _check_refresh(provider: Provider) -> Iterator[Complaint]:
    refresh = provider.refresh
    if refresh.mode is RefreshMode.REFRESH_TOKEN and not provider.token.map.refresh_token:
        yield Complaint(("token", "map", "refresh_token"), "is needed to refresh with it")
    if not 0 < refresh.early < 1:
        yield Complaint(("refresh", "early"), "must be between 0 and 1")
    if refresh.concurrency < 1:
        yield Complaint(("refresh", "concurrency"), "must be at least 1")
    if refresh.per_minute < 0:
        yield Complaint(("refresh", "per_minute"), "must not be negative")


def _check_service(provider: Provider) -> Iterator[Complaint]:
    """A connection that an admin makes is refreshed by its own kind, and no person's ID token stands behind it."""
    kind, rules = provider.kind, provider.assertion
    if provider.refresh.mode in SERVICE_MODES.values() and SERVICE_MODES.get(kind) is not provider.refresh.mode:
        yield Complaint(("refresh", "mode"), f"is not for the kind {kind}")
    if not kind.is_service:
        return
    if provider.refresh.mode is not SERVICE_MODES[kind]:
        yield Complaint(("refresh", "mode"), f"must be {SERVICE_MODES[kind]} for the kind {kind}")
    if provider.identity.source is IdentitySource.ID_TOKEN:
        yield Complaint(("identity", "source"), "must be key, token or userinfo: nobody signs in")
    if kind is Kind.JWT_BEARER and rules.key is KeyFormat.PEM and not rules.issuer:
        yield Complaint(("assertion", "issuer"), "is needed where we sign")
    if rules.lifetime_s > LONGEST_ASSERTION_S:
        yield Complaint(("assertion", "lifetime_s"), f"must be at most {LONGEST_ASSERTION_S}")
    if not rules.algorithms:
        yield Complaint(("assertion", "algorithms"), "must not be empty")


def _check_clocks(provider: Provider) -> Iterator[Complaint]:
    """The clock that sends reminders needs a length, unless each answer brings it."""
    clocks, answer = provider.clocks, provider.token.map
    known = {
        HumanClock.NONE: True,
        HumanClock.ACCESS: bool(clocks.access_s or answer.expires_in),
        HumanClock.REFRESH_ABSOLUTE: bool(clocks.refresh_absolute_s or answer.refresh_expires_in),
        HumanClock.REFRESH_IDLE: bool(clocks.refresh_idle_s),
        HumanClock.CONSENT: bool(clocks.consent_s),
    }
    if not known[clocks.human_at]:
        yield Complaint(("clocks", "human_at"), f"names {clocks.human_at}, whose length nothing states")
    if provider.as_of and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", provider.as_of):
        yield Complaint(("as_of",), 'must be a day such as "2026-11-05"')


def _check_revocation(provider: Provider) -> Iterator[Complaint]:
    revoke = provider.revoke
    is_discovered = revoke.style is RevokeStyle.RFC7009 and provider.is_oidc
    if revoke.style is not RevokeStyle.NONE and not revoke.url and not is_discovered:
        yield Complaint(("revoke", "url"), f"is needed for the style {revoke.style}")


def _check_words(provider: Provider) -> Iterator[Complaint]:
    for hook in set(provider.api.hooks) - HOOKS:
        yield Complaint(("api", "hooks"), f"names {hook!r}, which is no hook of ours")
    for name, variable in provider.vars.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED:
            yield Complaint(("vars", name), "must be lower-case letters, digits and _, and no name of ours")
        if variable.default and not re.fullmatch(variable.pattern, variable.default):
            yield Complaint(("vars", name, "default"), "does not match its own pattern")


def _check_state(provider: Provider) -> Iterator[Complaint]:
    if provider.authorize.state_max < STATE_LETTERS:
        yield Complaint(("authorize", "state_max"), f"must be at least {STATE_LETTERS}, the length of ours")


def _check_scopes(provider: Provider) -> Iterator[Complaint]:
    asked = {"scope": provider.authorize.scope, "user_scope": provider.authorize.user_scope}
    for table, scopes in asked.items():
        for key in ("separator", "param"):
            if not getattr(scopes, key):
                yield Complaint(("authorize", table, key), "must not be empty")
    if asked["user_scope"].default and asked["user_scope"].param == asked["scope"].param:
        yield Complaint(("authorize", "user_scope", "param"), "must not be that of authorize.scope")


CHECKS: tuple[Callable[[Provider], Iterator[Complaint]], ...] = (
    _check_head,
    _check_labels,
    _check_endpoints,
    _check_identity,
    _check_refresh,
    _check_service,
    _check_clocks,
    _check_revocation,
    _check_words,
    _check_state,
    _check_scopes,
)


def _check_variables(provider: Provider, place: Place, text: str) -> Iterator[Complaint]:
    for name in VARIABLE.findall(text):
        if name not in provider.vars and name not in ALWAYS_KNOWN and place[-1] != "issuer_template":
            yield Complaint(place, f"names {{{name}}}, which [vars] does not have")


def _check_address(place: Place, text: str, private_hosts: frozenset[str]) -> Iterator[Complaint]:
    fault = address_fault(text, private_hosts=private_hosts)
    if fault:
        yield Complaint(place, fault)


def address_fault(url: str, *, private_hosts: frozenset[str]) -> str:
    """Why this address may not be used at all, or nothing; what its host resolves to is looked at when it is called."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "is not an address"
    if not parts.hostname or parts.username is not None or parts.fragment:
        return "must have a host, and neither user, password nor fragment"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme != "https" and (parts.scheme != "http" or f"{host}:{port}" not in private_hosts):
        return "must begin with https://"
    return ""


def variables_of_app(provider: Provider) -> tuple[str, ...]:
    """The names the operator fills in."""
    return tuple(name for name, one in provider.vars.items() if one.scope is VariableScope.APP)


def variables_of_connection(provider: Provider) -> tuple[str, ...]:
    """The names each connection fills in for itself."""
    return tuple(name for name, one in provider.vars.items() if one.scope is VariableScope.CONNECTION)
