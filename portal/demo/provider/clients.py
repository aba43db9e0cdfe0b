"""The apps registered with a provider, as Authlib's server side wants to see them."""

import hmac
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin

from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.settings import ClientSettings
from portal.demo.provider.store import fingerprint


@dataclass(frozen=True)
class Client(ClientMixin):  # type: ignore[misc] # Authlib ships no types
    """A confidential client: exact redirect addresses, one way to authenticate, code and refresh only."""

    issuer: str
    client_id: str
    secret_fingerprint: str
    auth_method: str
    name: str
    redirect_uris: tuple[str, ...]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None on purpose: a request must name its redirect address."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes in the order asked for, or None (refused) if none or an unknown one is asked for."""
        asked = list(dict.fromkeys((scope or "").split()))
        return " ".join(asked) if asked and ISSUERS[self.issuer].scope_names().issuperset(asked) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.secret_fingerprint, fingerprint(client_secret))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


def register(db: sqlite3.Connection, clients: Iterable[ClientSettings]) -> None:
    """Make these clients known, or change them to what they are now."""
    for client in clients:
        db.execute(
            "INSERT INTO clients VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (issuer, client_id) DO UPDATE SET"
            " secret_fingerprint = excluded.secret_fingerprint, auth_method = excluded.auth_method,"
            " name = excluded.name, redirect_uris = excluded.redirect_uris",
            (
                client.provider,
                client.client_id,
                fingerprint(client.client_secret),
                client.auth_method,
                client.name,
                json.dumps(client.redirect_uris),
            ),
        )


def find(db: sqlite3.Connection, issuer: str, client_id: str) -> Client | None:
    row = db.execute("SELECT * FROM clients WHERE issuer = ? AND client_id = ?", (issuer, client_id)).fetchone()
    return _client(row) if row else None


def registered(db: sqlite3.Connection, issuer: str) -> list[Client]:
    """The provider's clients, in the order they came."""
    return [_client(row) for row in db.execute("SELECT * FROM clients WHERE issuer = ? ORDER BY rowid", (issuer,))]


def _client(row: sqlite3.Row) -> Client:
    return Client(
        issuer=row["issuer"],
        client_id=row["client_id"],
        secret_fingerprint=row["secret_fingerprint"],
        auth_method=row["auth_method"],
        name=row["name"],
        redirect_uris=tuple(json.loads(row["redirect_uris"])),
    )
