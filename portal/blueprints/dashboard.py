"""What the admins see: every connection by the date it ends, what ends when, and one connection with its history."""

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.extensions import catalog
from portal.pages import page, see_other
from portal.rules.status import Status
from portal.services import audit, export, listing, members, overview, reminders
from portal.services.listing import Filters

blueprint = Blueprint("dashboard", __name__, url_prefix="/admin/connections")


@blueprint.get("")
@org_admin
def index() -> str:
    asker, now, filters = access.asker(), access.now(), _filters()
    after = request.args.get("after") or None
    found = listing.ending_first(asker, filters, after, now=now)
    base_url, query = url_for(".index"), _query()
    return page(
        "dashboard/index.html",
        now=now,
        rows=found.rows,
        overview=overview.of_organization(asker, now=now),
        filters=filters,
        is_filtered=filters != Filters(),
        status_links={status: _link(base_url, query | {"status": status.value}) for status in Status},
        team_options=[(team, team) for team in members.teams(asker)],
        provider_options=[(provider.id, provider.name) for provider in catalog().all if catalog().app(provider.id)],
        provider_names={provider.id: provider.name for provider in catalog().all},
        base_url=base_url,
        first_url=_link(base_url, query) if after else None,
        next_url=_link(base_url, query | {"after": found.next_cursor}) if found.next_cursor else None,
        export_url=_link(url_for(".export_csv"), query),
        zone=access.current_member().time_zone,
    )


@blueprint.get("/export.csv")
@org_admin
def export_csv() -> Response:
    lines = export.connections_csv(access.asker(), _filters(), now=access.now())
    response = Response(stream_with_context(lines), mimetype="text/csv")
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
        history=audit.history(asker, connection_id),
        zone=access.current_member().time_zone,
    )


@blueprint.post("/reminders")
@org_admin
def send_reminder() -> ResponseReturnValue:
    connection_id = request.form.get("connection", type=UUID)
    if connection_id is None:
        return see_other(".index")
    reminders.remind_now(access.asker(), connection_id, now=access.now())
    return see_other(".show", connection_id=connection_id, notice="An e-mail with a link is on its way.")


def _filters() -> Filters:
    """The filters in the query string; a word that is none of ours filters nothing, as if it were not there."""
    status = request.args.get("status", "")
    return Filters(
        status=Status(status) if status in set(Status) else None,
        provider_id=request.args.get("provider") or None,
        team=request.args.get("team") or None,
        search=request.args.get("search", "").strip()[:200] or None,
    )


def _query() -> dict[str, str]:
    """The filters of the present query string; what is empty is left out."""
    given = request.args
    return {name: value for name in ("status", "provider", "team", "search") if (value := given.get(name))}


def _link(url: str, query: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url
