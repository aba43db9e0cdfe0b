"""Invitations lead a person in, and to what they shall connect."""

from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Connection, DayBucket, Email
from portal.models.email import EmailKind
from portal.rules.problems import InvalidRequest, MemberDeactivated, NotFound, Problem, ProviderNotConfigured
from portal.rules.status import ConnectionState
from portal.services import invitations, members
from portal.services.asker import Asker
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases


@reading
def connection(connection_id: UUID) -> Connection:
    return db.session.get_one(Connection, connection_id)


@reading
def mails() -> list[Email]:
    return db.session.query(Email).order_by(Email.id).all()


@reading
def nothing_was_written() -> bool:
    return not any(db.session.query(table).count() for table in (Email, Connection, DayBucket))


def invite(
    world: World, email: str = "ana@acme.example", provider_id: str = "demo-social", nickname: str | None = None
):
    asker = world.chloe.asker
    return invitations.invite_connection(
        asker, member_email=email, provider_id=provider_id, nickname=nickname, now=NOON
    )


def test_an_invited_connection_waits_for_its_member(context: Flask, world: World) -> None:
    made = connection(invite(world, " ANA@acme.example "))
    assert (made.member_id, made.state, made.nickname) == (world.ana.id, ConnectionState.INVITED, "Demo Social")
    assert made.invited_by_id == world.chloe.id
    assert (made.subject, made.consent_expires_at, made.connected_at) == (None, None, None)


def test_its_email_leads_to_it_and_says_who_asks(context: Flask, world: World) -> None:
    connection_id = invite(world)
    (mail,) = mails()
    assert (mail.kind, mail.member_id, mail.connection_id) == (EmailKind.INVITATION, world.ana.id, connection_id)
    assert mail.place == f"/connections/{connection_id}"
    assert mail.detail == {"invited_by": "Chloe Chen"}


def test_a_backend_is_nobody_to_be_named(context: Flask, world: World) -> None:
    asker = Asker.api_key(world.acme, world.acme)
    email, provider = "ana@acme.example", "demo-social"
    invitations.invite_connection(asker, member_email=email, provider_id=provider, now=NOON)
    assert mails()[0].detail == {}


def test_a_nickname_that_is_not_given_is_the_providers_with_a_number(context: Flask, world: World) -> None:
    names = [connection(invite(world)).nickname for _ in range(3)]
    assert names == ["Demo Social", "Demo Social 2", "Demo Social 3"]
    assert connection(invite(world, nickname=" News page ")).nickname == "News page"


@pytest.mark.parametrize(
    ("email", "provider_id", "nickname", "refusal", "field"),
    [
        ("nobody@acme.example", "demo-social", None, InvalidRequest, "member_email"),
        ("eve@globex.example", "demo-social", None, InvalidRequest, "member_email"),
        ("nonsense", "demo-social", None, InvalidRequest, "member_email"),
        ("ana@acme.example", "myspace", None, InvalidRequest, "provider"),
        ("ana@acme.example", "../linkedin", None, InvalidRequest, "provider"),
        ("ana@acme.example", "linkedin", None, ProviderNotConfigured, ""),
        ("ana@acme.example", "demo-social", "x" * 61, InvalidRequest, "nickname"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(
    email: str,
    provider_id: str,
    nickname: str | None,
    refusal: type[Problem],
    field: str,
    context: Flask,
    world: World,
) -> None:
    with pytest.raises(refusal) as refused:
        invite(world, email, provider_id, nickname)
    if isinstance(refused.value, InvalidRequest):
        assert list(refused.value.errors) == [field]
    assert nothing_was_written()


def test_nobody_deactivated_is_invited(context: Flask, world: World) -> None:
    members.deactivate(world.chloe.asker, world.ana.id, now=NOON)
    with pytest.raises(MemberDeactivated):
        invite(world)
    with pytest.raises(MemberDeactivated):
        invitations.invite_member(world.chloe.asker, world.ana.id, now=NOON)
    assert nothing_was_written()


def test_a_member_is_invited_to_the_first_page_of_their_role(context: Flask, world: World) -> None:
    invitations.invite_member(world.chloe.asker, world.ana.id, now=NOON)
    assert [(mail.kind, mail.place, mail.connection_id) for mail in mails()] == [(EmailKind.INVITATION, "/", None)]
    assert members.show(world.chloe.asker, world.ana.id).invited_at == NOON


def test_a_stranger_cannot_invite_here(context: Flask, world: World) -> None:
    with pytest.raises(NotFound):
        invitations.invite_member(world.eve.asker, world.ana.id, now=NOON)


def test_a_person_who_cannot_be_asked_to_connect_is_not_added_either(context: Flask, world: World) -> None:
    with pytest.raises(ProviderNotConfigured):
        invitations.invite_person(
            world.chloe.asker,
            email="fay@acme.example",
            name="",
            role="member",
            team=None,
            provider_id="linkedin",
            now=NOON,
        )
    assert len(members.page(world.chloe.asker).rows) == 4
