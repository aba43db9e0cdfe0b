"""What a backend sends: its key, its JSON, its query string; and how it is answered."""

from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import UnsupportedMediaType

from portal import access
from portal.rules.problems import InvalidRequest, SignInRequired
from portal.services import api_keys
from portal.services.asker import Asker

KEY_MISSING = "Send the API key as `Authorization: Bearer <key>`."
KEY_WRONG = "The API key is unknown, expired or revoked."
LARGEST_BODY = 256 * 1024
AS_JSON = frozenset({"", "application/json", "application/x-www-form-urlencoded"})  # the last is curl's for any text


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


def body() -> Mapping[str, Any]:
    """The JSON object sent with the request, nothing standing for an empty one."""
    request.max_content_length = LARGEST_BODY
    if not request.get_data(cache=True):
        return {}
    if request.mimetype not in AS_JSON and not request.mimetype.endswith("+json"):
        raise UnsupportedMediaType
    sent = _json()
    if not isinstance(sent, dict):
        raise InvalidRequest({"body": "Send a JSON object."})
    return sent


def query() -> Mapping[str, str]:
    """The query string; of a name sent twice the first counts."""
    return dict(request.args.items())


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON answer that no cache keeps."""
    response = jsonify(content)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def no_content() -> Response:
    """Done, and there is nothing to tell about it."""
    return Response(status=204)


def _json() -> Any:
    """The JSON sent, or None where it is none: broken, or nested deeper than Python follows."""
    try:
        return request.get_json(silent=True, force=True)
    except RecursionError:
        return None
