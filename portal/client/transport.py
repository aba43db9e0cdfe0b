"""How the portal is asked: with `requests` or `httpx`, whichever is there, and never along a redirect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Protocol

from portal.client.answers import Answer
from portal.client.errors import PortalUnavailable


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to the portal."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # the API key is in them
    body: bytes | None = None


class Transport(Protocol):
    """Sends one request and returns the answer, whatever its status; raises PortalUnavailable where none came.

    It must not follow redirects: the request carries the API key.
    """

    def send(self, ask: Ask, *, timeout_s: float) -> Answer: ...


class RequestsTransport:
    """Over `requests`; each request has a session of its own, which threads need not share."""

    def send(self, ask: Ask, *, timeout_s: float) -> Answer:
        import requests

        def keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
            return request  # without any `auth`, a password in ~/.netrc would take our header's place

        try:
            response = requests.request(
                ask.method,
                ask.url,
                headers=dict(ask.headers),
                data=ask.body,
                timeout=timeout_s,
                allow_redirects=False,
                auth=keep,
            )
        except requests.RequestException as error:
            raise _unreachable(error) from error
        return Answer(response.status_code, _lower(response.headers), response.content)


class HttpxTransport:
    """Over `httpx`."""

    def send(self, ask: Ask, *, timeout_s: float) -> Answer:
        import httpx

        try:
            response = httpx.request(
                ask.method,
                ask.url,
                headers=dict(ask.headers),
                content=ask.body,
                timeout=timeout_s,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        return Answer(response.status_code, _lower(response.headers), response.content)


def default_transport() -> Transport:
    """Over `requests` where it is installed, else over `httpx`."""
    return RequestsTransport() if find_spec("requests") else HttpxTransport()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _unreachable(error: Exception) -> PortalUnavailable:
    return PortalUnavailable(f"The portal could not be reached ({type(error).__name__}).")
