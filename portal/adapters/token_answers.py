"""A token endpoint's answer, read strictly: what is not plainly a token is a fault, whatever its status says.

Libraries store a 400 without `error`, or a 200 without an access token, as a new token, and let an empty refresh token
overwrite a good one. Hence this reader of ours.
"""

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from portal.adapters.web import NoAnswer
from portal.crypto import Secret
from portal.providers.endpoints import TokenMap
from portal.providers.schema import Provider
from portal.providers.words import BearerSource, CountedFrom, ExpiryUnit
from portal.rules.answers import Answer
from portal.rules.faults import classify
from portal.rules.verdicts import Fault, FaultAction, Phase, Verdict

LONGEST_LIFE = timedelta(days=36_500)  # beyond a century a number is a way of saying "never"
YEAR_10_000 = 253_402_300_800  # the first one that no date can hold, in seconds since 1970
TOKEN = re.compile(r"[\x20-\x7e]{1,65536}")  # RFC 6749 appendix A.12: printable ASCII, so that it fits a header
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")  # RFC 6749 section 3.3, but no longer than a person would read
SCOPE_BREAKS = re.compile(r"[\s,]+")


class OAuthFailed(Exception):
    """The provider did not give what was asked for; the verdict says what that means for the credentials.

    `is_answer_lost`: the request may have arrived and done its work, and only the answer never came.
    """

    def __init__(self, verdict: Verdict, *, is_answer_lost: bool = False) -> None:
        super().__init__(f"{verdict.fault}: {verdict.reason}")
        self.verdict = verdict
        self.is_answer_lost = is_answer_lost


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a token endpoint gave.

    `expires_at` and `refresh_expires_at` are None where neither the answer nor the catalog states an end;
    `is_expiry_stated` and `is_refresh_expiry_stated` tell whether it was the answer. `scopes` is None where the answer
    names none. `refresh_token` is None where none came: the stored one then stays (RFC 6749 section 6). `extra` holds
    what the provider's file wants kept, by its JSON pointer.
    """

    access_token: Secret
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    token_type: str = "Bearer"  # noqa: S105 - a word of RFC 6750
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    scopes: frozenset[str] | None = None
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)
    is_expiry_stated: bool = False
    is_refresh_expiry_stated: bool = False


def judged(provider: Provider, answer: Answer) -> Verdict:
    """The verdict on an answer; an address we refuse to call is a fault of our own settings."""
    if isinstance(answer, NoAnswer):
        fault, action = (
            (Fault.APP_CONFIG, FaultAction.FIX_APP) if answer.is_refused else (Fault.TRANSIENT, FaultAction.RETRY)
        )
        return Verdict(fault, action, answer.reason)
    rules = provider.errors
    if answer.phase is Phase.INTROSPECT and provider.introspect:
        rules += provider.introspect.rules
    verdict = classify(answer, rules)
    return verdict if verdict.fault is Fault.OK else replace(verdict, retry_after=_wait(provider, answer))


def _wait(provider: Provider, answer: Answer) -> timedelta | None:
    """What the provider asks us to wait, at its own places first."""
    stated = (answer.wait_at(place) for place in provider.api.limit_reset)
    return next((wait for wait in stated if wait is not None), answer.retry_after)


def failed(provider: Provider, answer: Answer, reason: str) -> OAuthFailed:
    """The failure behind an answer that is not what it should be; `reason` where the classifier finds nothing wrong."""
    verdict = judged(provider, answer)
    if verdict.fault is Fault.OK:
        verdict = Verdict(Fault.TRANSIENT, FaultAction.RETRY, reason)
    return OAuthFailed(verdict, is_answer_lost=isinstance(answer, NoAnswer) and not answer.is_refused)


def read_tokens(provider: Provider, answer: Answer, *, now: datetime, places: TokenMap | None = None) -> TokenAnswer:
    """The tokens in a token endpoint's answer; raises OAuthFailed for everything else.

    `places` says where they are when not where `token.map` has them (Slack keeps a consent's and a refresh's apart).
    """
    places = places or provider.token.map
    token = _access_token(provider, answer, places)
    if token is None:
        raise failed(provider, answer, "an answer without an access token")
    return _with_lifetimes(provider, answer, places, _plain_parts(provider, answer, places, token), now)


def _access_token(provider: Provider, answer: Answer, places: TokenMap) -> Secret | None:
    """The token that API calls show, which for some is the ID token."""
    rules = provider.token
    if answer.status not in rules.success.status or answer.word:
        return None
    if rules.success.field and not any(answer.values_at(rules.success.field)):
        return None
    if judged(provider, answer).fault not in {Fault.OK, Fault.TRANSIENT}:
        return None  # one of the provider's own ways of failing inside a 200
    is_id_token = provider.api.bearer is BearerSource.ID_TOKEN
    return secret_at(answer, places.id_token if is_id_token else places.access_token)


def _plain_parts(provider: Provider, answer: Answer, places: TokenMap, token: Secret) -> TokenAnswer:
    token_type = first_text(answer, places.token_type)
    return TokenAnswer(
        access_token=token,
        refresh_token=secret_at(answer, places.refresh_token),
        id_token=secret_at(answer, places.id_token),
        token_type=token_type[:40] or "Bearer",
        scopes=_scopes(answer, places),
        extra=_extra(provider, answer),
    )


def secret_at(answer: Answer, pointer: str) -> Secret | None:
    """The token at a place of the answer; None where there is none, or something that is no token."""
    text = first_text(answer, pointer)
    return Secret(text) if TOKEN.fullmatch(text) else None


def first_text(answer: Answer, pointer: str) -> str:
    """The first value at a place of the answer if it is a text, else an empty one."""
    value = first_value(answer, pointer)
    return value if isinstance(value, str) else ""


def first_value(answer: Answer, pointer: str) -> object:
    """The first value at a place of the answer, or at the first of several that has one; None where there is none."""
    return next(iter(answer.found_at(pointer)), None) if pointer else None


def scopes_granted(provider: Provider, params: Mapping[str, str]) -> frozenset[str] | None:
    """The scopes that the approval page's answer says were left ticked; None where it says nothing of them."""
    name = provider.authorize.granted_scopes_param
    stated = params.get(name) if name else None
    return None if stated is None else frozenset(filter(SCOPE.fullmatch, SCOPE_BREAKS.split(stated)))


