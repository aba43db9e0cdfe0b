"""The review of a pending grant: both sides as its member is shown them, and a seal on exactly that.

What a person was shown travels through the page as a signature. A decision that replaces something is carried out only
if the two sides, looked at again under lock, still sign alike; so nothing is ever replaced that was not seen. A refresh
of the old tokens changes neither side and does not disturb anybody.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.crypto import to_base64url
from portal.extensions import catalog, signer
from portal.models import PendingGrant
from portal.rules.comparison import Choice, Comparison, GrantFacts
from portal.services import cases, offers, pending_grants
from portal.services.asker import Asker
from portal.services.cases import Case
from portal.services.offers import Offer

NOTHING_DIFFERS = "Nothing differs any more"


@dataclass(frozen=True, slots=True)
class Review:
    """The review page's content.

    `before` is None for a first connection. `may_have_ended` says that this provider may have ended the earlier tokens
    of the login when the new consent was given, so that nothing may be promised about them.
    """

    pending_id: UUID
    connection_id: UUID | None
    provider: Offer
    nickname: str
    before: GrantFacts | None
    connected_at: datetime | None
    consented_at: datetime | None
    is_working: bool
    after: GrantFacts
    comparison: Comparison
    proposed_nickname: str
    may_have_ended: bool
    expires_at: datetime
    seen: str

    @property
    def choices(self) -> tuple[Choice, ...]:
        return choices_of(self.comparison)

    @property
    def heading(self) -> str:
        return self.comparison.heading.value if self.comparison.needs_review else NOTHING_DIFFERS


def case_of(asker: Asker, pending: PendingGrant, *, is_deciding: bool) -> Case:
    """The case a pending grant is about, as it stands now."""
    new = pending_grants.opened(pending)
    return cases.look_into(asker, pending, pending.connection_id, new, is_deciding=is_deciding)


def review_of(case: Case, pending: PendingGrant, *, now: datetime) -> Review:
    """What its member is to see."""
    own, before = case.own, case.standing.facts
    return Review(
        pending_id=pending.id,
        connection_id=pending.connection_id,
        provider=offers.named(case.provider_id),
        nickname=own.nickname if own else pending.nickname,
        before=before,
        connected_at=own.connected_at if own else None,
        consented_at=own.consented_at if own else None,
        is_working=cases.is_working(case, now=now),
        after=case.new.facts,
        comparison=case.comparison,
        proposed_nickname=offers.short_name(case.new.label),
        may_have_ended=may_have_ended(case),
        expires_at=pending.expires_at,
        seen=signature_of(case, pending.id),
    )


def signature_of(case: Case, pending_id: UUID) -> str:
    """A signature over everything that the review shows of both sides, and of what the connection is meanwhile."""
    own, holder = case.own, case.comparison.holder
    parts = [str(pending_id), *_signed(case.standing.facts), *_signed(case.new.facts)]
    parts += [own.state, str(own.state_since), str(own.consented_at)] if own else [""]
    parts += [holder.kind.value, str(holder.connection_id)]
    return to_base64url(signer().sign("review", *parts))


def is_seen(case: Case, pending_id: UUID, seen: str) -> bool:
    """Whether the member has been shown exactly this case."""
    return hmac.compare_digest(signature_of(case, pending_id).encode(), seen.encode())


def choices_of(comparison: Comparison) -> tuple[Choice, ...]:
    """The ways to decide; where what differed has gone away meanwhile, to go on or not."""
    return comparison.choices or (Choice.REPLACE, Choice.CANCEL)


def may_have_ended(case: Case) -> bool:
    """Whether the new consent may itself have ended the tokens the connection has had of the same login."""
    provider = catalog().get(case.provider_id, case.connector)
    is_same_login = case.standing.facts is not None and case.standing.facts.subject == case.new.subject
    return bool(provider and provider.consent.single_link_per_login and is_same_login)


def _signed(facts: GrantFacts | None) -> tuple[str, ...]:
    if facts is None:
        return ("",)
    accounts = sorted(account.id for account in facts.accounts)
    return (facts.subject or "", " ".join(sorted(facts.scopes)), "\n".join(accounts))
