"""Login links: what finds them, what does not, and whose they are."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import update

from portal.crypto import from_base64url, to_base64url
from portal.db import db, transaction
from portal.models import Email, LoginLink, Member
from portal.models.email import EmailKind
from portal.rules.login_links import LinkPurpose
from portal.services import login_links
from tests.factories import NOON, Person, World
from tests.links import delivered_link
from tests.outbox import links_of

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


def test_a_link_is_found_by_its_token_and_by_nothing_else(world: World) -> None:
    token = delivered_link(world.ana, now=NOON, place="/connections/7")
    found = login_links.find(token)
    assert found is not None
    assert (found.member_id, found.purpose, found.place) == (world.ana.id, LinkPurpose.SIGN_IN, "/connections/7")
    for wrong in (token[:-1], token + "A", token.swapcase(), "", "x", "ü" * 64, token[:21] + "A" * 43, "A" * 64):
        assert login_links.find(wrong) is None, wrong


@pytest.mark.parametrize("bit", [0, 60, 130, 383])
def test_a_token_with_one_bit_changed_is_no_token(world: World, bit: int) -> None:
    raw = bytearray(from_base64url(delivered_link(world.ana, now=NOON)))
    raw[bit // 8] ^= 1 << bit % 8
    assert login_links.find(to_base64url(bytes(raw))) is None


@pytest.mark.parametrize("column", ["member_id", "purpose", "minted_at"])
def test_a_row_that_was_altered_fits_its_token_no_more(world: World, column: str) -> None:
    token = delivered_link(world.ana, now=NOON)
    changed: dict[str, object] = {
        "member_id": world.ben.id,
        "purpose": LinkPurpose.REMINDER,
        "minted_at": NOON + timedelta(seconds=1),
    }
    alter({column: changed[column]})
    assert login_links.find(token) is None


@transaction
def alter(columns: dict[str, object]) -> None:
    db.session.execute(update(LoginLink).values(**columns))


def test_nothing_that_is_stored_holds_the_token(world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    (row,) = links_of(world.ana)
    stored = " ".join(str(getattr(row, column.name)) for column in LoginLink.__table__.columns)
    assert token not in stored
    assert from_base64url(token)[16:].hex() not in stored


def test_a_newer_link_supersedes_the_previous_one_and_nobody_elses(world: World) -> None:
    first, bens = delivered_link(world.ana, now=NOON), delivered_link(world.ben, now=NOON)
    second = delivered_link(world.ana, now=NOON + timedelta(minutes=5))
    states = [login_links.find(token) for token in (first, second, bens)]
    assert [found and found.superseded_at for found in states] == [NOON + timedelta(minutes=5), None, None]


@pytest.mark.parametrize(
    ("kind", "person", "hours"),
    [
        (EmailKind.SIGN_IN, "ana", 1),
        (EmailKind.REMINDER, "ana", 82),
        (EmailKind.INVITATION, "ana", 82),
        (EmailKind.REMINDER, "dmitri", 24),
        (EmailKind.INVITATION, "chloe", 24),
    ],
)
def test_a_links_life_depends_on_its_purpose_and_its_owners_role(
    world: World, kind: EmailKind, person: str, hours: int
) -> None:
    found = login_links.find(delivered_link(getattr(world, person), now=NOON, kind=kind))
    assert found is not None
    assert found.expires_at - NOON == found.lifetime == timedelta(hours=hours)


@pytest.mark.parametrize("hours", [0, 1, 57, 58, 70])
@pytest.mark.parametrize(("person", "lives"), [("ana", 82), ("chloe", 24)])
def test_however_late_a_mail_arrives_its_links_life_is_what_it_says(
    world: World, person: str, lives: int, hours: int
) -> None:
    token = delivered_link(getattr(world, person), now=NOON, kind=EmailKind.INVITATION)
    arrived = NOON + timedelta(hours=hours)
    assert deliver_again(getattr(world, person), now=arrived) == token
    found = login_links.find(token)
    assert found is not None
    assert found.expires_at - arrived == found.lifetime == timedelta(hours=lives)


@transaction
def deliver_again(person: Person, *, now: datetime) -> str:
    (link,) = links_of(person)
    email, member = db.session.get_one(Email, link.email_id), db.session.get_one(Member, person.id)
    return login_links.mint(email, member, now=now).rpartition("/")[2]


def test_another_portals_key_makes_other_tokens(world: World, app: Flask, environ: dict[str, str], make_app) -> None:  # type: ignore[no-untyped-def]
    token = delivered_link(world.ana, now=NOON)
    stranger = make_app(environ | {"PORTAL_SECRET_KEY": "another-k3YfQ0vN8sZ1wTqL6mXcR2bJ7hUe9DgPaV"})
    with stranger.app_context():
        assert login_links.find(token) is None
    assert UUID(bytes=from_base64url(token)[:16]) == links_of(world.ana)[0].id
