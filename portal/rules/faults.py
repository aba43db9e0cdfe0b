"""The one fault classifier: status first, words second, and nobody is called revoked on a guess."""

import re
from collections.abc import Sequence
from types import MappingProxyType

from portal.rules.answers import Answer
from portal.rules.fault_rules import Condition, FaultRule
from portal.rules.verdicts import AT_TOKEN_ENDPOINT, Fault, FaultAction, Phase, Verdict, usual_action

__all__ = ["Answer", "Condition", "Fault", "FaultAction", "FaultRule", "Phase", "Verdict", "classify", "usual_action"]

_TOKEN_WORDS = MappingProxyType(
    {
        # RFC 6749 section 5.2
        "invalid_grant": Fault.REVOKED,
        "invalid_client": Fault.APP_CONFIG,
        "unauthorized_client": Fault.APP_CONFIG,
        "unsupported_grant_type": Fault.APP_CONFIG,
        "invalid_request": Fault.APP_CONFIG,
        "invalid_scope": Fault.SCOPE_MISSING,
        # sections 4.1.2.1 and RFC 8628, RFC 8707, RFC 9449
        "unsupported_response_type": Fault.APP_CONFIG,
        "server_error": Fault.TRANSIENT,
        "temporarily_unavailable": Fault.TRANSIENT,
        "slow_down": Fault.RATE_LIMITED,
        "expired_token": Fault.EXPIRED,
        "invalid_target": Fault.APP_CONFIG,
        "invalid_dpop_proof": Fault.APP_CONFIG,
        # OpenID Connect Core section 3.1.2.6
        "interaction_required": Fault.EXPIRED,
        "login_required": Fault.EXPIRED,
        "account_selection_required": Fault.EXPIRED,
        "unmet_authentication_requirements": Fault.EXPIRED,
        "consent_required": Fault.SCOPE_MISSING,
        "insufficient_scope": Fault.SCOPE_MISSING,
    }
)
_API_WORDS = MappingProxyType(
    {
        # RFC 6750 section 3.1, RFC 9470 section 3
        "invalid_token": Fault.EXPIRED,
        "insufficient_scope": Fault.SCOPE_MISSING,
        "insufficient_user_authentication": Fault.EXPIRED,
        # RFC 9449 sections 7.1 and 9: the token is fine
        "use_dpop_nonce": Fault.TRANSIENT,
        "invalid_dpop_proof": Fault.APP_CONFIG,
        "server_error": Fault.TRANSIENT,
        "temporarily_unavailable": Fault.TRANSIENT,
    }
)
_ONLY_A_HUMAN_CURES = frozenset({"insufficient_user_authentication"})
_LIMIT = re.compile(r"rate.?limit|too.?many|throttl|quota.?exceeded")  # in words of the providers' own
_OUR_APP = re.compile(r"[a-z_]*(?:client|redirect_uri)[a-z_]*")
_A_DEAD_GRANT = frozenset({"invalid_grant", "invalid_token"})
_TIME_REASON = re.compile(
    r"(?<![a-z])expired(?![a-z])|\b(?:inactivity|lifetime|timed out)\b"
    r"|\b(?:session|token|grant)(?: is| was)? (?:inactive|not active)\b"
)
_OTHER_REASON = re.compile(
    r"\b(?:invalid|revoked|unknown|malformed|password|disabled|deleted|cancell?ed|blocked|reused|already|mismatch)\b"
    r"|\bor (?:has |is )?expired|\bexpired or\b|(?<!\S)[a-z]+/[a-z]"
)
_TOKEN_FIELDS = ("/access_token", "/id_token")
_ALLOWANCES = ("x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining")
_SIGNED = re.compile(r"[\w-]+(?:\.[\w-]*){2,4}")  # a JWT, open or encrypted
_PLAIN_WORD = re.compile(r"(?=.{1,60}$)(?:[a-z]+\d{0,7}|\d{1,9})(?:[_.:-](?:[a-z]+\d{0,7}|\d{1,9}))*")
"""Words and numbers, and nothing that could be a token: careless providers repeat what they were sent."""


def classify(answer: Answer, rules: Sequence[FaultRule] = ()) -> Verdict:
    """What an answer says about the credentials, by the first that knows: no response, 429, the provider's rules, 408
    and 5xx, a page instead of data, the words of the RFCs, the status.

    At an API `revoked` needs the provider's plain word, anything less is `expired` (one refresh finds out). What nobody
    knows is `transient` at the token endpoint and `not-auth` at an API: neither ever mails a member. Before anything is
    written because of a verdict, the grant is read again: somebody may have rotated meanwhile.
    """
    if answer.status is None:
        return _verdict(Fault.TRANSIENT, answer, "no response")
    if answer.status == 429:
        return _verdict(Fault.RATE_LIMITED, answer)
    for rule in rules:
        if rule.applies_to(answer):
            action = rule.action or usual_action(rule.result, answer.phase)
            return Verdict(rule.result, action, rule.reason or _reason(answer), answer.retry_after)
    if answer.is_of_a_sick_server:
        return _verdict(Fault.TRANSIENT, answer)
    if answer.phase in AT_TOKEN_ENDPOINT:
        return _at_token_endpoint(answer)
    if _is_limit(answer):
        return _verdict(Fault.RATE_LIMITED, answer)
    return _at_introspection(answer) if answer.phase is Phase.INTROSPECT else _at_api(answer)


