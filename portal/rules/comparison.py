"""What a new consent gave compared with what the connection had, and what its member may decide about it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SharedAccount:
    """An account, page or channel that the login shares; `id` is the provider's stable name for it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What one consent gave, without its secrets.

    `subject` is None while unknown (an imported connection). `scopes` are those granted: where the provider's answer
    names none, the ones asked for (RFC 6749 section 5.1).
    """

    subject: str | None
    label: str
    scopes: frozenset[str]
    accounts: tuple[SharedAccount, ...] = ()


class HolderKind(StrEnum):
    """Who else holds the login that the new consent is about."""

    NOBODY = "nobody"
    OWN = "own"
    COLLEAGUE = "colleague"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Holder:
    """The other connection that holds the login; of another organization's nothing may be known that could be shown."""

    kind: HolderKind = HolderKind.NOBODY
    connection_id: UUID | None = None
    member_name: str | None = None
    nickname: str | None = None

    def __post_init__(self) -> None:
        if self.kind is HolderKind.FOREIGN and (self.member_name or self.nickname):
            raise ValueError("another organization's holder is never named")


NOBODY = Holder()


class ReviewHeading(StrEnum):
    """The headings of the review page."""

    DIFFERENT_ACCOUNT = "You signed in to a different account"
    ALREADY_CONNECTED = "This login is already connected"
    NO_LONGER_SHARED = "Something is no longer shared"


class Choice(StrEnum):
    """What a member may decide about a pending grant.

    `use_right_login` goes back to the provider, `renew_other` gives the new grant to the member's own other connection,
    `replace` puts it into this connection (whoever else holds the login is displaced), `keep_both` leaves this
    connection as it is and makes a new one, `cancel` ends the pending grant.
    """

    USE_RIGHT_LOGIN = "use_right_login"
    RENEW_OTHER = "renew_other"
    REPLACE = "replace"
    KEEP_BOTH = "keep_both"
    CANCEL = "cancel"

    @property
    def label(self) -> str:
        """The words on the choice's button."""
        return _LABELS[self.value]


_LABELS = {
    "use_right_login": "Use the right login",
    "renew_other": "Renew the other connection",
    "replace": "Replace",
    "keep_both": "Keep both",
    "cancel": "Cancel",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference between the grant a connection had and the one that a consent just gave.

    `is_same_subject` is also true where there was nothing to differ from: a first connection, or a subject unknown
    before (then `learned_subject`). `required_missing` names required scopes the new grant lacks, whether it ever had
    them or not: to be shown, but nothing was lost by it. Accounts are compared by id; kept ones carry their new names.
    """

    is_first: bool
    is_same_subject: bool
    learned_subject: bool
    required_lost: frozenset[str]
    optional_lost: frozenset[str]
    gained: frozenset[str]
    required_missing: frozenset[str]
    accounts_lost: tuple[SharedAccount, ...]
    accounts_new: tuple[SharedAccount, ...]
    accounts_kept: tuple[SharedAccount, ...]
    holder: Holder

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether another connection holds the login, whoever's it is."""
        return self.holder.kind is not HolderKind.NOBODY

    @property
    def has_lost(self) -> bool:
        """Whether a scope or a shared account that was there before is gone."""
        return bool(self.required_lost or self.optional_lost or self.accounts_lost)

    @property
    def needs_review(self) -> bool:
        """Whether the member has to see both sides before the new grant replaces anything."""
        return not self.is_same_subject or self.has_lost or self.is_held_elsewhere

    @property
    def heading(self) -> ReviewHeading:
        """The review page's heading: the other login first, because it explains everything else that differs."""
        if not self.is_same_subject:
            return ReviewHeading.DIFFERENT_ACCOUNT
        if self.is_held_elsewhere:
            return ReviewHeading.ALREADY_CONNECTED
        return ReviewHeading.NO_LONGER_SHARED

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices that apply, the safe one first; none where there is nothing to review."""
        return tuple(choice for choice in Choice if self.needs_review and self._applies(choice))

    def _applies(self, choice: Choice) -> bool:
        is_own = self.holder.kind is HolderKind.OWN
        if choice is Choice.RENEW_OTHER:
            return is_own
        if choice is Choice.REPLACE:
            return not (self.is_first and is_own)  # nothing to replace, and the login has its connection already
        if choice is Choice.KEEP_BOTH:
            return not self.is_same_subject and not is_own
        return True


def compare(
    before: GrantFacts | None, after: GrantFacts, *, required_scopes: Collection[str], holder: Holder
) -> Comparison:
    """Compare a connection's grant (None for a first connection) with the one a consent just gave.

    A subject that was known and is not told any more counts as a different one: nothing proves who came back.
    """
    was = before or after
    required = frozenset(required_scopes)
    lost = was.scopes - after.scopes
    return Comparison(
        is_first=before is None,
        is_same_subject=was.subject is None or was.subject == after.subject,
        learned_subject=was.subject is None and after.subject is not None,
        required_lost=lost & required,
        optional_lost=lost - required,
        gained=after.scopes - (before.scopes if before else frozenset()),
        required_missing=required - after.scopes,
        accounts_lost=_without(was.accounts, after.accounts),
        accounts_new=_without(after.accounts, before.accounts if before else ()),
        accounts_kept=_without(after.accounts, _without(after.accounts, before.accounts if before else ())),
        holder=holder,
    )


def _without(accounts: tuple[SharedAccount, ...], others: tuple[SharedAccount, ...]) -> tuple[SharedAccount, ...]:
    other_ids = {account.id for account in others}
    return tuple(account for account in accounts if account.id not in other_ids)
