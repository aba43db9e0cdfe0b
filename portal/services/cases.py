"""A case: a new grant, the connection it is meant for, whoever else holds its login, and how the two sides compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.db import db
from portal.models import Connection
from portal.models.columns import new_id
from portal.rules.comparison import Comparison, compare
from portal.rules.problems import NotFound
from portal.rules.status import ConnectionState
from portal.services import grants, holders, leftovers, offers
from portal.services.asker import Asker
from portal.services.grants import Standing
from portal.services.holders import Claim
from portal.services.new_grants import NewGrant
from portal.services.offers import Chosen


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a decision about a new grant rests on; `own` is None for a connection that does not exist yet."""

    asker: Asker
    new: NewGrant
    provider_id: str
    connector: str | None
    vars: Mapping[str, str] | None
    own: Connection | None
    holder: Connection | None
    standing: Standing
    comparison: Comparison


def look_into(asker: Asker, chosen: Chosen, connection_id: UUID | None, new: NewGrant, *, is_deciding: bool) -> Case:
    """The case as it stands now; the rows are locked when something is about to be decided.

    Raises NotFound when the connection is not the asker's.
    """
    claim = Claim(chosen.provider_id, new.subject, connection_id)
    rows = holders.look_up(asker, claim, is_locking=is_deciding)
    if connection_id is not None and rows.own is None:
        raise NotFound
    standing = grants.standing_of(rows.own)
    provider, _ = offers.offered_to(chosen)
    comparison = compare(
        standing.facts,
        new.facts,
        required_scopes=provider.authorize.scope.required,
        holder=holders.described(asker, rows.holder),
    )
    return Case(
        asker=asker,
        new=new,
        provider_id=chosen.provider_id,
        connector=chosen.connector,
        vars=chosen.vars,
        own=rows.own,
        holder=rows.holder,
        standing=standing,
        comparison=comparison,
    )


def take(case: Case, *, nickname: str, now: datetime) -> UUID:
    """Accept the new grant into the case's connection (made now if there is none); returns that connection's id.

    Whoever else holds the login is displaced first. Tokens of another login that were there before are kept aside to be
    revoked, since nothing uses them any more.
    """
    connection = case.own or _added(case, nickname, now)  # no nickname: the login's own name
    if case.holder is not None:
        holders.displace(case.asker, case.holder, connection, now=now)
    if not case.comparison.is_same_subject:
        leftovers.set_aside_tokens_of(case.asker, connection, leftovers.REPLACED, now=now)
    connection.connector, connection.vars = case.connector, dict(case.vars) if case.vars else None
    grants.accept(case.asker, connection, case.new, case.comparison, seen=case.standing.generation, now=now)
    return connection.id


def _added(case: Case, nickname: str, now: datetime) -> Connection:
    """A connection without a login yet: it may take one only after the present holder has let go."""
    connection = Connection(
        id=new_id(),
        organization_id=case.asker.organization_id,
        member_id=case.asker.own_id,
        provider_id=case.provider_id,
        nickname=nickname or offers.short_name(case.new.label),
        state=ConnectionState.INVITED,
        consent_expires_at=None,
        state_since=now,
        created_at=now,
    )
    db.session.add(connection)
    db.session.flush()
    return connection


def is_working(case: Case, *, now: datetime) -> bool:
    """Whether the connection's present grant is good, as far as we know: then it goes on working until a decision."""
    if case.own is None or case.own.state is not ConnectionState.ACTIVE:
        return False
    return case.own.consent_expires_at is None or case.own.consent_expires_at > now
