"""What a backend sends: its key, its JSON, its query string, each checked with a clear answer."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, jsonify, request

from portal import access
from portal.rules.problems import InvalidRequest, SignInRequired
from portal.services import api_keys
from portal.services.asker import Asker

KEY_MISSING = "Send the API key as `Authorization: Bearer <key>`."
KEY_WRONG = "The API key is unknown, expired or revoked."


def bearer() -> str:
    """The API key of this request."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise SignInRequired(KEY_MISSING)
    return key.strip()


def asker() -> Asker:
    """The organization this request's key speaks for."""
    found = api_keys.authenticate(bearer(), now=access.now())
    if found is None:
        raise SignInRequired(KEY_WRONG)
    return found


def body(allowed: Collection[str]) -> Mapping[str, Any]:
    """The JSON object sent with the request, nothing standing for an empty one; unknown members are refused."""
    if not request.get_data(cache=True):
        return {}
    sent = _json()
    if not isinstance(sent, dict):
        raise InvalidRequest({"body": "Send a JSON object."})
    unknown = {str(name): "There is no such member." for name in sent if name not in allowed}
    if unknown:
        raise InvalidRequest(unknown)
    return sent


def query(allowed: Collection[str]) -> Mapping[str, str]:
    """The query string, empty values left out; unknown names are refused: a misspelt filter would show everything."""
    unknown = {name: "There is no such parameter." for name in request.args if name not in allowed}
    if unknown:
        raise InvalidRequest(unknown)
    return {name: value for name, value in request.args.items() if value}


def text(sent: Mapping[str, Any], name: str) -> str:
    """A required text member."""
    value = sent.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest({name: "This is required and must be a text."})
    return value.strip()


def optional_text(sent: Mapping[str, Any], name: str) -> str | None:
    """A text member that may be left out or null."""
    return text(sent, name) if sent.get(name) is not None else None


def seconds(sent: Mapping[str, Any], name: str, *, most: int) -> timedelta | None:
    """A whole number of seconds that may be left out or null."""
    value = sent.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidRequest({name: f"Send a whole number of seconds from 0 to {most}."})
    return timedelta(seconds=value)


def number(sent: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    """A whole number in the query string."""
    value = sent.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 9 and least <= int(value) <= most):
        raise InvalidRequest({name: f"Send a whole number from {least} to {most}."})
    return int(value)


def moment(sent: Mapping[str, str], name: str) -> datetime | None:
    """An ISO 8601 moment with its offset from UTC in the query string."""
    if name not in sent:
        return None
    try:
        value = datetime.fromisoformat(sent[name])
        in_utc = value.astimezone(UTC)  # fails where an offset leads beyond the calendar's ends
    except (ValueError, OverflowError) as error:
        raise InvalidRequest({name: "Send a moment in ISO 8601, such as 2026-12-02T00:00:00Z."}) from error
    if value.tzinfo is None:
        raise InvalidRequest({name: "Say which time zone: end the moment with Z for UTC."})
    return in_utc


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer that no cache keeps."""
    response = jsonify(content)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _json() -> Any:
    """The JSON sent, or None where it is none: broken, or nested deeper than Python follows."""
    try:
        return request.get_json(silent=True, force=True)
    except RecursionError:
        return None