def _at_token_endpoint(answer: Answer) -> Verdict:
    if answer.is_html:
        return _verdict(Fault.TRANSIENT, answer, "a page instead of a token")
    fault = _TOKEN_WORDS.get(answer.word) or _of_own_word(answer.word)
    if answer.word in _A_DEAD_GRANT:
        fault = _of_dead_grant(answer)
    if answer.word == "access_denied" and answer.status == 401:
        fault = Fault.APP_CONFIG  # a refused client, not a refusing person: RFC 6749 keeps 401 for the client
    if fault is not None:
        return _verdict(fault, answer)
    if answer.is_success and not answer.word and _has_token(answer):
        return _verdict(Fault.OK, answer)
    return _verdict(Fault.TRANSIENT, answer)


def _of_own_word(word: str) -> Fault | None:
    """What a word outside the standards says by itself: a limit, or our client and its addresses, which mail nobody."""
    if _LIMIT.search(word):
        return Fault.RATE_LIMITED
    return Fault.APP_CONFIG if _OUR_APP.fullmatch(word) else None


def _of_dead_grant(answer: Answer) -> Fault:
    """Revoked, unless time is named as the only reason; a refused assertion of our own making is our fault."""
    if answer.phase is Phase.JWT:
        return Fault.APP_CONFIG
    is_time = _TIME_REASON.search(answer.description) and not _OTHER_REASON.search(answer.description)
    return Fault.EXPIRED if is_time else Fault.REVOKED


def _has_token(answer: Answer) -> bool:
    return any(isinstance(value, str) and value for at in _TOKEN_FIELDS for value in answer.values_at(at))


def _at_introspection(answer: Answer) -> Verdict:
    """RFC 7662: `active` decides; a refused question is about our own credentials, unless it names the token."""
    active = next(answer.values_at("/active"), None)
    if answer.is_success and isinstance(active, bool):
        return _verdict(Fault.OK if active else Fault.EXPIRED, answer)
    if answer.status in {401, 403} or _TOKEN_WORDS.get(answer.word) is Fault.APP_CONFIG:
        return _verdict(Fault.APP_CONFIG, answer)
    if answer.word == "invalid_token":
        return _verdict(Fault.EXPIRED, answer)
    return _verdict(Fault.TRANSIENT, answer)


def _at_api(answer: Answer) -> Verdict:
    if answer.is_success:
        return _inside_success(answer)
    if _LIMIT.search(answer.word):
        return _verdict(Fault.RATE_LIMITED, answer)
    return _by_api_word(answer, Fault.EXPIRED if answer.status == 401 else Fault.NOT_AUTH)


def _by_api_word(answer: Answer, otherwise: Fault) -> Verdict:
    word = answer.word
    if word not in _API_WORDS:  # most frameworks have the status in words in the body, and the challenge says it
        word = answer.challenge.get("error", "").lower()
    fault = _API_WORDS.get(word, otherwise)
    if word in _ONLY_A_HUMAN_CURES:
        return Verdict(fault, FaultAction.RECONSENT, _reason(answer))
    return _verdict(fault, answer)


def _inside_success(answer: Answer) -> Verdict:
    """A 2xx: fine, unless it says an RFC's word or `ok: false` (Slack's way), or tells nothing where data are due."""
    if answer.phase is Phase.USERINFO and not _tells_something(answer):
        return _verdict(Fault.TRANSIENT, answer, "no data where some were due")
    is_refused = next(answer.values_at("/ok"), None) is False
    return _by_api_word(answer, Fault.NOT_AUTH if is_refused else Fault.OK)


def _tells_something(answer: Answer) -> bool:
    """Whether it is an object, a signed one (OpenID Connect Core section 5.3.2), a list (of accounts), or empty."""
    is_data = isinstance(answer.document, dict | list)
    return is_data or not answer.text or _SIGNED.fullmatch(answer.text.strip()) is not None


def _is_limit(answer: Answer) -> bool:
    """A 403 with an empty allowance or a `Retry-After` is a limit (GitHub); good tokens have been destroyed over it."""
    if answer.status != 403:
        return False
    return bool(answer.header("retry-after")) or any(answer.header(name) == "0" for name in _ALLOWANCES)


def _verdict(fault: Fault, answer: Answer, reason: str = "") -> Verdict:
    return Verdict(fault, usual_action(fault, answer.phase), reason or _reason(answer), answer.retry_after)


def _reason(answer: Answer) -> str:
    """The error word and the status: what can be logged and shown without carrying the provider's text along."""
    is_plain = _PLAIN_WORD.fullmatch(answer.word)
    return f"{answer.word} (HTTP {answer.status})" if is_plain else f"HTTP {answer.status}"
