"""The portal's calls, one method each."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from portal.client import answers
from portal.client.answers import Answer, Connection, Token, Verdict
from portal.client.errors import ConnectionUnknown
from portal.client.transport import Ask, Transport, default_transport

API = "/api/v1"
TIMEOUT_S = 30.0  # the portal itself waits for a slow provider for some 10 s, and a queue may be in front of us
LONGEST_BODY = 16_384  # letters of a refusal that are reported: the beginning says what it is


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider's API answered to a token."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


class Client:
    """Asks one portal with one API key. Safe in threads.

    Raises the errors of `portal.client.errors`; nothing is tried again by itself.
    """

    def __init__(
        self, base_url: str, api_key: str, *, timeout_s: float = TIMEOUT_S, transport: Transport | None = None
    ) -> None:
        self._api = _safe(base_url) + API
        self._headers = {"Authorization": f"Bearer {_plain(api_key)}", "Accept": "application/json"}
        self._timeout_s = timeout_s
        self._transport = transport or default_transport()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._api!r})"

    def token(self, connection_id: UUID | str, *, min_ttl: timedelta | float | None = None) -> Token:
        """An access token that lives at least `min_ttl` longer (seconds; a minute by itself), refreshed if need be."""
        seconds = min_ttl.total_seconds() if isinstance(min_ttl, timedelta) else min_ttl
        wish = {} if seconds is None else {"min_ttl": int(seconds)}
        return answers.token_of(self._send("POST", f"{_place(connection_id)}/token", wish))

    def report(self, connection_id: UUID | str, generation: int, refusal: Refusal) -> Verdict:
        """Tell what a provider answered to the token of this generation; a newer one comes back where that cures it."""
        report = {
            "generation": generation,
            "status": refusal.status,
            "headers": dict(refusal.headers),
            "body": refusal.body[:LONGEST_BODY],
        }
        return answers.verdict_of(self._send("POST", f"{_place(connection_id)}/rejections", report))

    def connections(self, **filters: str) -> Iterator[Connection]:
        """The organization's connections, soonest consent end first, fetched page by page.

        Filters: `status`, `provider`, `member` (an e-mail address), `ends_before` (ISO 8601).
        """
        cursor: str | None = ""
        while cursor is not None:
            query = urlencode(filters | ({"cursor": cursor} if cursor else {}))
            page = answers.checked(self._send("GET", f"/connections?{query}"))
            yield from map(answers.connection_of, page["connections"])
            cursor = page["next_cursor"]

    def _send(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Answer:
        body = None if content is None else json.dumps(content).encode()
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        return self._transport.send(Ask(method, self._api + path, headers, body), timeout_s=self._timeout_s)


def _place(connection_id: UUID | str) -> str:
    return f"/connections/{id_of(connection_id)}"


def id_of(connection_id: UUID | str) -> UUID:
    """The id; raises ConnectionUnknown for what cannot be one."""
    try:
        return UUID(str(connection_id))
    except ValueError:
        raise ConnectionUnknown(f"{connection_id!r} is no id of a connection.") from None


def _plain(api_key: str) -> str:
    """The key without the line break of the file it comes from; ValueError, which does not repeat it, for no key."""
    key = api_key.strip()
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ValueError("api_key must be the key as the portal has shown it: it is empty, or has other characters")
    return key


def _safe(base_url: str) -> str:
    """The portal's own address, without the path of the API; ValueError unless the key is safe on its way there."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("base_url must be the portal's address, such as https://portal.example.org")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("base_url must begin with https://: the API key and every token travel over it")
    return base_url.rstrip("/").removesuffix(API)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
