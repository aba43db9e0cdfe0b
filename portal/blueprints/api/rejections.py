"""What a backend saw when it used a token: judged, and cured where a refresh can cure it."""

import json
from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests, tokens
from portal.blueprints.api.calls import Call, Nothing, described
from portal.blueprints.api.shapes import mark
from portal.blueprints.api.tokens import Token
from portal.rules.moments import whole_seconds
from portal.rules.problems import InvalidRequest
from portal.rules.verdicts import Fault, FaultAction
from portal.services import rejections
from portal.services.rejections import Outcome, Seen

MOST_HEADERS = 100
LONGEST_HEADER = 8_192
LONGEST_BODY = 65_536
TOO_LONG = f"Send at most {LONGEST_BODY} letters: the beginning is enough."
TOO_DEEP = "This is nested too deeply: send it as a text."

Generation = Annotated[int, mark(minimum=0, maximum=2**31 - 1, description="Of the token that was refused")]
Header = Annotated[str, mark(maxLength=LONGEST_HEADER)]
Headers = Annotated[dict[str, Header], mark(maxProperties=MOST_HEADERS, description="Each header once, as a text")]
Body = Annotated[object, mark(description=f"A text or a JSON value, of at most {LONGEST_BODY} letters")]


class Rejection(TypedDict):
    generation: Generation
    status: Annotated[int, mark(minimum=100, maximum=599, description="The HTTP status the API answered with")]
    headers: NotRequired[Headers]
    body: NotRequired[Body]


class Told(TypedDict):
    """Judged; there is no newer token to try."""

    fault: Fault
    action: FaultAction
    retry_after_s: NotRequired[int]


class Cured(Told, Token):
    """Judged, and here is the newer token."""


REJECT: Call[Nothing, Rejection] = Call(
    "reportRejection",
    "Report what an API answered to a token: get its meaning, and a newer token where that is the cure",
    body=Rejection,
    says="What it means and what to do, with the members of a token where a newer one is to be used",
    answer=Cured | Told,
    headers={"Retry-After": "Seconds after which to come back, where waiting is all that helps"},
    problems=(409,),
)


@blueprint.post("/connections/<uuid:connection_id>/rejections")
@access.api_key
@described(REJECT)
def reject(connection_id: UUID) -> Response:
    asker, sent = requests.asker(), REJECT.sent()
    outcome = rejections.report(asker, connection_id, _seen(sent), now=access.now())
    response = requests.answer(_as_json(outcome))
    if outcome.retry_after is not None:
        response.headers["Retry-After"] = str(whole_seconds(outcome.retry_after))
    return response


def _seen(sent: Rejection) -> Seen:
    body = sent.get("body", "")
    _refuse_large(body)
    return Seen(sent["generation"], sent["status"], sent.get("headers", {}), body)


def _refuse_large(body: object) -> None:
    try:
        text = body if isinstance(body, str) else json.dumps(body)
    except RecursionError as error:
        raise InvalidRequest({"body": TOO_DEEP}) from error
    if len(text) > LONGEST_BODY:
        raise InvalidRequest({"body": TOO_LONG})


def _as_json(outcome: Outcome) -> Told | Cured:
    told: Told = {"fault": outcome.fault, "action": outcome.action}
    if outcome.retry_after is not None:
        told["retry_after_s"] = whole_seconds(outcome.retry_after)
    return told if outcome.token is None else {**told, **tokens.as_json(outcome.token)}
