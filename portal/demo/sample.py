"""Fills an empty demo: the organization, its people, and connections in every status with grants the provider knows.

The provider makes the grants as if each consent had been given when it must have been; the portal's own services then
accept, displace, disconnect and give up, so that the sample is made of what the product itself writes.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from portal import clock
from portal.app import create_app
from portal.crypto import Secret
from portal.db import db, transaction
from portal.demo import cast
from portal.demo.cast import Link, Person
from portal.demo.provider.issuers import ISSUERS
from portal.demo.setting import Setting
from portal.models import Connection, Member, Organization
from portal.models.columns import new_id
from portal.rules.comparison import NOBODY, SharedAccount, compare
from portal.rules.digests import week_of
from portal.rules.status import ConnectionState, Status
from portal.services import audit, connections, grants, holders, invitations, offers, reminders, schema
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.new_grants import NewGrant

TIMEOUT_S = 60
ROUND_THE_CLOCK = 24 * 60 - 1  # the minute the daytime window closes: whoever tries the demo at night gets mail too


def prepare(environ: Mapping[str, str], setting: Setting) -> None:
    """Bring the database to this version, and fill it unless the sample organization is there already."""
    app = create_app(environ)
    with app.app_context():
        schema.migrate()
        if not _is_there():
            _fill(setting, clock.now())
        db.engine.dispose()


@transaction
def _is_there() -> bool:
    return db.session.query(Organization.id).filter_by(slug=cast.SLUG).first() is not None


def _fill(setting: Setting, now: datetime) -> None:
    organization_id = _make_organization(now)
    people = _make_people(organization_id, now)
    links = cast.links()
    given = _grants_at_the_provider(setting, links, now)
    for link in links:
        if link in given:
            connection_id = _connect(people[link.owner], link, given[link], now)
            _bring_to_its_status(people, link, connection_id, given[link], now)
        else:
            _invite(people, link, now)


@transaction
def _make_organization(now: datetime) -> UUID:
    organization = Organization(
        id=new_id(),
        slug=cast.SLUG,
        name=cast.ORGANIZATION,
        time_zone=cast.TIME_ZONE,
        window_opens_minute=0,
        window_closes_minute=ROUND_THE_CLOCK,
        created_at=now - timedelta(days=100),
        digest_week=week_of(now, cast.TIME_ZONE),  # the next one comes when the clock is moved past a Sunday
    )
    db.session.add(organization)
    db.session.flush()
    audit.record(Asker.command(organization.id), EventKind.ORGANIZATION_CREATED, now=organization.created_at)
    return organization.id


@transaction
def _make_people(organization_id: UUID, now: datetime) -> dict[Person, Asker]:
    askers = {}
    for number, person in enumerate(cast.people()):
        member = Member(
            id=new_id(),
            organization_id=organization_id,
            email=person.email,
            name=person.name,
            role=person.role,
            team=person.team,
            created_at=now - timedelta(days=99),
            invited_at=now - timedelta(days=99),
            last_signed_in_at=now - timedelta(days=number % 37 + 1),
        )
        db.session.add(member)
        askers[person] = Asker.member(organization_id, member.id, person.role)
    return askers


def _grants_at_the_provider(setting: Setting, links: tuple[Link, ...], now: datetime) -> dict[Link, dict[str, Any]]:
    """The provider's tokens for every link that was ever connected."""
    wanted = defaultdict(list)
    for link in links:
        if link.status is not Status.INVITED:
            wanted[link.slug].append(link)
    given: dict[Link, dict[str, Any]] = {}
    for slug, some in wanted.items():
        url = f"{setting.provider_url}/control/api/{slug}/grants"
        asked = {"grants": [_wanted_grant(link, now) for link in some]}
        answer = requests.post(url, json=asked, timeout=TIMEOUT_S)
        answer.raise_for_status()
        given.update(zip(some, answer.json()["grants"], strict=True))
    return given


