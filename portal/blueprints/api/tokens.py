"""Fresh access tokens for backends: the one call that must be quick."""

from datetime import timedelta
from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests
from portal.blueprints.api.calls import Call, Nothing, described
from portal.blueprints.api.shapes import Moment, mark
from portal.rules.moments import in_iso
from portal.services import tokens
from portal.services.tokens import FreshToken

LONGEST_TTL_S = 366 * 24 * 3600


class TokenWish(TypedDict):
    min_ttl: NotRequired[
        Annotated[int | None, mark(minimum=0, maximum=LONGEST_TTL_S, description="Seconds it must still live: 60")]
    ]


class Token(TypedDict):
    access_token: str
    token_type: str
    expires_at: Moment | None
    scopes: list[str]
    subject: str | None
    generation: int


FRESH_TOKEN: Call[Nothing, TokenWish] = Call(
    "freshToken",
    "An access token that still lives as long as asked for, refreshed if need be",
    body=TokenWish,
    says="A fresh token",
    answer=Token,
    problems=(409,),
)


@blueprint.post("/connections/<uuid:connection_id>/token")
@access.api_key
@described(FRESH_TOKEN)
def token(connection_id: UUID) -> Response:
    key = requests.bearer()
    seconds = FRESH_TOKEN.sent().get("min_ttl")
    min_ttl = None if seconds is None else timedelta(seconds=seconds)
    fresh = tokens.fresh_token_for_key(key, connection_id, min_ttl=min_ttl, now=access.now())
    return requests.answer(as_json(fresh))


def as_json(fresh: FreshToken) -> Token:
    """The members of a token answer."""
    return {
        "access_token": fresh.access_token.reveal(),
        "token_type": fresh.token_type,
        "expires_at": in_iso(fresh.expires_at) if fresh.expires_at else None,
        "scopes": list(fresh.scopes),
        "subject": fresh.subject,
        "generation": fresh.generation,
    }
