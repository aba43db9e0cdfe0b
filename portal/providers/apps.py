"""The operator's own app at a provider: client id, secrets and variables out of `PORTAL_PROVIDER_<ID>_...`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from portal.crypto import Secret
from portal.providers.checks import VARIABLE, address_fault, variables_of_app, variables_of_connection
from portal.providers.schema import Provider
from portal.providers.words import ClientAuth, Kind

PREFIX = "PORTAL_PROVIDER_"
NO_SECRETS: tuple[Secret, ...] = ()
PROOFS = {"client_secret": "client secret", "client_key": "client key"}  # the settings an app proves itself with
PRIVATE_KEY = re.compile(r"-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProviderApp:
    """Our app at one provider; several secrets are tried in turn, so that one can be replaced without an outage.

    `client_keys` are the private keys, as PEM, of an app that proves itself by signing (`private_key_jwt`).
    `proofs_end_on` are the days on which the `proofs` end, in their order, as far as the operator has told them.
    `private_hosts` (host:port) are those outgoing calls may reach although they are private: demo, development and
    tests alone have any.
    """

    client_id: str
    client_secrets: tuple[Secret, ...] = NO_SECRETS
    vars: Mapping[str, str] = field(default_factory=dict)
    private_hosts: frozenset[str] = frozenset()
    client_keys: tuple[Secret, ...] = NO_SECRETS
    proofs_end_on: tuple[date | None, ...] = ()

    @property
    def proofs(self) -> tuple[Secret, ...]:
        """What the app proves itself with at the token endpoint: its keys where it signs, else its secrets."""
        return self.client_keys or self.client_secrets

    def having(self, more: Mapping[str, str]) -> "ProviderApp":
        """The same app with the variables of one connection added."""
        return replace(self, vars={**self.vars, **more})

    def expand(self, text: str, **more: str) -> str:
        """`text` with its {variables} filled in; names nobody knows stay as they are."""
        known = {**self.vars, "client_id": self.client_id, **more}
        return VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)


@dataclass(frozen=True, slots=True)
class AppReading:
    """What the environment says about our app at one provider: the app, or why there is none."""

    app: ProviderApp | None
    problems: tuple[str, ...]


def variable_name(provider_id: str, word: str) -> str:
    """The environment's name for one setting of a provider's app."""
    return PREFIX + re.sub(r"[-.]", "_", provider_id).upper() + "_" + word.upper()


def proof_setting(provider: Provider) -> str:
    """Which of `PROOFS` our app at the provider has."""
    return next(iter(_words_of_keys(provider)), "client_secret")


def ends_name(provider: Provider) -> str:
    """The environment's name for the days on which the app's secrets or keys end."""
    return variable_name(provider.id, f"{proof_setting(provider)}_ends")


def provider_app(
    provider: Provider, environ: Mapping[str, str], *, private_hosts: frozenset[str] = frozenset()
) -> ProviderApp | None:
    """Our app at the provider, or None where it is not (or wrongly) configured; `read_app` tells why."""
    return read_app(provider, environ, private_hosts=private_hosts).app


def read_app(
    provider: Provider, environ: Mapping[str, str], *, private_hosts: frozenset[str] = frozenset()
) -> AppReading:
    """Our app at the provider as the environment (its `_FILE` names already followed) describes it.

    Nothing set at all is no problem: the provider is then simply not offered.
    """
    given = {name: environ.get(name, "").strip() for name in names_of(provider)}
    if not any(given.values()) and (missing_names(provider, environ) or not provider.kind.has_app):
        return AppReading(None, ())
    app = _app(provider, given, private_hosts)
    problems = (*_problems(provider, app), *_end_problems(provider, app, given))
    return AppReading(None if problems else app, problems)


def names_of(provider: Provider) -> tuple[str, ...]:
    """Every environment name that belongs to the provider."""
    words = ("client_id", "client_secret", "scopes", *_words_of_keys(provider), *variables_of_app(provider))
    names = (*(variable_name(provider.id, word) for word in words), ends_name(provider))
    return names if provider.kind.has_app else ()


def with_scopes_of(environ: Mapping[str, str], provider: Provider) -> Provider:
    """The provider asked for the scopes that the environment names instead of the file's own.

    Blanks and commas part them; what the provider needs for a refresh token is asked for in any case.
    """
    provider = replace(
        provider, connectors={name: with_scopes_of(environ, one) for name, one in provider.connectors.items()}
    )
    named = re.split(r"[\s,]+", environ.get(variable_name(provider.id, "scopes"), "").strip())
    wanted = tuple(dict.fromkeys(scope for scope in named if scope))
    if not wanted:
        return provider
    rules = provider.authorize.scope
    missing = tuple(scope for scope in rules.required_for_refresh if scope not in wanted)
    return replace(provider, authorize=replace(provider.authorize, scope=replace(rules, default=(*wanted, *missing))))


def missing_names(provider: Provider, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The environment names that still have to be set before the provider can be offered."""
    if not provider.kind.has_app:
        return ()
    needed = [*_proofs(provider), *(name for name in variables_of_app(provider) if not provider.vars[name].default)]
    names = (variable_name(provider.id, word) for word in needed)
    return tuple(name for name in names if not environ.get(name, "").strip())


