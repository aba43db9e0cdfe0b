"""An organization's settings: when its people are reminded, and its backends' API keys."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.extensions import catalog
from portal.forms.settings import ApiKeyForm, PolicyForm
from portal.pages import page, see_other
from portal.rules.problems import InvalidRequest
from portal.services import api_keys, policy

blueprint = Blueprint("settings", __name__, url_prefix="/admin/settings")


@blueprint.get("")
@org_admin
def index() -> str:
    current = policy.of_asker(access.asker())
    form = PolicyForm(obj=current.policy, policy_period_days=current.policy_period_days)
    return _index(form, ApiKeyForm(formdata=None))


@blueprint.post("/policy")
@org_admin
def change_policy() -> ResponseReturnValue:
    form = PolicyForm()
    if not form.validate_on_submit():
        return _index(form, ApiKeyForm(formdata=None)), 422
    try:
        policy.change(access.asker(), form.policy, policy_period_days=form.policy_period_days.data, now=access.now())
    except InvalidRequest as invalid:
        form.show(invalid.errors)
        return _index(form, ApiKeyForm(formdata=None)), 422
    return see_other(".index", notice="Policy saved. Reminders are planned anew.")


@blueprint.post("/api-keys")
@org_admin
def create_key() -> ResponseReturnValue:
    form = ApiKeyForm()
    if not form.validate_on_submit():
        current = policy.of_asker(access.asker())
        policy_form = PolicyForm(formdata=None, obj=current.policy, policy_period_days=current.policy_period_days)
        return _index(policy_form, form), 422
    key, text = api_keys.create(access.asker(), form.name.data, now=access.now())
    return page("settings/key_created.html", key=key, text=text.reveal())


@blueprint.get("/api-keys/<uuid:key_id>/revoke")
@org_admin
def ask_revoke_key(key_id: UUID) -> str:
    return page("settings/revoke_key.html", key=api_keys.show(access.asker(), key_id))


@blueprint.post("/api-keys/<uuid:key_id>/revoke")
@org_admin
def revoke_key(key_id: UUID) -> ResponseReturnValue:
    api_keys.revoke(access.asker(), key_id, now=access.now())
    return see_other(".index", notice="The key is revoked. No process accepts it any more.")


def _index(policy_form: PolicyForm, key_form: ApiKeyForm) -> str:
    return page(
        "settings/index.html",
        policy_form=policy_form,
        key_form=key_form,
        keys=api_keys.all_of(access.asker()),
        problems=catalog().problems,
        zone=access.current_member().time_zone,
    )