def _wanted_grant(link: Link, now: datetime) -> dict[str, Any]:
    consented_at = _consented_at(link, now)
    lasts = now + timedelta(days=link.days_left) - consented_at
    provider, _ = offers.offered(link.provider_id)
    grant = {
        "sub": link.sub,
        "scopes": provider.authorize.scope.default,  # no more than a reconsent asks for, or it would lose some
        "consented_at": consented_at.isoformat(),
        "consent_lifetime_s": int(lasts.total_seconds()),
    }
    if link.login_name:  # not one of the provider's own logins
        name, accounts = _name_and_accounts(link)
        grant |= {"name": name, "login_accounts": [asdict(account) for account in accounts]}
    return grant


def _name_and_accounts(link: Link) -> tuple[str, tuple[SharedAccount, ...]]:
    """What the provider calls the login, and what it shares."""
    if link.login_name:
        return link.login_name, tuple(
            SharedAccount(f"{link.sub}-{place}", f"{link.nickname}, {place}") for place in ("main", "archive")
        )
    own = next(login for login in ISSUERS[link.slug].logins if login.sub == link.sub)
    return f"{own.name} ({own.email})", tuple(SharedAccount(account.id, account.name) for account in own.accounts)


def _consented_at(link: Link, now: datetime) -> datetime:
    return now + timedelta(days=link.days_left - cast.LIFETIME_DAYS[link.slug])


@transaction
def _connect(owner: Asker, link: Link, given: Mapping[str, Any], now: datetime) -> UUID:
    """What an accepted consent leaves behind, at the moment it was given."""
    then = _consented_at(link, now)
    connection = _new_connection(owner, link.provider_id, link.nickname, then)
    _accept(owner, connection, _new_grant(link, given, then, now), then)
    reminders.plan(connection, now=now, is_fresh=False)  # the first tick mails whoever is due today
    return connection.id


def _new_connection(owner: Asker, provider_id: str, nickname: str, then: datetime) -> Connection:
    connection = Connection(
        id=new_id(),
        organization_id=owner.organization_id,
        member_id=owner.own_id,
        provider_id=provider_id,
        nickname=nickname,
        state=ConnectionState.INVITED,
        state_since=then,
        consent_expires_at=None,
        created_at=then,
    )
    db.session.add(connection)
    db.session.flush()
    return connection


def _accept(owner: Asker, connection: Connection, new: NewGrant, then: datetime) -> None:
    comparison = compare(None, new.facts, required_scopes=(), holder=NOBODY)
    grants.accept(owner, connection, new, comparison, seen=None, now=then)


def _new_grant(link: Link, given: Mapping[str, Any], then: datetime, now: datetime) -> NewGrant:
    return NewGrant(
        subject=link.sub,
        label=_name_and_accounts(link)[0],
        scopes=frozenset(given["scope"].split()),
        accounts=_name_and_accounts(link)[1],
        token_type="Bearer",  # noqa: S106 - a word of RFC 6750
        access_token=Secret(given["access_token"]),
        refresh_token=Secret(given["refresh_token"]),
        issued_at=then,
        access_expires_at=datetime.fromisoformat(given["access_expires_at"]),
        refresh_expires_at=now + timedelta(days=link.days_left),
    )


def _invite(people: Mapping[Person, Asker], link: Link, now: datetime) -> None:
    admin, email = people[cast.ADMIN], link.owner.email
    invitations.invite_connection(
        admin, member_email=email, provider_id=link.provider_id, nickname=link.nickname, now=now
    )


def _bring_to_its_status(  # the link's own story, told by the services that write it
    people: Mapping[Person, Asker], link: Link, connection_id: UUID, given: Mapping[str, Any], now: datetime
) -> None:
    if link.status is Status.NEEDS_RECONSENT:
        grants.give_up(connection_id, 1, "The provider says that access was revoked.", now=now - timedelta(hours=5))
    elif link.status is Status.DISCONNECTED:
        connections.disconnect(people[link.owner], connection_id, now=now)
    elif link.status is Status.DISPLACED:
        _displace(people[cast.COLLEAGUE], link, connection_id, given, now)


@transaction
def _displace(taker: Asker, link: Link, connection_id: UUID, given: Mapping[str, Any], now: datetime) -> None:
    """A colleague's connection takes the login over."""
    by = _new_connection(taker, link.provider_id, f"{link.nickname} (shared)", now)
    holders.displace(taker, db.session.get_one(Connection, connection_id), by, now=now)
    _accept(taker, by, _new_grant(link, given, _consented_at(link, now), now), now)
