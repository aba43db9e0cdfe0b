"""A provider's answer as evidence: its status, headers and body, read forgivingly and never believed blindly."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import parse_qsl

from portal.rules.once import once
from portal.rules.verdicts import Phase

_FORM = re.compile(r"[\w.\[\]-]{1,100}=[^\s<>]*")
_CHALLENGE = re.compile(r"(?:^|,)\s*(?:bearer|dpop)\s+(.*)", re.IGNORECASE)
_CHALLENGE_PARAMETER = re.compile(  # possessive: backends send us headers, and none shall cost a second
    r'(?<![a-z_])([a-z_]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))', re.IGNORECASE
)
_SECONDS = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,6})?")
_SICK = frozenset({408, 421, 425})
_TEXTS = (str, bytes)  # a union would be made anew at every look
_JSON_BEGINS = ("{", "[")
_WAIT_HEADERS = ("retry-after", "x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset")
_EPOCH_LEAST = 10**9  # smaller numbers in a reset header are seconds to wait
_WAIT_MOST = timedelta(days=366)


@dataclass(frozen=True)
class Answer:
    """One answer, or none (`status` None: time-out, broken connection, name not found).

    `body` may be text, bytes or an already parsed JSON value.
    """

    phase: Phase
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = ""

    def header(self, name: str) -> str:
        """A header by name in any case, empty when missing."""
        return self._headers.get(name.lower(), "")

    @once
    def _headers(self) -> dict[str, str]:
        return {name.lower(): str(value).strip() for name, value in self.headers.items()}

    @once
    def remembered(self) -> dict[str, list[object]]:
        """What was found in the answer, by where; for those who ask the same many times."""
        return {}

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx; several providers report failures inside one."""
        return self.status is not None and 200 <= self.status < 300

    @once
    def text(self) -> str:
        """The body as text."""
        if isinstance(self.body, bytes):
            return self.body.decode("utf-8", "replace")
        return self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False, default=str)

    @once
    def document(self) -> object:
        """The body as JSON, or as a form (GitHub's and Facebook's older answers); None when it is neither."""
        if not isinstance(self.body, _TEXTS):
            return self.body
        text = self.text.strip().removeprefix("\ufeff")
        if text[:1] not in _JSON_BEGINS and _FORM.fullmatch(text):
            return dict(parse_qsl(text, keep_blank_values=True))
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    @property
    def is_of_a_sick_server(self) -> bool:
        """Whether the server had trouble of its own (5xx, a time-out, too early): then its words mean little."""
        return self.status is not None and (self.status >= 500 or self.status in _SICK)

    @property
    def is_html(self) -> bool:
        """Whether a page came instead of data: a proxy's sign-in, a firewall, maintenance; JSON called HTML is none."""
        if not isinstance(self.body, _TEXTS):
            return False
        if self.text.lstrip()[:1] == "<":
            return True
        return "text/html" in self.header("content-type").lower() and not isinstance(self.document, dict | list)

    def values_at(self, pointer: str) -> Iterator[object]:
        """All values at a JSON pointer (RFC 6901); a `*` segment stands for every member of a list or object."""
        return iter(_found(self.document, _segments(pointer)))

    def found_at(self, pointer: str) -> Sequence[object]:
        """The values that say something at a JSON pointer, or at several with `|` between them.

        They are remembered, for a provider's rules ask the same often.
        """
        known = self.remembered.get(pointer)
        if known is None:
            found = [value for each in _paths(pointer) for value in _found(self.document, each)]
            known = self.remembered[pointer] = [value for value in found if value is not None]
        return known

    @once
    def challenge(self) -> Mapping[str, str]:
        """The parameters of a `WWW-Authenticate: Bearer` header (RFC 6750 section 3), names in lower case."""
        header = self.header("www-authenticate")
        challenge = _CHALLENGE.search(header) if header else None
        found = _CHALLENGE_PARAMETER.findall(challenge[1]) if challenge else []
        return {name.lower(): quoted or bare for name, quoted, bare in found}

    @once
    def word(self) -> str:
        """The error word: `error` of the body (or its `code`), else of the challenge; lower case, empty without one.

        A number is a word only where the challenge has none.
        """
        error = self._member("error")
        if isinstance(error, dict):
            error = error.get("code")
        word = _text_of(error)
        if not word or word.isdecimal():
            word = _text_of(self.challenge.get("error"), word)
        return word.lower()

    @once
    def description(self) -> str:
        """What the provider says about the word, for a person; in any language, so it decides nothing but nuances."""
        error = self._member("error")
        message = error.get("message") if isinstance(error, dict) else None
        texts = (self._member("error_description"), message, self._member("message"))
        return _text_of(*texts, self.challenge.get("error_description")).lower()

    def _member(self, name: str) -> object:
        return self.document.get(name) if isinstance(self.document, dict) else None

    @property
    def retry_after(self) -> timedelta | None:
        """What the provider asks us to wait: `Retry-After`, else a limit's reset; None when it says nothing usable.

        Dates count from the answer's own `Date`, so that neither side's clock matters.
        """
        asked = [self._headers[name] for name in _WAIT_HEADERS if name in self._headers]
        return next((wait for wait in map(self._wait, asked) if wait is not None), None) if asked else None

    def _wait(self, value: str) -> timedelta | None:
        if not value:
            return None
        if _SECONDS.fullmatch(value):
            return min(timedelta(seconds=float(value)), _WAIT_MOST)
        then, sent_at = _moment(value), _moment(self.header("date"))
        if then is None or sent_at is None:
            return None
        return min(max(then - sent_at, timedelta(0)), _WAIT_MOST)

    def wait_at(self, part: str) -> timedelta | None:
        """The same where a provider says it at a place of its own: `header:<name>` or `body:<JSON pointer>`."""
        kind, _, name = part.partition(":")
        value = self.header(name) if kind == "header" else next(self.values_at(name), None)
        return None if isinstance(value, bool) or not isinstance(value, str | int | float) else self._wait(str(value))


def _text_of(*candidates: object) -> str:
    """The first candidate that is a text and says something."""
    for candidate in candidates:
        if isinstance(candidate, str) and (text := candidate.strip()):
            return text
    return ""


@lru_cache(maxsize=1024)
def _paths(pointers: str) -> tuple[tuple[str, ...], ...]:
    return tuple(map(_segments, pointers.split("|")))


@lru_cache(maxsize=1024)
def _segments(pointer: str) -> tuple[str, ...]:
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in pointer.split("/")[1:])


def _found(value: object, segments: tuple[str, ...]) -> list[object]:
    """The values that the segments lead to: straight on through objects, by each member through lists and `*`."""
    for passed, segment in enumerate(segments, start=1):
        if segment == "*" or not isinstance(value, dict):
            return [found for member in _members(value, segment) for found in _found(member, segments[passed:])]
        if segment not in value:
            return []
        value = value[segment]
    return [value]


def _members(value: object, segment: str) -> list[object]:
    """What a segment names in a list; all members of an object, for it is `*` where one comes here."""
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        if segment == "*":
            return value
        return [value[int(segment)]] if re.fullmatch(r"[0-9]{1,6}", segment) and int(segment) < len(value) else []
    return []


def _moment(value: str) -> datetime | None:
    """A moment as seconds since 1970, as an HTTP date or in ISO 8601."""
    try:
        if value.isdecimal():
            return datetime.fromtimestamp(int(value), UTC) if int(value) >= _EPOCH_LEAST else None
        moment = datetime.fromisoformat(value) if value[:4].isdecimal() else parsedate_to_datetime(value)
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
