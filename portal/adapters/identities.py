"""Who a grant belongs to, what it shares, and whether it still lives: asked of the provider, not guessed."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from portal.adapters import assertions
from portal.adapters.id_tokens import LONGEST_SUBJECT, Expected, verified_claims
from portal.adapters.introspections import introspected
from portal.adapters.provider_calls import Calls
from portal.adapters.token_answers import OAuthFailed, TokenAnswer, failed, first_value, judged
from portal.adapters.web import DEADLINE
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.endpoints import Introspect
from portal.providers.schema import Accounts, IdentityRules, Provider, Userinfo
from portal.providers.words import BearerSource, IdentitySource, Method
from portal.rules.answers import Answer
from portal.rules.comparison import SharedAccount
from portal.rules.problems import IdentityUnverified
from portal.rules.verdicts import Fault, FaultAction, Phase, Verdict

LONGEST_LABEL = 200
MOST_ACCOUNTS = 5000

Look = Callable[[str], object]
"""Finds the value at a JSON pointer, None where there is none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in at the provider: `subject` never changes, `label` is for people; `secondary` by JSON pointer."""

    subject: str
    label: str
    email: str | None = None
    secondary: Mapping[str, str] = field(default_factory=dict)


def identify(
    provider: Provider, app: ProviderApp, answer: TokenAnswer, *, nonce: str | None, now: datetime
) -> Identity:
    """Who the tokens belong to: the verified ID token where there is one, else the token answer, else the whoami call.

    A service connection may speak for itself: whom its assertion names, or our own app.

    `nonce` is the one sent to the approval page, None for tokens of a refresh. Raises IdentityUnverified when it is not
    proved, OAuthFailed when the provider could not be asked.
    """
    calls, rules = Calls(provider, app), provider.identity
    if rules.source is IdentitySource.KEY:
        return _of_key(provider, app)
    if rules.source is IdentitySource.USERINFO:
        whoami = rules.userinfo or Userinfo()
        look: Look = partial(first_value, _whoami(calls, answer.access_token))
        return _identity(provider, look, whoami)
    look = _claims(calls, answer, nonce, now) if rules.source is IdentitySource.ID_TOKEN else answer.extra.get
    identity = _identity(provider, look, rules)
    return identity if _text(look(rules.label)) else _named(calls, answer, identity, now)


def subject_of(provider: Provider, app: ProviderApp, answer: TokenAnswer, *, now: datetime) -> str:
    """The subject that the ID token in a refresh's answer proves, named as at the consent; nobody is asked anything.

    Raises IdentityUnverified when it proves none, OAuthFailed when the provider's keys cannot be had.
    """
    calls, rules = Calls(provider, app), provider.identity
    return _subject(provider, _claims(calls, answer, None, now), rules.subject, rules.within)


def _of_key(provider: Provider, app: ProviderApp) -> Identity:
    """The subject that the assertion claims, else the key's owner, else our app itself."""
    claims = assertions.spoken_for(provider, app)
    subject = claims.get("sub") or claims.get("iss") or app.client_id
    if not subject.strip() or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise IdentityUnverified("the key does not say whom it speaks for")
    return Identity(subject, subject[:LONGEST_LABEL])


def _claims(calls: Calls, answer: TokenAnswer, nonce: str | None, now: datetime) -> Look:
    provider, app = calls.provider, calls.app
    rules, is_bearer = provider.identity.oidc, provider.api.bearer is BearerSource.ID_TOKEN
    published = calls.library.published(provider, app)
    expected = Expected(
        issuer=app.expand(rules.issuer_template) or published.issuer,
        client_id=app.client_id,
        nonce=nonce if rules.nonce else None,
        access_token=None if is_bearer else answer.access_token,  # then `at_hash` is about a token nobody uses
    )
    keys = partial(calls.library.keys, provider, app)
    claims = verified_claims(answer.id_token, keys=keys, expected=expected, now=now)
    return partial(first_value, Answer(Phase.TOKEN, 200, body=dict(claims)))


def _identity(provider: Provider, look: Look, places: IdentityRules | Userinfo) -> Identity:
    subject = _subject(provider, look, places.subject, places.within)
    email = _text(look(places.email))
    secondary = {pointer: text for pointer in provider.identity.secondary if (text := _text(look(pointer)))}
    label = _text(look(places.label)) or email or subject
    return Identity(subject, label[:LONGEST_LABEL], email or None, secondary)


def _subject(provider: Provider, look: Look, subject_at: str, within: Sequence[str]) -> str:
    """The stable name, after the names of what it is unique in only; the file may cut a part out of a longer value."""
    own = _stable(look(subject_at))
    pattern = provider.identity.subject_pattern
    if pattern:
        found = re.search(pattern, own)
        own = found[1] or "" if found else ""
    parts = [*(_stable(look(pointer)) for pointer in within), own]
    subject = "/".join(parts)
    if not all(part.strip() for part in parts) or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise IdentityUnverified("the provider did not say who signed in")
    return subject


