"""What the provider's process is told at start: where it lives, which clients it knows."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.problems import InvalidInput

BASIC, POST = "client_secret_basic", "client_secret_post"
CLIENTS_VARIABLE = "DEMO_PROVIDER_CLIENTS"


@dataclass(frozen=True)
class ClientSettings:
    """An app that may ask for consent, as registered with one of the two providers."""

    provider: str
    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    auth_method: str = BASIC
    name: str = "Reconsent"

    def __post_init__(self) -> None:
        if self.provider not in ISSUERS:
            raise InvalidInput(f"There is no provider '{self.provider}'; there are {', '.join(ISSUERS)}.")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "ClientSettings":
        """Check a client that came as JSON; the message of the refusal names the field."""
        for field in ("provider", "client_id", "client_secret"):
            if not isinstance(given.get(field), str) or not given[field]:
                raise InvalidInput(f"A client needs a text in '{field}'.")
        if given.get("auth_method", BASIC) not in (BASIC, POST):
            raise InvalidInput(f"'auth_method' is {BASIC} or {POST}.")
        return cls(
            provider=given["provider"],
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            redirect_uris=_read_redirect_uris(given.get("redirect_uris")),
            auth_method=given.get("auth_method", BASIC),
            name=str(given.get("name", "Reconsent")),
        )


@dataclass(frozen=True)
class Settings:
    """Everything `create_provider` needs; without clients the demo portal's own two are registered."""

    data_dir: Path
    public_url: str
    portal_url: str = "http://127.0.0.1:8000"
    clients: tuple[ClientSettings, ...] = ()
    clock_file: Path | None = None

    def registered_clients(self) -> tuple[ClientSettings, ...]:
        return self.clients or demo_clients(self.portal_url)


def demo_clients(portal_url: str) -> tuple[ClientSettings, ...]:
    """The demo portal at both providers; one signs in by Basic and one by form fields, so that both ways are used."""
    return (
        _demo_client("social", portal_url, BASIC),
        _demo_client("video", portal_url, POST),
    )


def clients_from(file: Path | None) -> tuple[ClientSettings, ...]:
    """Read the clients from `file`, or else from the environment: a JSON list in both."""
    text = file.read_text(encoding="utf-8") if file else os.environ.get(CLIENTS_VARIABLE, "[]")
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"The clients are not valid JSON: {error}") from error
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise InvalidInput("The clients must be a JSON list of objects.")
    return tuple(ClientSettings.read(entry) for entry in given)


def _demo_client(provider: str, portal_url: str, auth_method: str) -> ClientSettings:
    return ClientSettings(
        provider=provider,
        client_id=f"reconsent-{provider}",
        client_secret=f"demo-secret-of-reconsent-at-{provider}",
        redirect_uris=(f"{portal_url.rstrip('/')}/consent/callback/demo-{provider}",),
        auth_method=auth_method,
    )


def _read_redirect_uris(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not given or not all(isinstance(uri, str) and uri for uri in given):
        raise InvalidInput("'redirect_uris' is a list of at least one address.")
    return tuple(given)
