"""The people of an organization for its admins: who they are, what they may do, inviting them, importing them."""

from collections.abc import Mapping
from io import BytesIO
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from portal import access
from portal.access import org_admin
from portal.forms.members import AskForm, CheckedFileForm, ImportForm, InviteForm, PersonForm, carried
from portal.pages import page, see_other
from portal.rules.problems import ImportRefused, InvalidRequest, LastAdmin
from portal.services import emails, invitations, member_imports, members, new_members, offers
from portal.services.members import ListedMember

blueprint = Blueprint("members", __name__, url_prefix="/admin/members")

BAD_LINES_SHOWN = 1_000


@blueprint.get("")
@org_admin
def index() -> str:
    """Everybody, by name."""
    search = request.args.get("search", "").strip()[:200]
    after = request.args.get("after") or None
    found = members.page(access.asker(), search=search, after=after)
    return page(
        "members/index.html",
        rows=found.rows,
        search=search,
        first_url=url_for(".index", search=search or None) if after else None,
        next_url=url_for(".index", search=search or None, after=found.next_cursor) if found.next_cursor else None,
        zone=_zone(),
    )


@blueprint.get("/invite")
@org_admin
def invite() -> str:
    """Who shall come."""
    return page("members/invite.html", form=_invite_form())


@blueprint.post("/invite")
@org_admin
def send_invitation() -> ResponseReturnValue:
    """They are here, and have an e-mail."""
    form, asker = _invite_form(), access.asker()
    form.validate_on_submit()
    person = {"email": form.email.data, "name": form.name.data, "role": form.role.data, "team": form.team.data}
    form.show(new_members.faults(asker, **person))
    if form.errors:
        return page("members/invite.html", form=form), 422
    asked = {"provider_id": form.provider.data, "nickname": form.nickname.data}
    try:
        member_id = invitations.invite_person(asker, **person, **asked, now=access.now())
    except InvalidRequest as invalid:  # somebody else invited them at the same moment
        form.show(invalid.errors)
        return page("members/invite.html", form=form), 422
    return see_other(".show", member_id=member_id, notice="Invited. The e-mail is on its way.")


@blueprint.get("/<uuid:member_id>")
@org_admin
def show(member_id: UUID) -> str:
    """One person."""
    member = members.show(access.asker(), member_id)
    return _show(member, PersonForm(obj=member), _ask_form())


@blueprint.post("/<uuid:member_id>")
@org_admin
def change(member_id: UUID) -> ResponseReturnValue:
    """Another name, role or team."""
    member, form = members.show(access.asker(), member_id), PersonForm()
    if not form.validate_on_submit():
        return _show(member, form, _ask_form(is_empty=True)), 422
    try:
        entered = {"name": form.name.data, "role": form.role.data, "team": form.team.data}
        members.change(access.asker(), member_id, **entered, now=access.now())
    except (InvalidRequest, LastAdmin) as refused:
        form.show(_errors(refused))
        return _show(member, form, _ask_form(is_empty=True)), 422
    return see_other(".show", member_id=member_id, notice="Saved.")


@blueprint.post("/<uuid:member_id>/connections")
@org_admin
def ask_to_connect(member_id: UUID) -> ResponseReturnValue:
    """They are asked to connect something."""
    member, form = members.show(access.asker(), member_id), _ask_form()
    if not form.validate_on_submit():
        return _show(member, PersonForm(formdata=None, obj=member), form), 422
    invitations.invite_connection(
        access.asker(),
        member_email=member.email,
        provider_id=form.provider.data,
        nickname=form.nickname.data,
        now=access.now(),
    )
    return see_other(".show", member_id=member_id, notice="Asked. The e-mail is on its way.")


@blueprint.post("/<uuid:member_id>/invitation")
@org_admin
def resend_invitation(member_id: UUID) -> ResponseReturnValue:
    """The invitation, once more."""
    invitations.invite_member(access.asker(), member_id, now=access.now())
    return see_other(".show", member_id=member_id, notice="The invitation is on its way.")


@blueprint.get("/<uuid:member_id>/deactivate")
@org_admin
def ask_deactivate(member_id: UUID) -> str:
    """What it means, before it happens."""
    return page("members/deactivate.html", member=members.show(access.asker(), member_id))


@blueprint.post("/<uuid:member_id>/deactivate")
@org_admin
def deactivate(member_id: UUID) -> ResponseReturnValue:
    """They are signed out and cannot sign in."""
    members.deactivate(access.asker(), member_id, now=access.now())
    return see_other(".show", member_id=member_id, notice="Deactivated, and signed out everywhere.")


@blueprint.post("/<uuid:member_id>/reactivate")
@org_admin
def reactivate(member_id: UUID) -> ResponseReturnValue:
    """They may sign in again."""
    members.reactivate(access.asker(), member_id, now=access.now())
    return see_other(".show", member_id=member_id, notice="Reactivated. They can sign in again.")


@blueprint.get("/import")
@org_admin
def choose_file() -> str:
    """Which file."""
    return page("members/import.html", form=ImportForm(), columns=member_imports.COLUMNS)


@blueprint.post("/import")
@org_admin
def check_file() -> ResponseReturnValue:
    """What the file would do, or every line that has to be corrected."""
    form = ImportForm()
    if not form.validate_on_submit():
        return page("members/import.html", form=form, columns=member_imports.COLUMNS), 422
    file, invite = BytesIO(form.content), bool(form.invite.data)
    try:
        found = member_imports.import_members(
            access.asker(), file, is_dry_run=True, is_inviting=invite, now=access.now()
        )
    except ImportRefused as refused:
        return _refused(refused)
    hidden = {"content": carried(form.content), "invite": "yes" if invite else ""}
    return page("members/import_checked.html", found=found, hidden=hidden)


@blueprint.post("/import/confirm")
@org_admin
def import_file() -> ResponseReturnValue:
    """The checked file's people are here."""
    form = CheckedFileForm()
    file, invite = BytesIO(form.raw), bool(form.invite.data)
    try:
        done = member_imports.import_members(access.asker(), file, is_inviting=invite, now=access.now())
    except ImportRefused as refused:
        return _refused(refused)
    invited = f" {done.invited:,} invitations are on their way." if done.invited else ""
    return see_other(".index", notice=f"Imported: {done.added:,} added, {done.changed:,} changed.{invited}")


def _errors(refused: InvalidRequest | LastAdmin) -> Mapping[str, str]:
    return refused.errors if isinstance(refused, InvalidRequest) else {"role": f"{refused.title}. {refused.advice}"}


def _refused(refused: ImportRefused) -> ResponseReturnValue:
    shown = refused.lines[:BAD_LINES_SHOWN]
    return page("members/import_refused.html", lines=shown, total=len(refused.lines)), 422


def _show(member: ListedMember, form: PersonForm, ask_form: AskForm) -> str:
    parked = emails.parked(access.asker(), member.id)
    return page("members/show.html", member=member, form=form, ask_form=ask_form, parked=parked, zone=_zone())


def _invite_form() -> InviteForm:
    form = InviteForm()
    form.offer(offers.offers())
    return form


def _ask_form(*, is_empty: bool = False) -> AskForm:
    form = AskForm(formdata=None) if is_empty else AskForm()
    form.offer(offers.offers())
    return form


def _zone() -> str:
    return access.current_member().time_zone
