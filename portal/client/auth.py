"""`auth=ReconsentAuth(...)` for `requests` and `httpx`: every request carries a token that works.

Threat model: the token is for the API the caller asks, the API key for the portal alone. The token is put on the
request itself and never on where it is redirected to: both libraries take it off on the way to another host, and an
answer to a request that did not carry our token is nothing to us. Nothing is sent a second time that cannot be sent
exactly as before.
"""

from collections.abc import AsyncGenerator, Collection, Generator, Mapping
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from portal.client.answers import Token
from portal.client.calls import TIMEOUT_S, Client, Refusal, id_of
from portal.client.keeping import TokenKeeper
from portal.client.transport import Transport

if TYPE_CHECKING:
    from httpx import Auth as HttpxAuth
    from httpx import Request as HttpxRequest
    from httpx import Response as HttpxResponse
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase
else:

    def _class(module: str, name: str) -> type:
        """The library's own class where it is installed, and otherwise one that stands for it."""
        try:
            return getattr(import_module(module), name)
        except ImportError:
            return type(name, (), {})

    AuthBase, HttpxAuth = _class("requests.auth", "AuthBase"), _class("httpx", "Auth")

REPORTED = frozenset({401})
TOLD_HEADERS = frozenset({"www-authenticate", "retry-after", "content-type", "date"})
TOLD_BEGINNINGS = ("x-", "ratelimit")
LONGEST_HEADER = 1_024
MOST_HEADERS = 40


class ReconsentAuth(AuthBase, HttpxAuth):
    """Puts a connection's fresh token on requests; after a refusal it is reported, and a newer one tried once.

    The token is kept until `min_ttl` before its end. `reported` are the statuses that count as a refusal of the token:
    add 403 or 400 for an API that says it so. Raises the errors of `portal.client.errors`. Safe in threads and event
    loops; worth keeping, one for each connection.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        connection_id: UUID | str,
        *,
        min_ttl: timedelta | float = 60.0,
        reported: Collection[int] = REPORTED,
        timeout_s: float = TIMEOUT_S,
        transport: Transport | None = None,
    ) -> None:
        wanted = min_ttl if isinstance(min_ttl, timedelta) else timedelta(seconds=min_ttl)
        self._client = Client(base_url, api_key, timeout_s=timeout_s, transport=transport)
        self._connection_id = id_of(connection_id)
        self._reported = frozenset(reported)
        self._keeper = TokenKeeper(partial(self._client.token, self._connection_id, min_ttl=wanted), min_ttl=wanted)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client!r}, {str(self._connection_id)!r})"

    def token(self) -> Token:
        """The token a request would carry now."""
        return self._keeper.token()

    # requests

    def __call__(self, r: "PreparedRequest") -> "PreparedRequest":
        token = self._keeper.token()
        r.headers["Authorization"] = _bearer(token)
        r.register_hook("response", partial(self._after, token))  # type: ignore[no-untyped-call]
        return r

    def _after(self, token: Token, response: "Response", **sending: Any) -> "Response":
        """The answer, or the one to the same request with a newer token."""
        if not self._is_refused(token, response.status_code, response.request.headers):
            return response
        newer = self._newer(token, Refusal(response.status_code, _told(response.headers), response.text))
        if newer is None or not _is_rewound(response.request):
            return response
        return _sent_again(response, newer, sending)

    # httpx

    def sync_auth_flow(self, request: "HttpxRequest") -> "Generator[HttpxRequest, HttpxResponse, None]":
        token = self._keeper.token()
        request.headers["Authorization"] = _bearer(token)
        response = yield request
        if self._is_refused(token, response.status_code, response.request.headers):
            response.read()
            newer = self._newer(token, Refusal(response.status_code, _told(response.headers), response.text))
            if newer is not None and _is_in_memory(request):
                request.headers["Authorization"] = _bearer(newer)
                yield request

    async def async_auth_flow(self, request: "HttpxRequest") -> "AsyncGenerator[HttpxRequest, HttpxResponse]":
        from anyio.to_thread import run_sync  # httpx brings it along; the loop goes on while a thread waits

        token = self._keeper.kept()
        if token is None:
            token = await run_sync(self._keeper.token)
        request.headers["Authorization"] = _bearer(token)
        response = yield request
        if self._is_refused(token, response.status_code, response.request.headers):
            await response.aread()
            refusal = Refusal(response.status_code, _told(response.headers), response.text)
            newer = await run_sync(self._newer, token, refusal)
            if newer is not None and _is_in_memory(request):
                request.headers["Authorization"] = _bearer(newer)
                yield request

    # both

    def _is_refused(self, token: Token, status: int, sent: Mapping[str, Any]) -> bool:
        """Whether this answer is about our token: after a redirect to another host it was not sent any more."""
        return status in self._reported and sent.get("Authorization") == _bearer(token)

    def _newer(self, token: Token, refusal: Refusal) -> Token | None:
        return self._keeper.instead_of(token, partial(self._cure, token, refusal))

    def _cure(self, token: Token, refusal: Refusal) -> Token | None:
        newer = self._client.report(self._connection_id, token.generation, refusal).token
        return newer if newer is not None and newer.access_token != token.access_token else None


def _bearer(token: Token) -> str:
    return f"Bearer {token.access_token}"


def _told(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say why; cookies and the like stay here."""
    named = ((name, str(value)[:LONGEST_HEADER]) for name, value in headers.items())
    told = [(name, value) for name, value in named if _is_told(name.lower())]
    return dict(told[:MOST_HEADERS])


def _is_told(name: str) -> bool:
    return name in TOLD_HEADERS or name.startswith(TOLD_BEGINNINGS)


def _is_rewound(request: "PreparedRequest") -> bool:
    """Whether the body can be sent from its beginning once more; a file then stands there again."""
    from requests.exceptions import UnrewindableBodyError
    from requests.utils import rewind_body

    if request.body is None or isinstance(request.body, bytes | str):
        return True
    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def _sent_again(response: "Response", token: Token, sending: Mapping[str, Any]) -> "Response":
    response.close()
    response.request.headers["Authorization"] = _bearer(token)  # redirects that follow are made from this one
    again = response.request.copy()
    answer: Response = response.connection.send(again, **sending)
    answer.history.append(response)
    answer.request = again
    return answer


def _is_in_memory(request: "HttpxRequest") -> bool:
    """Only such a body is sure to be the same a second time."""
    from httpx import ByteStream

    return isinstance(request.stream, ByteStream)
