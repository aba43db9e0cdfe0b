"""One e-mail of each kind, as its templates word it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

import portal

FOLDER = Path(portal.__file__).parent / "templates"
LINK = "https://portal.example/login/" + "a" * 90


@dataclass(frozen=True)
class Line:
    provider_name: str = "LinkedIn"
    nickname: str | None = "Company page"
    login_label: str | None = "ana@acme.example"
    days_left: int = 12
    ends_on: str = "2 December 2026"
    ended: bool = False


ENDED = Line("Demo Video", "Channel", "Ana's channel", 0, "19 November 2026", ended=True)
KINDS: dict[str, dict[str, Any]] = {
    "sign_in": {"requested_at": "20 November 2026, 14:05 (Europe/Berlin)"},
    "invitation": {"invited_by": "Chloe Chen", "provider_name": "LinkedIn", "nickname": "Company page"},
    "reminder": {"lines": (Line(), Line("Demo Video", None, None, 2, "22 November 2026"))},
    "final_notice": {"lines": (ENDED, Line(days_left=2))},
    "displaced": {"provider_name": "LinkedIn", "nickname": "Company page", "taken_by": "Ben Brandt"},
    "admin_digest": {"ending": 97, "ended": 12, "needs_reconsent": 8},
    "alert": {"title": "LinkedIn refuses our app", "sentence": "Nobody was mailed.", "what_to_do": "Check the secret."},
}
environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=select_autoescape(["html"]), undefined=StrictUndefined
)


def render(kind: str, part: str, **changes: Any) -> str:
    common = {
        "organization_name": "Acme",
        "member_name": "Ana Alvarez",
        "link": LINK,
        "link_lives": "82 hours",
        "lines": (),
        "public_url": "https://portal.example",
    }
    return environment.get_template(f"emails/{kind}/{part}").render(common | KINDS[kind] | changes)
