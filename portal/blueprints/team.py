"""What team owners see: their team's connections by the date they end, to look at and not to change."""

from dataclasses import replace

from flask import Blueprint, url_for

from portal import access
from portal.access import team_owner
from portal.forms import listing as list_form
from portal.pages import page
from portal.services import team
from portal.services.listing import Filters

blueprint = Blueprint("team", __name__, url_prefix="/team")


@blueprint.get("")
@team_owner
def index() -> str:
    """Soonest end first."""
    now, filters = access.now(), replace(list_form.filters(), team=None)
    found = team.ending_first(access.asker(), filters, list_form.after(), now=now)
    return page(
        "team/index.html",
        now=now,
        team=found.team,
        rows=found.rows,
        filters=filters,
        is_filtered=filters != Filters(),
        zone=access.current_member().time_zone,
        **list_form.providers(),
        **list_form.paging(url_for(".index"), found.next_cursor),
    )
