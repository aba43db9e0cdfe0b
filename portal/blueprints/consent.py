"""Back from the provider, and the decision about what came back."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

from portal import access
from portal.access import public, signed_in
from portal.forms.consent import DecisionForm
from portal.pages import page, see_other
from portal.rules.comparison import Choice
from portal.services import decisions, reconsent
from portal.services.decisions import Decided
from portal.services.old_tokens import OldTokens

blueprint = Blueprint("consent", __name__, url_prefix="/consent")

SIGN_IN_AGAIN = "You were signed out meanwhile. Nothing was changed; please sign in and start again."
CHANGED_MEANWHILE = "Something changed while you were deciding. Nothing was replaced; please look again."
DONE = {
    Choice.REPLACE: "Replaced. The new login is connected.",
    Choice.KEEP_BOTH: "Both are connected now.",
    Choice.RENEW_OTHER: "Your other connection is renewed.",
}
CANCELLED = {
    OldTokens.NONE: "Cancelled. Nothing was connected.",
    OldTokens.IDLE: "Cancelled. Nothing was changed.",
    OldTokens.KEPT: "Cancelled. Nothing was changed: the connection works as before.",
    OldTokens.WORK: "Cancelled. We asked the provider: the connection still works as before.",
    OldTokens.ENDED: "Cancelled. But the provider ended the earlier consent when you gave the new one; reconnect.",
    OldTokens.UNKNOWN: "Cancelled. Nothing was changed here; whether the earlier consent still counts is not known.",
}
WORRYING = (OldTokens.ENDED, OldTokens.UNKNOWN)


@blueprint.get("/callback/<provider_id>")
@public
def callback(provider_id: str) -> ResponseReturnValue:
    """The provider's answer: the one GET that changes something, spent by whoever brings it first."""
    if request.method != "GET":
        raise MethodNotAllowed(["GET"])  # a HEAD must not spend anything
    params, now = _params(), access.now()
    if access.member_or_none() is None:
        reconsent.abandon(provider_id, params.get("state", ""), now=now)
        flash(SIGN_IN_AGAIN, "warning")
        return see_other("sign_in.start", next=url_for("my_connections.index"))
    finished = reconsent.finish(access.asker(), provider_id, params, now=now)
    if finished.pending_id is not None:
        return see_other(".review", pending_id=finished.pending_id)
    notice = "Connected. Thank you." if finished.is_first else "Reconnected. Thank you."
    return see_other("my_connections.show", connection_id=finished.connection_id, notice=notice)


@blueprint.get("/<uuid:pending_id>")
@signed_in
def review(pending_id: UUID) -> str:
    """Both sides, and what may be done."""
    return _review_page(pending_id, DecisionForm(formdata=None))


@blueprint.post("/<uuid:pending_id>")
@signed_in
def decide(pending_id: UUID) -> ResponseReturnValue:
    """What the member decided."""
    form = DecisionForm()
    if not form.validate_on_submit():
        return _review_page(pending_id, form), 422
    seen, nickname = form.seen.data or "", form.nickname.data or ""
    decided = decisions.decide(access.asker(), pending_id, form.chosen, seen=seen, nickname=nickname, now=access.now())
    return _next_page(decided)


def _review_page(pending_id: UUID, form: DecisionForm) -> str:
    review = decisions.review(access.asker(), pending_id, now=access.now())
    if not form.is_submitted():
        form.nickname.data = review.proposed_nickname
    return page("consent/review.html", review=review, form=form, zone=access.current_member().time_zone)


def _next_page(decided: Decided) -> ResponseReturnValue:
    if decided.next_url:
        return redirect(decided.next_url, code=303)
    if decided.pending_id is not None:
        if decided.is_outdated:
            flash(CHANGED_MEANWHILE, "warning")
        return see_other(".review", pending_id=decided.pending_id)
    if decided.choice is Choice.CANCEL:
        flash(CANCELLED[decided.old_tokens], "warning" if decided.old_tokens in WORRYING else "message")
    else:
        flash(DONE[decided.choice])
    if decided.connection_id is None:
        return see_other("my_connections.index")
    return see_other("my_connections.show", connection_id=decided.connection_id)


def _params() -> dict[str, str]:
    """The answer's parameters; one that comes twice counts as missing (RFC 6749 section 3.1)."""
    return {name: values[0] for name, values in request.args.lists() if len(values) == 1}