def _stable(value: object) -> str:
    """A stable name as text; numbers count (GitHub's ids)."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number or isinstance(value, str) else ""


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return "".join(letter for letter in str(value) if letter.isprintable()).strip()


def _named(calls: Calls, answer: TokenAnswer, identity: Identity, now: datetime) -> Identity:
    """The identity with the name the whoami call knows; without it too, if that call fails, for it proves nothing."""
    rules = calls.provider.identity.userinfo
    if rules is None or not rules.label:
        return _named_by_introspection(calls, answer, identity, now)
    try:
        look = partial(first_value, _whoami(calls, answer.access_token))
    except OAuthFailed:
        return identity
    pointer = rules.subject or ("/sub" if calls.provider.is_oidc else "")
    if pointer and _subject(calls.provider, look, pointer, rules.within) != identity.subject:
        raise IdentityUnverified("the provider's two statements name different logins")
    email = identity.email or _text(look(rules.email)) or None
    return replace(identity, label=(_text(look(rules.label)) or identity.label)[:LONGEST_LABEL], email=email)


def _named_by_introspection(calls: Calls, answer: TokenAnswer, identity: Identity, now: datetime) -> Identity:
    rules = calls.provider.introspect
    if rules is None or not rules.label:
        return identity
    label = _text(first_value(introspected(calls, rules, answer.access_token, now=now), rules.label))
    return replace(identity, label=(label or identity.label)[:LONGEST_LABEL])


def _whoami(calls: Calls, token: Secret) -> Answer:
    """The answer to "who am I?"; raises OAuthFailed for anything but a good one."""
    answer = _asked_whoami(calls, token)
    if judged(calls.provider, answer).fault is not Fault.OK or not isinstance(answer.document, dict):
        raise failed(calls.provider, answer, "an answer without an identity")
    return answer


def _asked_whoami(calls: Calls, token: Secret) -> Answer:
    rules = calls.provider.identity.userinfo
    url = calls.endpoint(rules.url if rules else "", "userinfo_endpoint")
    if not url:
        raise OAuthFailed(Verdict(Fault.NOT_AUTH, FaultAction.NONE, "this provider cannot be asked who a login is"))
    return calls.show_bearer(url, token, method=rules.method if rules else Method.GET, deadline=DEADLINE)


def is_alive(provider: Provider, app: ProviderApp, access_token: Secret, *, now: datetime) -> bool:
    """Whether the provider still takes the access token; raises OAuthFailed when that cannot be found out now.

    Introspection is made for this question; whoami is asked where there is none.
    """
    calls, rules = Calls(provider, app), provider.introspect
    answer = introspected(calls, rules, access_token, now=now) if rules else _asked_whoami(calls, access_token)
    verdict = judged(provider, answer)
    if verdict.fault in {Fault.EXPIRED, Fault.REVOKED}:
        return False
    if verdict.fault in {Fault.OK, Fault.SCOPE_MISSING}:
        return True  # it knew the token, whatever it thinks of the question
    raise OAuthFailed(verdict)


def current_subject(provider: Provider, app: ProviderApp, access_token: Secret, *, now: datetime) -> str | None:
    """Whose the access token is, named as at the consent; None where the provider's answer names it in another way.

    Raises OAuthFailed with what the provider said instead.
    """
    calls, rules = Calls(provider, app), provider.identity
    if provider.introspect and rules.userinfo is None and not provider.is_oidc:
        _check_known(calls, provider.introspect, access_token, now)
        return None
    answer = _whoami(calls, access_token)
    whoami = rules.userinfo or Userinfo()
    pointer = whoami.subject or ("/sub" if provider.is_oidc and rules.subject == "/sub" else "")
    if not pointer or rules.source is IdentitySource.KEY:
        return None
    try:
        return _subject(provider, partial(first_value, answer), pointer, whoami.within)
    except IdentityUnverified as nameless:
        raise failed(provider, answer, "an answer without an identity") from nameless


def _check_known(calls: Calls, rules: Introspect, access_token: Secret, now: datetime) -> None:
    answer = introspected(calls, rules, access_token, now=now)
    if judged(calls.provider, answer).fault is not Fault.OK:
        raise failed(calls.provider, answer, "an answer about no token")


def shared_accounts(provider: Provider, app: ProviderApp, access_token: Secret) -> tuple[SharedAccount, ...]:
    """The accounts the login shares, in the provider's order, none for a provider without such a list.

    Raises OAuthFailed when the list could not be had: an empty one would look as if everything had been lost.
    """
    rules = provider.accounts
    if rules is None:
        return ()
    answer = Calls(provider, app).show_bearer(rules.url, access_token, deadline=DEADLINE)
    if judged(provider, answer).fault is not Fault.OK or not _is_list(answer, rules):
        raise failed(provider, answer, "an answer without the list of accounts")
    found = (_account(rules, item) for item in list(answer.values_at(rules.items))[:MOST_ACCOUNTS])
    return tuple({account.id: account for account in found if account.id}.values())


def _is_list(answer: Answer, rules: Accounts) -> bool:
    if rules.is_left_out_when_empty:
        return isinstance(answer.document, dict)
    whole = rules.items.removesuffix("/*")
    return isinstance(first_value(answer, whole) if whole else answer.document, list | dict)


def _account(rules: Accounts, item: object) -> SharedAccount:
    look = partial(first_value, Answer(Phase.API, 200, body=item))
    account_id = _text(look(rules.id))[:LONGEST_SUBJECT]
    return SharedAccount(account_id, (_text(look(rules.name)) or account_id)[:LONGEST_LABEL])
