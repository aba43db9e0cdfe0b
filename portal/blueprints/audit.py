"""The audit log for admins."""

from flask import Blueprint, Response, request, url_for

from portal import access
from portal.access import org_admin
from portal.pages import page, streamed
from portal.rules.problems import InvalidRequest
from portal.services import audit

blueprint = Blueprint("audit", __name__, url_prefix="/admin/audit")

WORD_SHOWN = 60  # characters of a word that is none of ours


@blueprint.get("")
@org_admin
def index() -> str:
    before, kind = _before(), _kind()
    events = audit.page(access.asker(), before=before, kind=kind)
    is_full = len(events) == audit.PAGE_SIZE
    return page(
        "audit/index.html",
        events=events,
        kind=kind,
        kind_options=[(word.value, word.value) for word in audit.EventKind],
        first_url=url_for(".index", kind=kind) if before else None,
        next_url=url_for(".index", kind=kind, before=events[-1].id) if is_full else None,
        zone=access.current_member().time_zone,
    )


@blueprint.get("/export.jsonl")
@org_admin
def export_lines() -> Response:
    lines = (f"{line}\n" for line in audit.export(access.asker()))
    response = Response(streamed(lines), mimetype="application/jsonl")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return response


def _kind() -> str | None:
    word = request.args.get("kind", "")
    if word and word not in set(audit.EventKind):
        raise InvalidRequest({"kind": f"There is no event “{word[:WORD_SHOWN]}”. Choose one from the list."})
    return word or None


def _before() -> int | None:
    text = request.args.get("before", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InvalidRequest({"before": "This is not a place in the log: start again from the first page."})
    return int(text)
