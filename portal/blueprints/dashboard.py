"""What the admins see: every connection by the date it ends, what ends when, and one connection with its history."""

from uuid import UUID

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.extensions import catalog
from portal.forms import listing as list_form
from portal.pages import page, see_other, streamed
from portal.rules.problems import NotFound, RateLimited
from portal.rules.status import Status
from portal.services import audit, export, failing, key_uses, listing, members, overview, probes, reminders
from portal.services.listing import Filters

COUNTED = (
    *(Status.ENDED, Status.NEEDS_RECONSENT, Status.ENDING, Status.ACTIVE),
    *(Status.INVITED, Status.DISPLACED, Status.DISCONNECTED),
)
"""The statuses in the order in which an admin wants to know of them."""

blueprint = Blueprint("dashboard", __name__, url_prefix="/admin/connections")


@blueprint.get("")
@org_admin
def index() -> str:
    asker, now, filters = access.asker(), access.now(), list_form.filters()
    found = listing.ending_first(asker, filters, list_form.after(), now=now)
    base_url, query = url_for(".index"), list_form.query()
    glance = overview.of_organization(asker, now=now)
    return page(
        "dashboard/index.html",
        now=now,
        rows=found.rows,
        counts=[(one.value, glance.counts[one], list_form.link(base_url, query | {"status": one})) for one in COUNTED],
        weeks=glance.weeks,
        filters=filters,
        is_filtered=filters != Filters(),
        team_options=[(team, team) for team in members.teams(asker)],
        base_url=base_url,
        export_url=list_form.link(url_for(".export_csv"), query),
        zone=access.current_member().time_zone,
        **list_form.providers(),
        **list_form.paging(base_url, found.next_cursor),
    )


@blueprint.get("/export.csv")
@org_admin
def export_csv() -> Response:
    lines = export.connections_csv(access.asker(), list_form.filters(), now=access.now())
    response = Response(streamed(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="connections.csv"'
    return response


@blueprint.get("/<uuid:connection_id>")
@org_admin
def show(connection_id: UUID) -> str:
    asker = access.asker()
    connection = listing.one(asker, connection_id, now=access.now())
    return page(
        "dashboard/show.html",
        connection=connection,
        provider=catalog().get(connection.provider_id),
        backends=key_uses.backends(asker, connection_id, connection.provider_id, now=access.now()),
        history=audit.history(asker, connection_id),
        failing=failing.of(asker, connection_id, now=access.now()),
        last_checked_at=probes.last_checked_at(asker, connection_id),
        zone=access.current_member().time_zone,
    )


@blueprint.post("/reminders")
@org_admin
def send_reminder() -> ResponseReturnValue:
    connection_id = request.form.get("connection", type=UUID)
    if connection_id is None:
        raise NotFound
    try:
        reminders.remind_now(access.asker(), connection_id, now=access.now())
    except RateLimited as just_asked:
        flash(just_asked.detail, "warning")
        return see_other(".show", connection_id=connection_id)
    return see_other(".show", connection_id=connection_id, notice="An e-mail with a link is on its way.")
