"""The API described in OpenAPI 3.1, made from the routes and the calls their views are tied to."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from flask import Response, current_app
from werkzeug.routing import Rule

from portal import __version__, access
from portal.access import Mark
from portal.blueprints.api import blueprint, requests
from portal.blueprints.api.calls import Call, Nothing, call_of, described
from portal.blueprints.api.shapes import Moment, Name, Schema, schema_of

BY_FLASK = frozenset({"HEAD", "OPTIONS"})
PROBLEMS: Mapping[int, str] = {
    400: "Something in the request is wrong; `errors` names it",
    401: "The key is missing, unknown, expired or revoked",
    403: "The key is for other providers",
    404: "There is nothing of the organization at this address",
    409: "The state of things forbids it; about tokens `reconsent_required` with `reason` and `since`",
    413: "The request is too large",
    415: "What was sent is not JSON",
    503: "The provider (`provider_unavailable`) or our database (`unavailable`) is away for a while",
}
PROBLEM_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Always `Bearer`"},
    503: {"Retry-After": "Seconds after which to come back"},
}


class Problem(TypedDict):
    """RFC 9457; which further members there are depends on `code`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: NotRequired[dict[str, str]]
    reason: NotRequired[str]
    since: NotRequired[Moment]
    retry_after_s: NotRequired[int]


DESCRIBE: Call[Nothing, Nothing] = Call(
    "describeApi", "This description", says="The description in OpenAPI 3.1", answer=dict[str, object]
)


@blueprint.get("/openapi.json")
@access.public
@described(DESCRIBE)
def openapi() -> Response:
    return requests.answer(document())


def document() -> Schema:
    """The whole description; raises LookupError when a view of the API is not tied to a call."""
    components: dict[str, Schema] = {}

    def referred(kind: type, schema: Schema) -> Schema:
        components[kind.__name__] = schema
        return {"$ref": f"#/components/schemas/{kind.__name__}"}

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reconsent",
            "version": __version__,
            "description": "Fresh tokens of an organization's connections.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": _paths(referred),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
    }


def _paths(name: Name) -> Schema:
    paths: defaultdict[str, Schema] = defaultdict(dict)
    for rule in _rules():
        view = current_app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - BY_FLASK):
            paths[_template(rule)][method.lower()] = _operation(rule, call_of(view), access.mark_of(view), name)
    return dict(sorted(paths.items()))


def _rules() -> Iterator[Rule]:
    return (rule for rule in current_app.url_map.iter_rules() if rule.endpoint.startswith(f"{blueprint.name}."))


def _template(rule: Rule) -> str:
    """The address as readers know it, `id` being that of the thing it is about."""
    return re.sub(r"<uuid:\w+>", "{id}", rule.rule).removeprefix(blueprint.url_prefix or "")


def _operation(rule: Rule, call: Call[Any, Any], mark: Mark | None, name: Name) -> Schema:
    operation: Schema = {"operationId": call.operation, "summary": call.summary}
    if mark is Mark.PUBLIC:
        operation["security"] = []
    if parameters := [*_of_path(rule), *_of_query(call)]:
        operation["parameters"] = parameters
    if call.has_body:
        needed = bool(call.body_schema["required"])
        content = {"application/json": {"schema": schema_of(call.body, name)}}
        operation["requestBody"] = {"required": needed, "content": content}
    operation["responses"] = _answers(call, _problems(rule, call, mark), name)
    return operation


def _of_path(rule: Rule) -> Iterator[Schema]:
    if rule.arguments:
        yield {"name": "id", "in": "path", "required": True, "schema": schema_of(UUID)}


def _of_query(call: Call[Any, Any]) -> Iterator[Schema]:
    schema = call.query_schema
    for member, described_as in schema["properties"].items():
        rest = {key: value for key, value in described_as.items() if key != "description"}
        words = {"description": described_as["description"]} if "description" in described_as else {}
        yield {"name": member, "in": "query", "required": member in schema["required"], "schema": rest} | words


def _problems(rule: Rule, call: Call[Any, Any], mark: Mark | None) -> list[int]:
    """What the address, the access mark and the shapes bring along, and what the call itself names."""
    brought = {
        400: call.has_query or call.has_body,
        401: mark is Mark.API_KEY,
        404: bool(rule.arguments),
        413: call.has_body,
        415: call.has_body,
        503: mark is Mark.API_KEY,
    }
    return sorted({status for status, is_brought in brought.items() if is_brought} | set(call.problems))


def _answers(call: Call[Any, Any], problems: list[int], name: Name) -> Schema:
    good: Schema = {"description": call.says}
    if call.answer is not None:
        good["content"] = {"application/json": {"schema": schema_of(call.answer, name)}}
    if call.headers:
        good["headers"] = _headers(call.headers)
    problem = {"application/problem+json": {"schema": schema_of(Problem, name)}}
    refused = {str(status): _refusal(status) | {"content": problem} for status in problems}
    return {str(call.status): good} | refused


def _refusal(status: int) -> Schema:
    headers = PROBLEM_HEADERS.get(status)
    return {"description": PROBLEMS[status]} | ({"headers": _headers(headers)} if headers else {})


def _headers(headers: Mapping[str, str]) -> Schema:
    return {name: {"description": says, "schema": {"type": "string"}} for name, says in headers.items()}
