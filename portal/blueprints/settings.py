"""An organization's settings: when its people are reminded, and its backends' API keys."""

from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.extensions import catalog
from portal.forms.api_keys import ApiKeyForm, ReplaceKeyForm
from portal.forms.settings import PolicyForm
from portal.pages import page, see_other
from portal.rules.problems import InvalidRequest
from portal.services import api_keys, key_uses, one_time_views, policy
from portal.services.api_keys import KeyView

blueprint = Blueprint("settings", __name__, url_prefix="/admin/settings")


@blueprint.get("")
@org_admin
def index() -> str:
    return _index(_policy_form(), _new_key_form())


@blueprint.post("/policy")
@org_admin
def change_policy() -> ResponseReturnValue:
    form = PolicyForm()
    if not form.validate_on_submit():
        return _index(form, _new_key_form()), 422
    try:
        policy.change(access.asker(), form.policy, policy_period_days=form.policy_period_days.data, now=access.now())
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return _index(form, _new_key_form()), 422
    return see_other(".index", notice="Policy saved. Reminders are planned anew.")


@blueprint.post("/api-keys")
@org_admin
def create_key() -> ResponseReturnValue:
    form = ApiKeyForm().offer(catalog().offered)
    if not form.validate_on_submit():
        return _index(_policy_form(), form), 422
    try:
        key = api_keys.create_to_show(
            access.asker(), form.name.data, form.ending, providers=form.providers.data, now=access.now()
        )
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return _index(_policy_form(), form), 422
    return see_other(".show_key", key_id=key.id)


@blueprint.get("/api-keys/<uuid:key_id>/created")
@org_admin
def show_key(key_id: UUID) -> str:
    key = api_keys.show(access.asker(), key_id)
    is_looked_at = request.method == "GET"  # a HEAD is nobody's look
    text = one_time_views.take(access.asker(), key_id, now=access.now()) if is_looked_at else None
    return page("settings/key_created.html", key=key, text=text and text.reveal(), **_words_of_keys())


@blueprint.get("/api-keys/<uuid:key_id>/replace")
@org_admin
def ask_replace_key(key_id: UUID) -> str:
    key, form = api_keys.show(access.asker(), key_id), ReplaceKeyForm(formdata=None)
    form.propose(key.successors_ending)
    return _replace_page(key, form)


@blueprint.post("/api-keys/<uuid:key_id>/replace")
@org_admin
def replace_key(key_id: UUID) -> ResponseReturnValue:
    key, form = api_keys.show(access.asker(), key_id), ReplaceKeyForm()
    if not form.validate_on_submit():
        return _replace_page(key, form), 422
    try:
        new = api_keys.replace(access.asker(), key_id, form.ending, overlap_days=form.overlap_days, now=access.now())
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return _replace_page(key, form), 422
    return see_other(".show_key", key_id=new.id)


@blueprint.get("/api-keys/<uuid:key_id>/revoke")
@org_admin
def ask_revoke_key(key_id: UUID) -> str:
    return page("settings/revoke_key.html", key=api_keys.show(access.asker(), key_id))


@blueprint.post("/api-keys/<uuid:key_id>/revoke")
@org_admin
def revoke_key(key_id: UUID) -> ResponseReturnValue:
    api_keys.revoke(access.asker(), key_id, now=access.now())
    return see_other(".index", notice="The key is revoked. No process accepts it any more.")


def _policy_form() -> PolicyForm:
    current = policy.of_asker(access.asker())
    return PolicyForm(formdata=None, obj=current.policy, policy_period_days=current.policy_period_days)


def _new_key_form() -> ApiKeyForm:
    return ApiKeyForm(formdata=None).offer(catalog().offered)


def _replace_page(key: KeyView, form: ReplaceKeyForm) -> str:
    return page("settings/replace_key.html", key=key, form=form, **_words_of_keys())


def _index(policy_form: PolicyForm, key_form: ApiKeyForm) -> str:
    return page(
        "settings/index.html",
        policy_form=policy_form,
        key_form=key_form,
        keys=api_keys.all_of(access.asker()),
        connections_used=key_uses.connections_used(access.asker()),
        problems=catalog().problems,
        **_words_of_keys(),
    )


def _words_of_keys() -> dict[str, object]:
    """What every page that tells of keys needs to put them into words."""
    return {
        "now": access.now(),
        "zone": access.current_member().time_zone,
        "provider_names": {provider.id: provider.name for provider in catalog().all},
    }
