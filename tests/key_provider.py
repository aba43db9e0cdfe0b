"""A provider that gives tokens for assertions and looks at them as a strict one would (RFC 7523 section 3)."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from werkzeug import Request, Response

from tests.http_server import ScriptedServer

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ISSUER = "acme-backend"
FILE = """
schema = 1
id = "{id}"
name = "{name}"
kind = "{kind}"

[vars]
issuer = {{ scope = "connection", label = "Issuer", pattern = "[a-z-]+" }}
subject = {{ scope = "connection", label = "Acts for", pattern = "[^@ ]+@[^@ ]+", optional = true }}
scope = {{ scope = "connection", label = "Scopes", pattern = "[a-z ]+", optional = true }}

[token]
url = "{url}/token"
auth = "{auth}"
map = {{ refresh_token = "" }}

[assertion]
key = "{key}"
issuer = "{issuer}"
subject = "{{subject}}"
claims = {{ scope = "{{scope}}" }}

[refresh]
mode = "{kind}"

[identity]
source = "key"

[revoke]
style = "rfc7009"
url = "{url}/revoke"
token = "access"
"""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def pem(key: PrivateKey, passphrase: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, lock)


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate(key: PrivateKey, ends_at: datetime) -> bytes:
    """A certificate of the key's own that ends then."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "acme")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(begins).not_valid_after(ends_at)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@dataclass
class KeyProvider:
    """Knows keys by issuer; `given` is its ledger of tokens, `refused` of what it did not like about a request."""

    server: ScriptedServer
    now: datetime
    keys: dict[str, list[PrivateKey]] = field(default_factory=dict)
    credentials: set[str] = field(default_factory=set)  # ready-made assertions it has signed itself
    given: list[dict[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked: list[dict[str, str]] = field(default_factory=list)
    answer: Response | None = None  # instead of any look at the request
    _seen: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.server.url_for("").rstrip("/")

    def knows(self, key: PrivateKey, issuer: str = ISSUER) -> None:
        self.keys.setdefault(issuer, []).append(key)

    def forgets(self) -> None:
        self.keys.clear()
        self.credentials.clear()

    def describe(self, folder: Path, provider_id: str, **changes: str) -> None:
        """Write its file into the folder."""
        words = {
            "kind": "jwt_bearer",
            "auth": "anonymous",
            "key": "pem",
            "issuer": "{issuer}",
            "name": "Keyed",
        } | changes
        folder.mkdir(exist_ok=True)
        (folder / f"{provider_id}.toml").write_text(FILE.format(id=provider_id, url=self.url, **words), "utf-8")

    def token(self, request: Request) -> Response:
        if self.answer is not None:
            return self.answer
        form = request.form.to_dict()
        try:
            claims = self._check(form)
        except (JoseError, ValueError, AssertionError) as error:
            self.refused.append(str(error) or repr(error))
            return in_json({"error": "invalid_grant", "error_description": "no"}, 400)
        self.given.append(claims)
        return in_json({"access_token": f"access-{len(self.given)}", "token_type": "Bearer", "expires_in": 3600})

    def revoke(self, request: Request) -> Response:
        self.revoked.append(request.form.to_dict())
        return Response("", 200)

    def _check(self, form: dict[str, str]) -> dict[str, str]:
        if form.get("grant_type") == "client_credentials":
            return form
        assert form.get("grant_type") == GRANT, "grant type"
        assertion = form["assertion"]
        if assertion in self.credentials:
            return {"iss": "credential"}
        return self._claims(assertion)

    def _claims(self, assertion: str) -> dict[str, str]:
        claims = dict(self._verified(assertion).claims)
        now = int(self.now.timestamp())
        assert claims["aud"] == f"{self.url}/token", "audience"
        assert claims["iat"] <= now < claims["exp"] <= claims["iat"] + 300, "time"
        assert claims["sub"], "subject"
        assert claims["jti"] not in self._seen, "seen before"
        self._seen.add(claims["jti"])
        return claims

    def _verified(self, assertion: str) -> jwt.Token:
        for keys in self.keys.values():
            for key in keys:
                kind, words = (RSAKey, ["RS256"]) if isinstance(key, rsa.RSAPrivateKey) else (ECKey, ["ES256"])
                try:
                    token = jwt.decode(assertion, kind.import_key(public_pem(key)), words)
                except (JoseError, ValueError):
                    continue
                assert token.claims["iss"] in self.keys, "issuer"
                return token
        raise AssertionError("signature")


def in_json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
