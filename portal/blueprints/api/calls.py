"""A call of the API, declared once: what it takes is checked, and all of it is described, by the same words."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, Generic, TypedDict, TypeVar, cast

from portal.blueprints.api import requests, values
from portal.blueprints.api.shapes import Schema, schema_of

View = TypeVar("View", bound=Callable[..., Any])
Query = TypeVar("Query")
Body = TypeVar("Body")

CALL = "api_call"


class Nothing(TypedDict):
    """No member at all."""


_NOTHING: Any = Nothing


@dataclass(frozen=True)
class Call(Generic[Query, Body]):
    """What one view takes and answers.

    `query` and `body` are TypedDicts; `answer` is the type of the good answer's JSON, None where there is no content.
    `problems` are the statuses beyond those that its address and its access mark bring along.
    """

    operation: str
    summary: str
    _: KW_ONLY
    query: type[Query] = _NOTHING
    body: type[Body] = _NOTHING
    status: int = 200
    says: str
    answer: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()

    @cached_property
    def query_schema(self) -> Schema:
        return schema_of(self.query)

    @cached_property
    def body_schema(self) -> Schema:
        return schema_of(self.body)

    @property
    def has_query(self) -> bool:
        return bool(self.query_schema["properties"])

    @property
    def has_body(self) -> bool:
        return bool(self.body_schema["properties"])

    def asked(self) -> Query:
        """The query string of this request, checked. Raises InvalidRequest."""
        return cast(Query, values.query_of(self.query_schema, requests.query()))

    def sent(self) -> Body:
        """The JSON sent with this request, checked; nothing stands for an empty object. Raises InvalidRequest."""
        return cast(Body, values.body_of(self.body_schema, requests.body()))


def described(call: Call[Any, Any]) -> Callable[[View], View]:
    """Ties a view to its call: a view without one is refused by the description of the API."""

    def tied(view: View) -> View:
        setattr(view, CALL, call)
        return view

    return tied


def call_of(view: Callable[..., Any]) -> Call[Any, Any]:
    """The call a view is tied to; raises LookupError where it is not."""
    call: Call[Any, Any] | None = getattr(view, CALL, None)
    if call is None:
        raise LookupError(f"{view.__module__}.{view.__name__} says nothing about its call")
    return call
