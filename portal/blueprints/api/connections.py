"""An organization's connections for its backends: listed by the date they end, shown, asked for, disconnected."""

from datetime import datetime
from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests
from portal.blueprints.api.calls import Call, Nothing, described
from portal.blueprints.api.shapes import Id, Moment, mark
from portal.rules.moments import in_iso
from portal.rules.names import EMAIL_MAX, clean_email
from portal.rules.status import Status
from portal.services import disconnecting, invitations, listing
from portal.services.listing import Filters, ListedConnection

Provider = Annotated[str, mark(minLength=1, maxLength=60, description="The provider's id in the catalog")]
Address = Annotated[str, mark(format="email", minLength=3, maxLength=EMAIL_MAX)]
Limit = Annotated[int, mark(minimum=1, maximum=listing.LARGEST_PAGE, default=listing.PAGE_SIZE)]
Cursor = Annotated[
    str,
    mark(minLength=1, maxLength=200, pattern="^[A-Za-z0-9_-]+$", description="The `next_cursor` of the page before"),
]
Nickname = Annotated[str | None, mark(minLength=1, maxLength=200, description="At most 60 printable characters")]


class ListQuery(TypedDict, total=False):
    status: Status
    provider: Provider
    member: Annotated[Address, mark(description="Only those of the member with this e-mail address")]
    ends_before: Annotated[datetime, mark(description="Only those whose consent ends before")]
    limit: Limit
    cursor: Cursor


class Invitation(TypedDict):
    member_email: Address
    provider: Provider
    nickname: NotRequired[Nickname]


class Person(TypedDict):
    email: str
    name: str


class Account(TypedDict):
    id: str
    name: str


class Connection(TypedDict):
    id: Id
    provider: str
    member: Person
    nickname: str
    subject: str | None
    status: Status
    scopes: list[str]
    accounts: list[Account]
    consent_expires_at: Moment | None
    access_expires_at: Moment | None
    generation: int | None


class ConnectionPage(TypedDict):
    connections: list[Connection]
    next_cursor: str | None


LIST: Call[ListQuery, Nothing] = Call(
    "listConnections",
    "The organization's connections, soonest consent end first",
    query=ListQuery,
    says="A page of connections",
    answer=ConnectionPage,
)
SHOW: Call[Nothing, Nothing] = Call("showConnection", "One connection", says="The connection", answer=Connection)
INVITE: Call[Nothing, Invitation] = Call(
    "inviteConnection",
    "Ask a member to connect a provider: they get an invitation that leads to its page",
    body=Invitation,
    status=201,
    says="The invited connection",
    answer=Connection,
    headers={"Location": "Where it is shown"},
    problems=(403, 409),
)
DISCONNECT: Call[Nothing, Nothing] = Call(
    "disconnect",
    "End a connection: here at once, at the provider as soon as it answers",
    status=204,
    says="It is disconnected, now or since before",
    answer=None,
)


@blueprint.get("/connections")
@access.api_key
@described(LIST)
def index() -> Response:
    asker, asked = requests.asker(), LIST.asked()
    filters, limit = _filters(asked), asked.get("limit", listing.PAGE_SIZE)
    page = listing.ending_first(asker, filters, asked.get("cursor"), limit=limit, has_grants=True, now=access.now())
    shown: ConnectionPage = {"connections": [as_json(row) for row in page.rows], "next_cursor": page.next_cursor}
    return requests.answer(shown)


@blueprint.get("/connections/<uuid:connection_id>")
@access.api_key
@described(SHOW)
def show(connection_id: UUID) -> Response:
    return requests.answer(as_json(listing.one(requests.asker(), connection_id, now=access.now())))


@blueprint.post("/connections")
@access.api_key
@described(INVITE)
def create() -> Response:
    asker, sent = requests.asker(), INVITE.sent()
    connection_id = invitations.invite_connection(
        asker,
        member_email=sent["member_email"],
        provider_id=sent["provider"].strip(),
        nickname=sent.get("nickname"),
        now=access.now(),
    )
    response = requests.answer(as_json(listing.one(asker, connection_id, now=access.now())), 201)
    response.headers["Location"] = f"/api/v1/connections/{connection_id}"
    return response


@blueprint.delete("/connections/<uuid:connection_id>")
@access.api_key
@described(DISCONNECT)
def disconnect(connection_id: UUID) -> Response:
    disconnecting.disconnect(requests.asker(), connection_id, now=access.now())
    return requests.no_content()


def as_json(row: ListedConnection) -> Connection:
    """A connection as backends see it."""
    return {
        "id": str(row.id),
        "provider": row.provider_id,
        "member": {"email": row.member_email, "name": row.member_name},
        "nickname": row.nickname,
        "subject": row.subject,
        "status": row.status,
        "scopes": list(row.scopes),
        "accounts": [{"id": account["id"], "name": account["name"]} for account in row.accounts],
        "consent_expires_at": in_iso(row.consent_expires_at) if row.consent_expires_at else None,
        "access_expires_at": in_iso(row.access_expires_at) if row.access_expires_at else None,
        "generation": row.generation,
    }


def _filters(asked: ListQuery) -> Filters:
    status = asked.get("status")
    return Filters(
        status=Status(status) if status else None,
        provider_id=asked.get("provider"),
        member_email=clean_email(asked["member"], field="member") if "member" in asked else None,
        ends_before=asked.get("ends_before"),
    )
