"""A stand-in provider for the adapters' tests: its file, our app at it, and what was asked of it."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.catalog import laid_over
from portal.providers.reading import Reader
from portal.providers.schema import Provider

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
TOKENS = {"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3600, "token_type": "Bearer"}

FILE = """
schema = 1
id = "stand-in"
name = "Stand-in"

[vars]
base = { pattern = ".+" }

[authorize]
url = "{base}/authorize"

[token]
url = "{base}/token"

[identity]
source = "token"
subject = "/user_id"
"""


def provider_of(changes: str = "", file: str = FILE) -> Provider:
    """The stand-in's file with these TOML tables laid over it."""
    return Reader().table(Provider, laid_over(tomllib.loads(file), tomllib.loads(changes)))


@dataclass
class StandIn:
    """A running stand-in; `asked` holds every request that came."""

    server: HTTPServer
    asked: list["Asked"] = field(default_factory=list)
    mark: str = field(default_factory=lambda: f"{uuid4().hex}.example:1")  # so that no other test's documents are kept

    @property
    def base(self) -> str:
        return str(self.server.url_for("")).rstrip("/")

    @property
    def app(self) -> ProviderApp:
        return self.app_with("s3cret")

    def app_with(self, *secrets: str, client_id: str = "client-1") -> ProviderApp:
        hosts = frozenset({f"{self.server.host}:{self.server.port}", self.mark})
        return ProviderApp(client_id, tuple(Secret(one) for one in secrets), {"base": self.base}, hosts)

    def answers(
        self, path: str, body: object, status: int = 200, headers: Mapping[str, str] | None = None, times: int = 0
    ) -> None:
        """Answer requests for `path` with this; `times` answers come in turn, the last one stays."""
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        all_headers = {"Content-Type": "application/json", **(headers or {})}

        def respond(request: Request) -> Response:
            self.asked.append(Asked.of(request))
            return Response(text, status, headers=all_headers)

        if times:
            for _ in range(times):
                self.server.expect_ordered_request(path).respond_with_handler(respond)
        else:
            self.server.expect_request(path).respond_with_handler(respond)

    def publishes(self, *, keys: list[dict[str, Any]] | None = None, **changes: Any) -> None:
        """Have a discovery document and keys."""
        document = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/approve",
            "token_endpoint": f"{self.base}/token",
            "userinfo_endpoint": f"{self.base}/userinfo",
            "revocation_endpoint": f"{self.base}/revoke",
            "jwks_uri": f"{self.base}/jwks",
            **changes,
        }
        self.answers("/.well-known/openid-configuration", document)
        self.answers("/jwks", {"keys": keys if keys is not None else [dict(KEY.as_dict(private=False))]})

    def id_token(self, *, key: RSAKey = KEY, **changes: Any) -> str:
        claims = {
            "iss": self.base,
            "aud": "client-1",
            "sub": "subject-1",
            "nonce": "nonce-1",
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 600,
            **changes,
        }
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, ["RS256"])

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, str]
    headers: dict[str, str]

    @classmethod
    def of(cls, request: Request) -> "Asked":
        text = request.get_data(as_text=True)
        is_json = request.headers.get("Content-Type") == "application/json"
        body = json.loads(text) if is_json else dict(parse_qsl(text))
        query = dict(parse_qsl(request.query_string.decode(), keep_blank_values=True))
        return cls(request.method, request.path, query, body, dict(request.headers))
