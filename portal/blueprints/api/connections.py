"""An organization's connections for its backends: listed by the date they end, shown, and asked for by invitation."""

from typing import Any
from uuid import UUID

from flask import Response

from portal import access
from portal.blueprints.api import blueprint, requests
from portal.rules.moments import in_iso
from portal.rules.names import clean_email
from portal.rules.problems import InvalidRequest
from portal.rules.status import Status
from portal.services import invitations, listing
from portal.services.listing import Filters, ListedConnection

LIST_PARAMETERS = ("status", "provider", "member", "ends_before", "limit", "cursor")


@blueprint.get("/connections")
@access.api_key
def index() -> Response:
    asker = requests.asker()
    asked = requests.query(LIST_PARAMETERS)
    limit = requests.number(asked, "limit", default=listing.PAGE_SIZE, least=1, most=listing.LARGEST_PAGE)
    page = listing.ending_first(
        asker, _filters(asked), asked.get("cursor"), limit=limit, has_grants=True, now=access.now()
    )
    return requests.answer({"connections": [as_json(row) for row in page.rows], "next_cursor": page.next_cursor})


@blueprint.get("/connections/<uuid:connection_id>")
@access.api_key
def show(connection_id: UUID) -> Response:
    return requests.answer(as_json(listing.one(requests.asker(), connection_id, now=access.now())))


@blueprint.post("/connections")
@access.api_key
def create() -> Response:
    asker = requests.asker()
    sent = requests.body({"member_email", "provider", "nickname"})
    connection_id = invitations.invite_connection(
        asker,
        member_email=requests.text(sent, "member_email"),
        provider_id=requests.text(sent, "provider"),
        nickname=requests.optional_text(sent, "nickname"),
        now=access.now(),
    )
    response = requests.answer(as_json(listing.one(asker, connection_id, now=access.now())), 201)
    response.headers["Location"] = f"/api/v1/connections/{connection_id}"
    return response


def as_json(row: ListedConnection) -> dict[str, Any]:
    """A connection as backends see it."""
    return {
        "id": str(row.id),
        "provider": row.provider_id,
        "member": {"email": row.member_email, "name": row.member_name},
        "nickname": row.nickname,
        "subject": row.subject,
        "status": row.status.value,
        "scopes": list(row.scopes),
        "accounts": [{"id": account["id"], "name": account["name"]} for account in row.accounts],
        "consent_expires_at": in_iso(row.consent_expires_at) if row.consent_expires_at else None,
        "access_expires_at": in_iso(row.access_expires_at) if row.access_expires_at else None,
        "generation": row.generation,
    }


def _filters(asked: Any) -> Filters:
    status = asked.get("status")
    if status is not None and status not in set(Status):
        raise InvalidRequest({"status": f"Send one of {', '.join(Status)}."})
    return Filters(
        status=Status(status) if status else None,
        provider_id=asked.get("provider"),
        member_email=clean_email(asked["member"], field="member") if "member" in asked else None,
        ends_before=requests.moment(asked, "ends_before"),
    )
