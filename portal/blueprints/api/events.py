"""The organization's public events for backends that would rather ask than be called."""

from typing import Annotated, NotRequired, TypedDict, cast

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests
from portal.blueprints.api.calls import Call, Nothing, described
from portal.blueprints.api.shapes import Id, Moment, mark
from portal.rules.webhooks import PublicType
from portal.services import public_events

LARGEST_ID = 2**53 - 1  # the largest whole number that every JSON reader keeps exact


class EventsQuery(TypedDict, total=False):
    after: Annotated[
        int, mark(minimum=0, maximum=LARGEST_ID, default=0, description="The `next_after` of the answer before")
    ]
    limit: Annotated[int, mark(minimum=1, maximum=public_events.LARGEST_PAGE, default=public_events.PAGE_SIZE)]


class EventMember(TypedDict):
    email: str
    name: str


class EventData(TypedDict):
    """What it is about; the members that not every type has say what changed."""

    connection_id: Id
    provider: str
    nickname: str
    member: EventMember
    consent_expires_at: NotRequired[Moment]
    reason: NotRequired[str]
    learned: NotRequired[bool]
    lost: NotRequired[list[str]]
    gained: NotRequired[list[str]]
    by_colleague: NotRequired[bool]


class Event(TypedDict):
    id: int
    type: PublicType
    at: Moment
    data: EventData


class Events(TypedDict):
    events: list[Event]
    next_after: int


EVENTS: Call[EventsQuery, Nothing] = Call(
    "listEvents",
    "What happened to the organization's connections, in order",
    query=EventsQuery,
    says="The events behind `after`; ask again with `next_after`, at once where there were as many as the limit",
    answer=Events,
)


@blueprint.get("/events")
@access.api_key
@described(EVENTS)
def events() -> Response:
    asker, asked = requests.asker(), EVENTS.asked()
    after = asked.get("after", 0)
    found = public_events.page(asker, after=after, limit=asked.get("limit", public_events.PAGE_SIZE))
    shown: Events = {
        "events": [cast(Event, event.document) for event in found],
        "next_after": found[-1].id if found else after,
    }
    return requests.answer(shown)
