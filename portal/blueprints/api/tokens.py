"""Fresh access tokens for backends: the one call that must be quick."""

from typing import Any
from uuid import UUID

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests
from portal.rules.moments import in_iso
from portal.services import tokens
from portal.services.tokens import FreshToken

LONGEST_TTL_S = 366 * 24 * 3600


@blueprint.post("/connections/<uuid:connection_id>/token")
@access.api_key
def token(connection_id: UUID) -> Response:
    key = requests.bearer()
    min_ttl = requests.seconds(requests.body({"min_ttl"}), "min_ttl", most=LONGEST_TTL_S)
    fresh = tokens.fresh_token_for_key(key, connection_id, min_ttl=min_ttl, now=access.now())
    return requests.answer(as_json(fresh))


def as_json(fresh: FreshToken) -> dict[str, Any]:
    """The members of a token answer."""
    return {
        "access_token": fresh.access_token.reveal(),
        "token_type": fresh.token_type,
        "expires_at": in_iso(fresh.expires_at) if fresh.expires_at else None,
        "scopes": list(fresh.scopes),
        "subject": fresh.subject,
        "generation": fresh.generation,
    }