def _proofs(provider: Provider) -> tuple[str, ...]:
    """What the operator has to set so that our app can name and prove itself: nothing where a key says it all."""
    if provider.token.auth is ClientAuth.ANONYMOUS and provider.kind is Kind.JWT_BEARER:
        return ()
    proof = {ClientAuth.NONE: (), ClientAuth.PRIVATE_KEY_JWT: ("client_key",)}
    auth = provider.token.auth or ClientAuth.BASIC
    return ("client_id", *proof.get(auth, ("client_secret",)))


def _words_of_keys(provider: Provider) -> tuple[str, ...]:
    auths = {provider.token.auth, provider.refresh.auth, provider.revoke.auth}
    return ("client_key",) if ClientAuth.PRIVATE_KEY_JWT in auths else ()


def _app(provider: Provider, given: Mapping[str, str], private_hosts: frozenset[str]) -> ProviderApp:
    secrets = given[variable_name(provider.id, "client_secret")].split(",")
    filled = {
        name: given[variable_name(provider.id, name)] or provider.vars[name].default
        for name in variables_of_app(provider)
    }
    return ProviderApp(
        client_id=given[variable_name(provider.id, "client_id")],
        client_secrets=tuple(Secret(one.strip()) for one in secrets if one.strip()),
        vars=filled,
        private_hosts=private_hosts,
        client_keys=_keys(given.get(variable_name(provider.id, "client_key"), "")),
        proofs_end_on=_days(given[ends_name(provider)]) or (),
    )


def _days(text: str) -> tuple[date | None, ...] | None:
    """Days as 2027-03-31, separated by commas, an empty place for one that is not known; None for anything else."""
    days = [day.strip() for day in text.split(",")] if text else []
    try:
        return tuple(date.fromisoformat(day) if day else None for day in days)
    except ValueError:
        return None


def _keys(text: str) -> tuple[Secret, ...]:
    """The private keys in a text of one or several."""
    return tuple(Secret(found[0]) for found in PRIVATE_KEY.finditer(text))


def _problems(provider: Provider, app: ProviderApp) -> Iterator[str]:
    given = {"client_id": app.client_id, "client_secret": app.client_secrets, "client_key": app.client_keys}
    for word in _proofs(provider):
        if not given[word]:
            what = "is not set, or holds no unencrypted private key in PEM" if word == "client_key" else "is not set"
            yield f"{variable_name(provider.id, word)} {what}"
    for name, value in app.vars.items():
        if not re.fullmatch(provider.vars[name].pattern, value):
            yield f"{variable_name(provider.id, name)} is {'not as it must be' if value else 'not set'}"
            return
    yield from _address_problems(provider, app)


def _end_problems(provider: Provider, app: ProviderApp, given: Mapping[str, str]) -> Iterator[str]:
    name, proof = ends_name(provider), PROOFS[proof_setting(provider)]
    if _days(given[name]) is None:
        yield f"{name} must be days such as 2027-03-31, separated by commas, in the order of the {proof}s"
    elif len(app.proofs_end_on) > len(app.proofs):
        yield f"{name} names more days than there are {proof}s"


def _address_problems(provider: Provider, app: ProviderApp) -> Iterator[str]:
    for place, url in _addresses(provider):
        fault = address_fault(app.expand(url), private_hosts=app.private_hosts)
        if fault and not set(variables_of_connection(provider)) & set(VARIABLE.findall(url)):
            yield f"{provider.id}: {place}, with the variables filled in, {fault}"


def _addresses(provider: Provider) -> Iterator[tuple[str, str]]:
    """Every address of the file that secrets or people are sent to."""
    rules = provider.identity
    for place, url in (
        ("authorize.url", provider.authorize.url),
        ("token.url", provider.token.url),
        ("token.upgrade.url", provider.token.upgrade.url if provider.token.upgrade else ""),
        ("refresh.url", provider.refresh.url),
        ("identity.oidc.discovery", rules.oidc.discovery),
        ("identity.userinfo.url", rules.userinfo.url if rules.userinfo else ""),
        ("identity.accounts.url", rules.accounts.url if rules.accounts else ""),
        ("revoke.url", provider.revoke.url),
        ("introspect.url", provider.introspect.url if provider.introspect else ""),
    ):
        if url:
            yield place, url
