"""Connections by a key: the list, a new one, another key, another try, and the end. For org admins."""

from uuid import UUID

from flask import Blueprint, flash
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.extensions import catalog
from portal.forms.entries import given_values
from portal.forms.service_connections import CredentialForm, GoogleKeyForm, KeyFileForm, ServiceForm, named
from portal.pages import page, see_other
from portal.providers.schema import Provider
from portal.providers.words import KeyFormat, Kind
from portal.rules.problems import InvalidRequest, NotFound
from portal.rules.revocations import Unrevoked
from portal.services import audit, entries, failing, service_connections, service_listing
from portal.services.service_connections import Upload
from portal.services.service_listing import ServiceConnection

blueprint = Blueprint("service_connections", __name__, url_prefix="/admin/service-connections")

FORMS: dict[KeyFormat, type[ServiceForm]] = {
    KeyFormat.PEM: KeyFileForm,
    KeyFormat.GOOGLE: GoogleKeyForm,
    KeyFormat.JWT: CredentialForm,
}
DISCONNECTED = "Disconnected, and its key is forgotten."
DISCONNECTED_HERE = "Disconnected here. The provider has not confirmed its part yet; we keep trying."


@blueprint.get("")
@org_admin
def index() -> str:
    """All of them, the key that ends first at the top."""
    listed = service_listing.all_of(access.asker(), now=access.now())
    return page("service_connections/index.html", connections=listed, providers=catalog().services, zone=_zone())


@blueprint.get("/new")
@org_admin
def choose() -> str:
    """Which provider."""
    return page("service_connections/choose.html", providers=catalog().services)


@blueprint.get("/new/<provider_id>")
@org_admin
def ask_key(provider_id: str) -> str:
    """What it takes to connect there."""
    provider = _provider(provider_id)
    return page("service_connections/new.html", form=_form(provider, is_new=True), provider=provider)


@blueprint.post("/new/<provider_id>")
@org_admin
def create(provider_id: str) -> ResponseReturnValue:
    """Connected, or nothing has changed."""
    provider = _provider(provider_id)
    form = _form(provider, is_new=True)
    if form.validate_on_submit():
        try:
            made = service_connections.create(
                access.asker(), provider.id, _upload(form), nickname=form["nickname"].data, now=access.now()
            )
        except InvalidRequest as invalid:
            form.show(invalid.errors)
        else:
            return see_other(
                ".show", connection_id=made, notice=f"Connected. {provider.name} has given a token for it."
            )
    return page("service_connections/new.html", form=form, provider=provider), 422


@blueprint.get("/<uuid:connection_id>")
@org_admin
def show(connection_id: UUID) -> str:
    """One of them, its key and its history."""
    connection = _one(connection_id)
    asker = access.asker()
    return page(
        "service_connections/show.html",
        connection=connection,
        failing=failing.of(asker, connection_id, now=access.now()),
        history=audit.history(asker, connection_id),
        zone=_zone(),
    )


@blueprint.get("/<uuid:connection_id>/key")
@org_admin
def ask_other_key(connection_id: UUID) -> str:
    """Another key."""
    connection = _one(connection_id)
    provider = _provider(connection.provider.id)
    form = _form(provider, is_new=False, **given_values(connection.vars, connection.connector))
    return page("service_connections/key.html", form=form, provider=provider, connection=connection)


@blueprint.post("/<uuid:connection_id>/key")
@org_admin
def replace_key(connection_id: UUID) -> ResponseReturnValue:
    """The other key works, or the present one goes on."""
    connection = _one(connection_id)
    provider = _provider(connection.provider.id)
    form = _form(provider, is_new=False)
    if form.validate_on_submit():
        try:
            service_connections.replace_key(access.asker(), connection_id, _upload(form), now=access.now())
        except InvalidRequest as invalid:
            form.show(invalid.errors)
        else:
            return see_other(".show", connection_id=connection_id, notice="The new key works and has replaced the old.")
    return page("service_connections/key.html", form=form, provider=provider, connection=connection), 422


@blueprint.post("/<uuid:connection_id>/try-again")
@org_admin
def try_again(connection_id: UUID) -> ResponseReturnValue:
    """The stored key once more."""
    try:
        service_connections.try_again(access.asker(), connection_id, now=access.now())
    except InvalidRequest as invalid:
        flash(invalid.detail, "warning")
        return see_other(".show", connection_id=connection_id)
    return see_other(".show", connection_id=connection_id, notice="The key works again.")


@blueprint.get("/<uuid:connection_id>/disconnect")
@org_admin
def ask_disconnect(connection_id: UUID) -> str:
    """What disconnecting means, before it happens."""
    return page("service_connections/disconnect.html", connection=_one(connection_id))


@blueprint.post("/<uuid:connection_id>/disconnect")
@org_admin
def disconnect(connection_id: UUID) -> ResponseReturnValue:
    """It is ended."""
    outcome = service_connections.disconnect(access.asker(), connection_id, now=access.now())
    notice = DISCONNECTED_HERE if outcome.unrevoked is Unrevoked.OUTSTANDING else DISCONNECTED
    return see_other(".show", connection_id=connection_id, notice=notice)


def _provider(provider_id: str) -> Provider:
    found = next((one for one in catalog().services if one.id == provider_id), None)
    if found is None:
        raise NotFound
    return found


def _form(provider: Provider, *, is_new: bool, **given: str) -> ServiceForm:
    kind = FORMS[provider.assertion.key] if provider.kind is Kind.JWT_BEARER else ServiceForm
    return (named(kind) if is_new else kind).of(entries.questions(provider.id), **given)


def _upload(form: ServiceForm) -> Upload:
    return Upload(form.content, form.typed_passphrase, form.end, form.connector, form.entered)


def _one(connection_id: UUID) -> ServiceConnection:
    return service_listing.one(access.asker(), connection_id, now=access.now())


def _zone() -> str:
    return access.current_member().time_zone
