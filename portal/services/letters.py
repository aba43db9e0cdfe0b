"""The words of e-mails: each kind is a folder of three templates and the facts they are filled with."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from portal.adapters.mime import one_line
from portal.models.email import EmailKind

PARTS = ("subject.txt", "body.txt", "body.html")
SHARED = ("_layout.txt", "_layout.html", "_parts.html", "_words.txt")


@dataclass(frozen=True, slots=True)
class Line:
    """One connection in a list."""

    provider_name: str
    nickname: str
    login_label: str | None
    days_left: int
    ends_on: str  # "2 December 2026"
    ended: bool
    connection_url: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Frame:
    """What every e-mail can say. The link may sign its reader in, so a frame does not print."""

    organization_name: str
    member_name: str
    public_url: str
    link: str
    link_lives: str = ""  # "82 hours"; empty for a link that signs nobody in


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """The link that somebody asked for."""

    requested_at: str


@dataclass(frozen=True, slots=True)
class InvitationFacts:
    """An invitation into the organization, or to connect a provider if one is named."""

    invited_by: str | None
    provider_name: str | None = None
    nickname: str | None = None


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """Reminders and final notices alike."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class DisplacedFacts:
    """A login that somebody else took over: a colleague who is named, or nobody we may name."""

    provider_name: str
    nickname: str
    taken_by: str | None


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """How an organization's connections stand, for its admins."""

    ending: int
    ended: int
    needs_reconsent: int


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """Something an admin should look into."""

    title: str
    sentence: str
    what_to_do: str


Facts = SignInFacts | InvitationFacts | ReminderFacts | DisplacedFacts | DigestFacts | AlertFacts


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """A rendered e-mail."""

    subject: str
    text: str
    html: str


def render(kind: EmailKind, frame: Frame, facts: Facts) -> Words:
    """The e-mail of this kind in words; raises jinja2.UndefinedError when a template asks for what is not there."""
    known = {field.name: getattr(part, field.name) for part in (frame, facts) for field in fields(part)}
    subject, text, html = (template.render(known) for template in _templates(kind))
    return Words(one_line(subject), text, html)


def load(kinds: Iterable[EmailKind]) -> None:
    """Compile what these kinds need, once, before several threads would each do it at the same moment."""
    for kind in kinds:
        _templates(kind)
    for shared in SHARED:
        _environment().get_template(f"emails/{shared}")


@cache
def _templates(kind: EmailKind) -> tuple[Template, ...]:
    return tuple(_environment().get_template(f"emails/{kind.value}/{part}") for part in PARTS)


@cache
def _environment() -> Environment:
    """Of our own: e-mails are written outside of any request, and a forgotten fact must not become an empty place."""
    return Environment(
        loader=PackageLoader("portal", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
    )
