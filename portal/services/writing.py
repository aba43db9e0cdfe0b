"""What each kind of e-mail is told: the facts of one outgoing e-mail, and the letter made of them."""

from datetime import datetime
from urllib.parse import urlsplit

from portal.adapters import mail
from portal.adapters.mime import Letter, list_header
from portal.extensions import catalog, config, signer
from portal.models.email import EmailKind
from portal.rules.login_links import lifetime_in_words
from portal.rules.zones import wall_clock
from portal.services import letters
from portal.services.letters import (
    AlertFacts,
    DigestFacts,
    DisplacedFacts,
    Facts,
    Frame,
    InvitationFacts,
    Line,
    ReminderFacts,
    SignInFacts,
)
from portal.services.outgoing import Outgoing

SIGNING = "message-id"


def letter_of(outgoing: Outgoing, *, now: datetime) -> Letter:
    """The letter as it is sent; raises ValueError when the reader's address has no form that mail servers know."""
    words = letters.render(outgoing.kind, _frame(outgoing), _facts(outgoing))
    return Letter(
        message_id=message_id(outgoing.email.id),
        sender=mail.sender(),
        recipient=(outgoing.reader.name, mail.on_the_wire(outgoing.reader.address)),
        subject=words.subject,
        text=words.text,
        html=words.html,
        written_at=now,
        headers=_headers(outgoing),
    )


def message_id(email_id: int) -> str:
    """The same at every attempt, and nobody else's: mail programs show an e-mail that came twice once."""
    signature = signer().sign(SIGNING, str(email_id)).hex()[:12]
    host = urlsplit(config().public_url).hostname or "localhost"
    return f"<reconsent.{email_id}.{signature}@{host}>"


def _headers(outgoing: Outgoing) -> dict[str, str]:
    headers = {"Auto-Submitted": "auto-generated", "X-Reconsent-Kind": outgoing.kind.value}
    steps = [f"{line.connection_id}={line.step}" for line in outgoing.lines.due]
    return headers | ({"X-Reconsent-Steps": list_header(steps)} if steps else {})


def _frame(outgoing: Outgoing) -> Frame:
    link, public_url = outgoing.link, config().public_url
    return Frame(
        organization_name=outgoing.reader.organization_name,
        member_name=outgoing.reader.name,
        public_url=public_url,
        link=link.url if link else f"{public_url}{outgoing.place}",
        link_lives=lifetime_in_words(link.lives_for) if link else "",
    )


def _facts(outgoing: Outgoing) -> Facts:
    detail, about = outgoing.email.detail, outgoing.about
    provider_name, nickname = (_provider_name(about.provider_id), about.nickname) if about else (None, None)
    match outgoing.kind:
        case EmailKind.SIGN_IN:
            return SignInFacts(_when(outgoing.email.created_at, outgoing.reader.policy.time_zone))
        case EmailKind.INVITATION:
            invited_by = detail.get("invited_by") or (about.invited_by if about else None)
            return InvitationFacts(invited_by, provider_name, nickname)
        case EmailKind.REMINDER | EmailKind.FINAL_NOTICE:
            return ReminderFacts(_lines(outgoing))
        case EmailKind.DISPLACED:
            return DisplacedFacts(provider_name or "", nickname or "", detail.get("by"))
        case EmailKind.ADMIN_DIGEST:
            return DigestFacts(detail["ending"], detail["ended"], detail["needs_reconsent"])
        case EmailKind.ALERT:
            return AlertFacts(detail["title"], detail["sentence"], detail["what_to_do"])


def _lines(outgoing: Outgoing) -> tuple[Line, ...]:
    zone = outgoing.reader.policy.time_zone
    return tuple(
        Line(
            _provider_name(line.provider_id),
            line.nickname,
            line.login_label,
            line.days_left,
            _day(line.ends_at, zone),
            line.is_ended,
            f"{config().public_url}/connections/{line.connection_id}",
        )
        for line in outgoing.lines.due
    )


def _provider_name(provider_id: str) -> str:
    provider = catalog().get(provider_id)
    return provider.name if provider else provider_id


def _day(moment: datetime, zone: str) -> str:
    day = wall_clock(moment, zone)
    return f"{day.day} {day:%B %Y}"


def _when(moment: datetime, zone: str) -> str:
    return f"{_day(moment, zone)}, {wall_clock(moment, zone):%H:%M} ({zone})"
