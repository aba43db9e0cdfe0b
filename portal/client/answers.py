"""What the portal answers, read into values or raised as what it means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from portal.client.errors import (
    ConnectionUnknown,
    PortalUnavailable,
    ProviderUnavailable,
    ReconsentError,
    ReconsentRequired,
    RequestRefused,
    Unauthorized,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer of the portal; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `expires_at` None: it never ends. `lives` counts from the answer, by the portal's own clock."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: datetime | None
    scopes: tuple[str, ...]
    subject: str | None
    generation: int
    lives: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the portal makes of a provider's refusal; `token` where a newer one is worth a try."""

    fault: str
    action: str
    token: Token | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as the portal lists it; `consent_expires_at` is when its member is next needed."""

    id: str
    provider: str
    member_email: str
    member_name: str
    nickname: str
    subject: str | None
    status: str
    scopes: tuple[str, ...]
    consent_expires_at: datetime | None
    generation: int | None


def checked(answer: Answer) -> Mapping[str, Any]:
    """The JSON of a good answer; raises what any other one means."""
    content = _content(answer.body)
    if 200 <= answer.status < 300 and content is not None:
        return content
    raise _failure(answer, content or {})


def token_of(answer: Answer) -> Token:
    """The token handed out; raises what an answer without one means."""
    return _read_token(checked(answer), answer)


def verdict_of(answer: Answer) -> Verdict:
    """What a reported refusal came to; raises what any other answer means."""
    content = checked(answer)
    token = _read_token(content, answer) if "access_token" in content else None
    return Verdict(str(content.get("fault", "")), str(content.get("action", "")), token)


def connection_of(content: Mapping[str, Any]) -> Connection:
    """One line of the list."""
    return Connection(
        id=content["id"],
        provider=content["provider"],
        member_email=content["member"]["email"],
        member_name=content["member"]["name"],
        nickname=content["nickname"],
        subject=content["subject"],
        status=content["status"],
        scopes=tuple(content["scopes"]),
        consent_expires_at=_moment(content["consent_expires_at"]),
        generation=content["generation"],
    )


def _read_token(content: Mapping[str, Any], answer: Answer) -> Token:
    expires_at = _moment(content["expires_at"])
    return Token(
        access_token=content["access_token"],
        token_type=content["token_type"],
        expires_at=expires_at,
        scopes=tuple(content["scopes"]),
        subject=content["subject"],
        generation=content["generation"],
        lives=None if expires_at is None else expires_at - _answered_at(answer),
    )


def _failure(answer: Answer, content: Mapping[str, Any]) -> ReconsentError:
    code, words = str(content.get("code", "")), _words(answer, content)
    if code == "reconsent_required":
        reason, since = str(content.get("reason", "")), _moment(content.get("since"))
        return ReconsentRequired(words, code=code, reason=reason, since=since)
    if code == "provider_unavailable":
        return ProviderUnavailable(words, code=code, retry_after=_retry_after(answer))
    if answer.status >= 500 or answer.status == 429:
        return PortalUnavailable(words, code=code, retry_after=_retry_after(answer))
    return {401: Unauthorized, 404: ConnectionUnknown}.get(answer.status, RequestRefused)(words, code=code)


def _words(answer: Answer, content: Mapping[str, Any]) -> str:
    if 300 <= answer.status < 400:
        return "The portal answered with a redirect, which is not followed with a key: correct base_url."
    said = ": ".join(str(content[name]) for name in ("title", "detail") if content.get(name))
    return said or f"The portal answered {answer.status} without saying why: is base_url right?"


def _content(body: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _retry_after(answer: Answer) -> timedelta | None:
    seconds = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isascii() and seconds.isdecimal() else None


def _answered_at(answer: Answer) -> datetime:
    """By the portal's clock, so that ours may be wrong; it tells whole seconds, and the next one is the safe one."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC) + timedelta(seconds=1)
    except ValueError:
        return datetime.now(UTC)  # noqa: TID251 - the only clock left, and this package knows nothing of the portal's
