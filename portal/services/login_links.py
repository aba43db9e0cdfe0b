"""Login links: minted when their e-mail is delivered, found again by their token.

Threat model: whoever reads the database, a backup, the queue or the logs must not be able to sign in. So the token is
stored nowhere: it is the row's id and an HMAC under our secret key of everything that makes the link what it is. Nobody
without the key can make one, and a row moved to another member, or altered, fits no token any more.

A retry of an e-mail finds its link by the e-mail's id and carries the same token again. Delivery makes that link the
newest of its member, its life counted anew; once the mail is accepted all others are superseded (`supersede_others`),
and not a moment sooner: a mail that never arrives must not take a working link away. Of mails that are under way at the
same time the one noted last is the newest, whatever the others' notes have done to its link meanwhile.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, case, exists, func, insert, null, or_, select, update

from portal.crypto import from_base64url, to_base64url
from portal.db import db, reading, transaction
from portal.extensions import config, signer
from portal.models import Email, LoginLink, Member
from portal.models.columns import new_id
from portal.models.email import EmailKind
from portal.quick import QuickWrite
from portal.rules.login_links import LinkPurpose, lifetime
from portal.rules.moments import in_iso
from portal.rules.roles import is_elevated
from portal.services import outbox

SIGNING = "login-link"
ID_BYTES = 16
TOKEN_BYTES = ID_BYTES + 32
PURPOSES = {
    EmailKind.SIGN_IN: LinkPurpose.SIGN_IN,
    EmailKind.INVITATION: LinkPurpose.INVITATION,
    EmailKind.REMINDER: LinkPurpose.REMINDER,
    EmailKind.FINAL_NOTICE: LinkPurpose.REMINDER,
}
"""The kinds of e-mail that sign their reader in, and as what."""

_MAY_COME_BACK = exists().where(Email.id == LoginLink.email_id, outbox.UNSETTLED)
_SUPERSEDE = QuickWrite(  # runs after every mail; two notes at once both write every row either of them may change
    update(LoginLink)
    .where(LoginLink.member_id == bindparam("of"), LoginLink.used_at.is_(None))
    .where(or_(LoginLink.superseded_at.is_(None), LoginLink.id == bindparam("but"), _MAY_COME_BACK))
    .values(
        superseded_at=case(
            (LoginLink.id == bindparam("but"), null()),
            else_=func.coalesce(LoginLink.superseded_at, bindparam("at", type_=LoginLink.superseded_at.type)),
        )
    )
)


WRITTEN = (
    *("id", "organization_id", "member_id", "email_id", "purpose"),
    *("place", "minted_at", "counted_from", "expires_at"),
)
"""The columns of a new link; the others are empty."""

_INSERT = QuickWrite(insert(LoginLink).inline(), WRITTEN)


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A login link as it stands."""

    id: UUID
    organization_id: UUID
    member_id: UUID
    email_id: int | None
    purpose: LinkPurpose
    place: str
    minted_at: datetime
    counted_from: datetime | None
    expires_at: datetime
    used_at: datetime | None
    superseded_at: datetime | None

    @property
    def lifetime(self) -> timedelta:
        """How long it was valid for, counted from the delivery of its e-mail, which may have come after the minting."""
        return self.expires_at - (self.counted_from or self.minted_at)


@dataclass(frozen=True, slots=True)
class Minting:
    """What a link is minted from: its e-mail, the member as they are now, and the local path it leads to."""

    email_id: int
    kind: EmailKind
    organization_id: UUID
    member_id: UUID
    is_elevated: bool
    place: str


@dataclass(frozen=True, slots=True)
class MintedLink:
    """A link on its way: its address (a secret) and how long it lives; used already if its mail arrived after all."""

    id: UUID
    url: str
    lives_for: timedelta
    is_used: bool


@reading
def find(token: str) -> FoundLink | None:
    """The link of this token, whatever its state; None for anything we did not make exactly so."""
    link_id, signature = _taken_apart(token)
    row = db.session.get(LoginLink, link_id)
    expected = _signature(row) if row is not None else bytes(TOKEN_BYTES - ID_BYTES)
    if not hmac.compare_digest(signature, expected) or row is None:
        return None
    return FoundLink(
        row.id,
        row.organization_id,
        row.member_id,
        row.email_id,
        row.purpose,
        row.place,
        row.minted_at,
        row.counted_from,
        row.expires_at,
        row.used_at,
        row.superseded_at,
    )


@transaction
def mint(email: Email, member: Member, *, now: datetime) -> str:
    """The address of the link of one e-mail of this member, who then has no other live link."""
    place = email.place or "/connections"
    minting = Minting(email.id, email.kind, member.organization_id, member.id, is_elevated(member.role), place)
    link = mint_many([minting], now=now)[email.id]
    supersede_others(member.id, link.id, now=now)
    return link.url


@transaction
def mint_many(mintings: Sequence[Minting], *, now: datetime) -> dict[int, MintedLink]:
    """A link for each e-mail, by the e-mail's id: the one it has already (alive again, counted anew), or a new one."""
    if not mintings:
        return {}
    wanted = {minting.email_id: minting for minting in mintings}
    rows = {row.email_id: row for row in db.session.scalars(select(LoginLink).where(LoginLink.email_id.in_(wanted)))}
    for row in rows.values():
        _revive(row, wanted[row.email_id or 0], now)
    fresh = [_new_row(minting, now) for email_id, minting in wanted.items() if email_id not in rows]
    _INSERT.run(db.session(), [_columns(row) for row in fresh])
    rows |= {row.email_id: row for row in fresh}
    return {email_id: _minted(rows[email_id], minting) for email_id, minting in wanted.items()}


@transaction
def supersede_others(member_id: UUID, link_id: UUID, *, now: datetime) -> None:
    """Whatever other link of the member still lives, lives no more: this one is the newest that arrived, and lives."""
    _SUPERSEDE.run(db.session(), [{"of": member_id, "but": link_id, "at": now}])


def _revive(row: LoginLink, minting: Minting, now: datetime) -> None:
    if row.used_at is not None:
        return  # it did arrive
    row.superseded_at = None
    row.place = minting.place
    row.counted_from = now
    row.expires_at = now + _life(minting)


def _new_row(minting: Minting, now: datetime) -> LoginLink:
    return LoginLink(
        id=new_id(),
        organization_id=minting.organization_id,
        member_id=minting.member_id,
        email_id=minting.email_id,
        purpose=PURPOSES[minting.kind],
        place=minting.place,
        minted_at=now,
        counted_from=now,
        expires_at=now + _life(minting),
    )


def _columns(row: LoginLink) -> dict[str, object]:
    return {name: getattr(row, name) for name in WRITTEN}


def _minted(row: LoginLink, minting: Minting) -> MintedLink:
    token = to_base64url(row.id.bytes + _signature(row))
    return MintedLink(row.id, f"{config().public_url}/login/{token}", _life(minting), row.used_at is not None)


def _life(minting: Minting) -> timedelta:
    return lifetime(PURPOSES[minting.kind], elevated=minting.is_elevated)


def _signature(row: LoginLink) -> bytes:
    return signer().sign(SIGNING, str(row.id), row.purpose, str(row.member_id), in_iso(row.minted_at))


def _taken_apart(token: str) -> tuple[UUID, bytes]:
    """A token's id and signature; those of no link for what is no token at all."""
    try:
        raw = from_base64url(token)
    except ValueError:
        raw = b""
    if len(raw) != TOKEN_BYTES:
        raw = bytes(TOKEN_BYTES)
    return UUID(bytes=raw[:ID_BYTES]), raw[ID_BYTES:]
