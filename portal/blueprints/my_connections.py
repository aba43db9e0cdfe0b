"""A member's own connections: the list, a new one, one of them, and what can be done with it."""

from uuid import UUID

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import signed_in
from portal.forms.connections import ConnectForm, ConnectThereForm, NicknameForm
from portal.forms.entries import EntriesForm
from portal.pages import page, see_other
from portal.rules.problems import InvalidRequest
from portal.rules.revocations import Unrevoked
from portal.services import audit, connections, entries, failing, offers, probes, reconsent
from portal.services.connections import MyConnection

blueprint = Blueprint("my_connections", __name__, url_prefix="/connections")

DISCONNECTED = "Disconnected."
DISCONNECTED_HERE = {
    Unrevoked.OUTSTANDING: "Disconnected here. The provider has not confirmed its part yet; we keep trying.",
    Unrevoked.UNCONFIRMED: "Disconnected here. The provider has never confirmed its part.",
    Unrevoked.UNSUPPORTED: "Disconnected here. The provider has no way for us to end its part.",
}


@blueprint.get("")
@signed_in
def index() -> str:
    """All of them, soonest end first."""
    listed = connections.mine(access.asker(), now=access.now())
    return page("my_connections/index.html", connections=listed, offers=offers.offers(), zone=_zone())


@blueprint.get("/new")
@signed_in
def choose() -> str:
    """Which provider to connect."""
    form = ConnectForm()
    form.offer(offers.offers())
    return page("my_connections/new.html", form=form)


@blueprint.post("/new")
@signed_in
def connect() -> ResponseReturnValue:
    """To the provider, for a new connection."""
    form = ConnectForm()
    form.offer(offers.offers())
    if not form.validate_on_submit():
        return page("my_connections/new.html", form=form), 422
    provider_id, nickname = form.provider.data, form.nickname.data
    if entries.questions(provider_id):
        return see_other(".ask_entries", provider_id=provider_id, nickname=nickname)
    url = reconsent.begin(access.asker(), provider_id=provider_id, nickname=nickname, now=access.now())
    return redirect(url, code=303)


@blueprint.get("/new/<provider_id>")
@signed_in
def ask_entries(provider_id: str) -> str:
    """What a new connection there has to say beforehand: which bank, which host."""
    offer = offers.consentable(provider_id)
    form = ConnectThereForm.of(entries.questions(offer.id), nickname=request.args.get("nickname", "")[:60])
    return page("my_connections/entries.html", form=form, provider=offer, connection=None)


@blueprint.post("/new/<provider_id>")
@signed_in
def connect_there(provider_id: str) -> ResponseReturnValue:
    """To the provider, with the answers."""
    offer = offers.consentable(provider_id)
    form = ConnectThereForm.of(entries.questions(offer.id))
    if form.validate_on_submit():
        try:
            url = reconsent.begin(
                access.asker(),
                provider_id=offer.id,
                nickname=form["nickname"].data,
                connector=form.connector,
                entered=form.entered,
                now=access.now(),
            )
        except InvalidRequest as invalid:
            form.show(invalid.errors)
        else:
            return redirect(url, code=303)
    return page("my_connections/entries.html", form=form, provider=offer, connection=None), 422


@blueprint.get("/<uuid:connection_id>")
@signed_in
def show(connection_id: UUID) -> str:
    """One of them, with its history."""
    asker = access.asker()
    details = connections.show(asker, connection_id, now=access.now())
    return page(
        "my_connections/show.html",
        details=details,
        last_checked_at=probes.last_checked_at(asker, connection_id),
        history=audit.history(asker, connection_id),
        failing=failing.of(asker, connection_id, now=access.now()),
        zone=_zone(),
    )


@blueprint.post("/<uuid:connection_id>/reconsent")
@signed_in
def start_reconsent(connection_id: UUID) -> ResponseReturnValue:
    """To the provider, for this connection; only ever from a button of ours."""
    if reconsent.has_open_questions(access.asker(), connection_id):
        return see_other(".ask_entries_again", connection_id=connection_id)
    return redirect(reconsent.begin(access.asker(), connection_id=connection_id, now=access.now()), code=303)


@blueprint.get("/<uuid:connection_id>/entries")
@signed_in
def ask_entries_again(connection_id: UUID) -> str:
    """What this connection, which somebody was invited to make, has to say beforehand."""
    connection = _one(connection_id)
    form = EntriesForm.of(entries.questions(connection.provider.id))
    return page("my_connections/entries.html", form=form, provider=connection.provider, connection=connection)


@blueprint.post("/<uuid:connection_id>/entries")
@signed_in
def connect_with_entries(connection_id: UUID) -> ResponseReturnValue:
    """To the provider, with the answers."""
    connection = _one(connection_id)
    form = EntriesForm.of(entries.questions(connection.provider.id))
    if form.validate_on_submit():
        try:
            url = reconsent.begin(
                access.asker(),
                connection_id=connection_id,
                connector=form.connector,
                entered=form.entered,
                now=access.now(),
            )
        except InvalidRequest as invalid:
            form.show(invalid.errors)
        else:
            return redirect(url, code=303)
    return page("my_connections/entries.html", form=form, provider=connection.provider, connection=connection), 422


@blueprint.get("/<uuid:connection_id>/nickname")
@signed_in
def ask_nickname(connection_id: UUID) -> str:
    """What it shall be called."""
    connection = _one(connection_id)
    return page("my_connections/rename.html", form=NicknameForm(nickname=connection.nickname), connection=connection)


@blueprint.post("/<uuid:connection_id>/nickname")
@signed_in
def rename(connection_id: UUID) -> ResponseReturnValue:
    """It has another nickname."""
    connection, form = _one(connection_id), NicknameForm()
    if not form.validate_on_submit():
        return page("my_connections/rename.html", form=form, connection=connection), 422
    connections.rename(access.asker(), connection_id, form.nickname.data, now=access.now())
    return see_other(".show", connection_id=connection_id, notice="Nickname saved.")


@blueprint.get("/<uuid:connection_id>/disconnect")
@signed_in
def ask_disconnect(connection_id: UUID) -> str:
    """What disconnecting means, before it happens."""
    return page("my_connections/disconnect.html", connection=_one(connection_id))


@blueprint.post("/<uuid:connection_id>/disconnect")
@signed_in
def disconnect(connection_id: UUID) -> ResponseReturnValue:
    """It is ended."""
    outcome = connections.disconnect(access.asker(), connection_id, now=access.now())
    notice = DISCONNECTED_HERE[outcome.unrevoked] if outcome.unrevoked else DISCONNECTED
    return see_other(".show", connection_id=connection_id, notice=notice)


@blueprint.get("/<uuid:connection_id>/calendar.ics")
@signed_in
def calendar(connection_id: UUID) -> Response:
    """The next date for a calendar."""
    text = connections.calendar_file(access.asker(), connection_id, zone=_zone(), now=access.now())
    headers = {"Content-Disposition": 'attachment; filename="reconnect.ics"'}
    return Response(text, mimetype="text/calendar", headers=headers)


def _one(connection_id: UUID) -> MyConnection:
    return connections.one(access.asker(), connection_id, now=access.now())


def _zone() -> str:
    return access.current_member().time_zone