def _scopes(answer: Answer, places: TokenMap) -> frozenset[str] | None:
    stated = first_value(answer, places.scope)
    if isinstance(stated, list):
        return frozenset(scope for scope in stated if isinstance(scope, str) and scope)
    if not isinstance(stated, str):
        return None
    separator = places.scope_separator_out
    parts = stated.split(separator) if separator else SCOPE_BREAKS.split(stated)
    return frozenset(part.strip() for part in parts if part.strip())


def _extra(provider: Provider, answer: Answer) -> dict[str, object]:
    rules = provider.identity
    wanted = (*provider.token.map.extra, rules.subject, *rules.within, rules.label, rules.email, *rules.secondary)
    found = ((pointer, first_value(answer, pointer)) for pointer in wanted)
    return {pointer: value for pointer, value in found if isinstance(value, str | int) and value != ""}


def _with_lifetimes(
    provider: Provider, answer: Answer, places: TokenMap, tokens: TokenAnswer, now: datetime
) -> TokenAnswer:
    """Response beats catalog; of two claims in the response the earlier one counts."""
    stated = life(first_value(answer, places.expires_in), places.expires_unit)
    claims = [moment for moment in (_after(now, stated), jwt_expiry(tokens.access_token)) if moment]
    refresh_stated = life(first_value(answer, places.refresh_expires_in), places.expires_unit)
    return replace(
        tokens,
        expires_at=min(claims, default=None) or _after(now, _seconds(provider.clocks.access_s)),
        is_expiry_stated=bool(claims),
        refresh_expires_at=_after(now, refresh_stated) or _fallback_of_refresh(provider, tokens, now),
        is_refresh_expiry_stated=refresh_stated is not None,
    )


def _fallback_of_refresh(provider: Provider, tokens: TokenAnswer, now: datetime) -> datetime | None:
    """The catalog's end of a refresh token that has just been issued."""
    if tokens.refresh_token is None:
        return None
    return _after(now, _seconds(provider.clocks.refresh_absolute_s))


def counts_from_first_grant(provider: Provider) -> bool:
    """Whether refreshing does not move the refresh token's end: a refresh's own fallback date then means nothing."""
    return provider.clocks.refresh_absolute_from is CountedFrom.FIRST_GRANT


def life(value: object, unit: ExpiryUnit = ExpiryUnit.SECONDS) -> timedelta | None:
    """A lifetime as providers write them (3600, "3600", 3600.0); None where none is stated, 0 and nonsense included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) / (1000 if unit is ExpiryUnit.MILLISECONDS else 1)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or not 0 < number <= LONGEST_LIFE.total_seconds():
        return None
    return timedelta(seconds=number)


def _seconds(number: int) -> timedelta | None:
    return timedelta(seconds=number) if number else None


def _after(now: datetime, length: timedelta | None) -> datetime | None:
    return now + length if length else None


def jwt_expiry(token: Secret) -> datetime | None:
    """The `exp` of an access token that happens to be a JWT; read without belief, and only ever to end it earlier."""
    return next((moment(claims.get("exp")) for claims in _claims(token.reveal())), None)


def moment(value: object) -> datetime | None:
    """A moment written as seconds since 1970; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < YEAR_10_000:
        return None
    return datetime.fromtimestamp(float(value), UTC)


def _claims(token: str) -> Iterator[Mapping[str, object]]:
    parts = token.split(".")
    if len(parts) != 3:
        return
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return
    if isinstance(claims, dict):
        yield claims
