"""The least that could be called a token API: no key, no checks; one SELECT on the driver and one decryption."""

import os
import threading
from uuid import UUID

from flask import Flask, Response, jsonify

from bench.drivers import Driver
from portal.crypto import Keyring, Sealed, from_base64url
from portal.models.grant import seal_context

SELECT = "SELECT access_token, token_type, access_expires_at, generation FROM grants WHERE connection_id = ?"


def create_app() -> Flask:
    """An app over the database and keys of the portal's own environment, with a connection a thread."""
    app = Flask("bare")
    url = os.environ["PORTAL_DATABASE_URL"]
    key_id, _, key = os.environ["PORTAL_TOKEN_KEYS"].partition(":")
    keyring = Keyring([(key_id, from_base64url(key))])
    own = threading.local()

    @app.post("/connections/<uuid:connection_id>/token")
    def token(connection_id: UUID) -> Response:
        if not hasattr(own, "driver"):
            own.driver = Driver(url)
        driver: Driver = own.driver
        identity = connection_id if driver.is_postgresql else connection_id.hex
        sealed, kind, expires_at, generation = driver.run(SELECT, identity).fetchone()
        secret = keyring.open(Sealed(bytes(sealed)), seal_context(connection_id, "access_token"))
        return jsonify(access_token=secret.reveal(), token_type=kind, expires_at=str(expires_at), generation=generation)

    return app
