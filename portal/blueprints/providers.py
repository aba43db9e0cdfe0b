"""The providers as the admins see them: what is connected there, what goes wrong, what ends, and releasing e-mails."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.pages import page, see_other
from portal.services import incidents, provider_facts, provider_overview

blueprint = Blueprint("providers", __name__, url_prefix="/admin/providers")

RELEASED = "The e-mails are released. Members are asked to reconnect as their connections are refused again."


@blueprint.get("")
@org_admin
def index() -> str:
    """All that are configured, in use, or wrongly set up."""
    now = access.now()
    return page(
        "providers/index.html",
        lines=provider_overview.lines(access.asker(), now=now),
        strange_settings=provider_overview.strange_settings(),
        today=now.date(),
        zone=access.current_member().time_zone,
    )


@blueprint.get("/<provider_id>")
@org_admin
def show(provider_id: str) -> str:
    """One of them, with its facts."""
    now = access.now()
    shown = provider_overview.page(access.asker(), provider_id, now=now)
    return page(
        "providers/show.html",
        shown=shown,
        facts=provider_facts.of(shown.provider) if shown.provider else (),
        today=now.date(),
        zone=access.current_member().time_zone,
    )


@blueprint.get("/<provider_id>/incidents/<uuid:incident_id>/release")
@org_admin
def ask_release(provider_id: str, incident_id: UUID) -> str:
    """What releasing means, before it happens."""
    line = provider_overview.in_incident(access.asker(), provider_id, incident_id, now=access.now())
    return page("providers/release.html", line=line)


@blueprint.post("/<provider_id>/incidents/<uuid:incident_id>/release")
@org_admin
def release(provider_id: str, incident_id: UUID) -> ResponseReturnValue:
    """The e-mails go out."""
    incidents.release(access.asker(), incident_id, now=access.now())
    return see_other(".show", provider_id=provider_id, notice=RELEASED)
