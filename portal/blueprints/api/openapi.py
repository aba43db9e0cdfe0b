"""The API described in OpenAPI 3.1, for client generators and fuzzers."""

from typing import Any

from flask import Response

from portal import __version__, access
from portal.blueprints.api import blueprint, requests
from portal.rules.status import Status
from portal.services import listing

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
MOMENT_OR_NULL: Schema = {"type": ["string", "null"], "format": "date-time"}
TEXTS: Schema = {"type": "array", "items": TEXT}
STATUS: Schema = {"type": "string", "enum": [status.value for status in Status]}


@blueprint.get("/openapi.json")
@access.public
def openapi() -> Response:
    return requests.answer(document())


def document() -> Schema:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reconsent",
            "version": __version__,
            "description": "Fresh tokens of an organization's connections.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Connection": CONNECTION, "Token": TOKEN, "Problem": PROBLEM},
        },
    }


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


CONNECTION = _object(
    id={"type": "string", "format": "uuid"},
    provider=TEXT,
    member=_object(email=TEXT, name=TEXT),
    nickname=TEXT,
    subject=TEXT_OR_NULL,
    status=STATUS,
    scopes=TEXTS,
    accounts={"type": "array", "items": _object(id=TEXT, name=TEXT)},
    consent_expires_at=MOMENT_OR_NULL,
    access_expires_at=MOMENT_OR_NULL,
    generation={"type": ["integer", "null"]},
)
TOKEN = _object(
    access_token=TEXT,
    token_type=TEXT,
    expires_at=MOMENT_OR_NULL,
    scopes=TEXTS,
    subject=TEXT_OR_NULL,
    generation={"type": "integer"},
)
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "code": TEXT, "detail": TEXT},
}
PROBLEMS = {
    "400": "Something in the request is wrong; `errors` names it",
    "401": "The key is missing, unknown, expired or revoked",
    "404": "The organization has no such connection",
    "405": "The address does not answer to this method",
    "409": "The state of things forbids it; for tokens `reconsent_required` with `reason` and `since`",
    "413": "The request is too large",
    "503": "The provider does not answer; come back after `Retry-After` seconds",
}


def _answers(good: str, description: str, schema: Schema, problems: str) -> Schema:
    answers: Schema = {good: {"description": description, "content": {"application/json": {"schema": schema}}}}
    refused = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status in problems.split():
        answers[status] = {"description": PROBLEMS[status], "content": {"application/problem+json": refused}}
    return answers


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _body(schema: Schema, *, required: bool) -> Schema:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _paths() -> Schema:
    connection = {"$ref": "#/components/schemas/Connection"}
    by_id = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}]
    return {
        "/connections": {"get": _list_call(connection), "post": _create_call(connection)},
        "/connections/{id}": {
            "parameters": by_id,
            "get": {
                "operationId": "showConnection",
                "summary": "One connection",
                "responses": _answers("200", "The connection", connection, "401 404"),
            },
        },
        "/connections/{id}/token": {"parameters": by_id, "post": _token_call()},
    }


def _list_call(connection: Schema) -> Schema:
    page = _object(connections={"type": "array", "items": connection}, next_cursor=TEXT_OR_NULL)
    limit = {"type": "integer", "minimum": 1, "maximum": listing.LARGEST_PAGE, "default": listing.PAGE_SIZE}
    return {
        "operationId": "listConnections",
        "summary": "The organization's connections, soonest consent end first",
        "parameters": [
            _query("status", STATUS, "Only those in this status"),
            _query("provider", TEXT, "Only those at the provider with this id"),
            _query("member", TEXT, "Only those of the member with this e-mail address"),
            _query("ends_before", {"type": "string", "format": "date-time"}, "Only those whose consent ends before"),
            _query("limit", limit, "How many at most"),
            _query("cursor", TEXT, "The `next_cursor` of the page before"),
        ],
        "responses": _answers("200", "A page of connections", page, "400 401"),
    }


def _create_call(connection: Schema) -> Schema:
    asked = _object(member_email=TEXT, provider=TEXT, nickname=TEXT_OR_NULL)
    return {
        "operationId": "inviteConnection",
        "summary": "Ask a member to connect a provider: they get an invitation that leads to its page",
        "requestBody": _body(asked | {"required": ["member_email", "provider"]}, required=True),
        "responses": _answers("201", "The invited connection", connection, "400 401 404 409 413"),
    }


def _token_call() -> Schema:
    min_ttl = {
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Seconds the token must still live (default 60)",
    }
    return {
        "operationId": "freshToken",
        "summary": "An access token that still lives as long as asked for, refreshed if need be",
        "requestBody": _body(_object(min_ttl=min_ttl) | {"required": []}, required=False),
        "responses": _answers(
            "200", "A fresh token", {"$ref": "#/components/schemas/Token"}, "400 401 404 409 413 503"
        ),
    }
