"""The organization's webhook endpoints: where its backends are told what happens to connections."""

from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.forms.webhooks import WebhookForm
from portal.pages import page, see_other
from portal.rules.problems import InvalidRequest
from portal.services import one_time_views, webhook_log, webhooks
from portal.services.webhooks import Wish

blueprint = Blueprint("webhooks", __name__, url_prefix="/admin/settings/webhooks")

DEAD = "dead"


@blueprint.get("")
@org_admin
def index() -> str:
    endpoints = webhooks.all_of(access.asker())
    return page("webhooks/index.html", endpoints=endpoints, most=webhooks.MOST, zone=_zone())


@blueprint.get("/new")
@org_admin
def ask_add() -> str:
    return page("webhooks/new.html", form=WebhookForm(formdata=None))


@blueprint.post("/new")
@org_admin
def add() -> ResponseReturnValue:
    form = WebhookForm()
    if not form.validate_on_submit():
        return page("webhooks/new.html", form=form), 422
    try:
        endpoint = webhooks.create_to_show(access.asker(), _wish(form), now=access.now())
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return page("webhooks/new.html", form=form), 422
    return see_other(".show_secret", endpoint_id=endpoint.id)


@blueprint.get("/<uuid:endpoint_id>")
@org_admin
def show(endpoint_id: UUID) -> str:
    endpoint, before = webhooks.show(access.asker(), endpoint_id), _before()
    only_dead = request.args.get("show") == DEAD
    deliveries = webhook_log.recent(access.asker(), endpoint_id, before=before, only_dead=only_dead)
    shown = DEAD if only_dead else None
    is_full = len(deliveries) == webhook_log.PAGE_SIZE
    return page(
        "webhooks/show.html",
        endpoint=endpoint,
        deliveries=deliveries,
        only_dead=only_dead,
        first_url=url_for(".show", endpoint_id=endpoint_id, show=shown) if before else None,
        next_url=_next_url(endpoint_id, shown, deliveries[-1].id) if is_full else None,
        now=access.now(),
        zone=_zone(),
    )


@blueprint.get("/<uuid:endpoint_id>/secret")
@org_admin
def show_secret(endpoint_id: UUID) -> str:
    endpoint = webhooks.show(access.asker(), endpoint_id)
    is_looked_at = request.method == "GET"  # a HEAD is nobody's look
    text = one_time_views.take(access.asker(), endpoint_id, now=access.now()) if is_looked_at else None
    return page("webhooks/secret.html", endpoint=endpoint, text=text and text.reveal(), now=access.now(), zone=_zone())


@blueprint.get("/<uuid:endpoint_id>/change")
@org_admin
def ask_change(endpoint_id: UUID) -> str:
    endpoint = webhooks.show(access.asker(), endpoint_id)
    return page("webhooks/change.html", endpoint=endpoint, form=WebhookForm(formdata=None, obj=endpoint))


@blueprint.post("/<uuid:endpoint_id>/change")
@org_admin
def change(endpoint_id: UUID) -> ResponseReturnValue:
    endpoint, form = webhooks.show(access.asker(), endpoint_id), WebhookForm()
    if not form.validate_on_submit():
        return page("webhooks/change.html", endpoint=endpoint, form=form), 422
    try:
        webhooks.change(access.asker(), endpoint_id, _wish(form), now=access.now())
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return page("webhooks/change.html", endpoint=endpoint, form=form), 422
    return see_other(".show", endpoint_id=endpoint_id, notice="Saved.")


@blueprint.post("/<uuid:endpoint_id>/pause")
@org_admin
def pause(endpoint_id: UUID) -> ResponseReturnValue:
    webhooks.pause(access.asker(), endpoint_id, now=access.now())
    return see_other(".show", endpoint_id=endpoint_id, notice="Paused. Events wait until you resume it.")


@blueprint.post("/<uuid:endpoint_id>/resume")
@org_admin
def resume(endpoint_id: UUID) -> ResponseReturnValue:
    webhooks.resume(access.asker(), endpoint_id, now=access.now())
    return see_other(".show", endpoint_id=endpoint_id, notice="Resumed. What was waiting is on its way.")


@blueprint.get("/<uuid:endpoint_id>/rotate")
@org_admin
def ask_rotate(endpoint_id: UUID) -> str:
    return page("webhooks/rotate.html", endpoint=webhooks.show(access.asker(), endpoint_id), zone=_zone())


@blueprint.post("/<uuid:endpoint_id>/rotate")
@org_admin
def rotate(endpoint_id: UUID) -> ResponseReturnValue:
    webhooks.rotate_to_show(access.asker(), endpoint_id, now=access.now())
    return see_other(".show_secret", endpoint_id=endpoint_id)


@blueprint.get("/<uuid:endpoint_id>/delete")
@org_admin
def ask_delete(endpoint_id: UUID) -> str:
    return page("webhooks/delete.html", endpoint=webhooks.show(access.asker(), endpoint_id))


@blueprint.post("/<uuid:endpoint_id>/delete")
@org_admin
def delete(endpoint_id: UUID) -> ResponseReturnValue:
    webhooks.delete(access.asker(), endpoint_id, now=access.now())
    return see_other(".index", notice="The endpoint is deleted. Nothing is sent to it any more.")


@blueprint.post("/<uuid:endpoint_id>/test")
@org_admin
def send_test(endpoint_id: UUID) -> ResponseReturnValue:
    webhook_log.send_test(access.asker(), endpoint_id, now=access.now())
    return see_other(".show", endpoint_id=endpoint_id, notice="A test event is on its way. Reload to see the answer.")


@blueprint.post("/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/again")
@org_admin
def send_again(endpoint_id: UUID, delivery_id: UUID) -> ResponseReturnValue:
    webhook_log.send_again(access.asker(), endpoint_id, delivery_id, now=access.now())
    return see_other(".show", endpoint_id=endpoint_id, notice="It is sent again.")


@blueprint.post("/<uuid:endpoint_id>/dead/again")
@org_admin
def send_dead_again(endpoint_id: UUID) -> ResponseReturnValue:
    count = webhook_log.send_dead_again(access.asker(), endpoint_id, now=access.now())
    return see_other(".show", endpoint_id=endpoint_id, notice=f"Sent again: {count:,}.")


def _next_url(endpoint_id: UUID, shown: str | None, last_id: UUID) -> str:
    return url_for(".show", endpoint_id=endpoint_id, show=shown, before=last_id)


def _wish(form: WebhookForm) -> Wish:
    return Wish(url=form.url.data or "", description=form.description.data or "", types=form.types.data or ())


def _zone() -> str:
    return access.current_member().time_zone


def _before() -> UUID | None:
    text = request.args.get("before", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidRequest({"before": "This is not a place in the list: start again from its first page."}) from None
