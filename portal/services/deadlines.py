"""The app's own deadlines: the end of a client secret or key, or of what a provider's file says ends for every app.

Members can do nothing about them, so the admins of the organizations that use the provider are told, each step once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from portal.crypto import digest
from portal.extensions import catalog
from portal.providers.apps import PROOFS, ends_name, proof_setting, variable_name
from portal.providers.schema import AppDeadline, Provider
from portal.rules import deadlines as rules
from portal.services import alerts, app_secrets, provider_use

PLACE = "/admin/providers"


@dataclass(frozen=True, slots=True)
class Deadline:
    """One thing that ends on a day; `key` names it for good. The sentences say it before and after, and what to do."""

    provider_id: str
    provider_name: str
    key: str
    on: date
    before: str
    after: str
    effect: str
    advice: str

    def when(self, *, today: date) -> str:
        """The day, by how far it is: "In 12 days (2 December 2026)"."""
        words = rules.in_words(self.on, today=today)
        return words[:1].upper() + words[1:]

    def what(self, *, today: date) -> str:
        """What ends, or has ended."""
        return self.after if rules.is_past(self.on, today=today) else self.before

    def title(self, *, today: date) -> str:
        """All of it in a line."""
        return f"{self.provider_name}, {rules.in_words(self.on, today=today)}: {self.what(today=today)}"


def all_of(provider_id: str) -> tuple[Deadline, ...]:
    """The deadlines of our app at this provider, soonest first; none where we have no app there."""
    provider, app = catalog().get(provider_id), catalog().app(provider_id)
    if provider is None or app is None:
        return ()
    of_secrets = _of_proofs(provider, app.proofs_end_on, len(app.proofs))
    of_file = (_of_file(provider, stated) for stated in provider.clocks.app_deadlines)
    return tuple(sorted((*of_secrets, *of_file), key=lambda deadline: deadline.on))


def near(*, now: datetime) -> tuple[Deadline, ...]:
    """Those of all providers that an operator should know of now, past ones included, soonest first."""
    known = (deadline for provider_id in catalog().apps for deadline in all_of(provider_id))
    return tuple(
        sorted((one for one in known if rules.is_near(one.on, today=now.date())), key=lambda deadline: deadline.on)
    )


def tell_due(*, now: datetime) -> int:
    """Tell the admins of whoever uses the providers concerned; returns how many organizations heard of how much."""
    return sum(_tell(deadline, now) for deadline in near(now=now))


def _tell(deadline: Deadline, now: datetime) -> int:
    """A step that was missed is not made up for: the newest one says all that is still true."""
    step = rules.step_due(deadline.on, today=now.date())
    if step is None:
        return 0
    return sum(
        alerts.raise_once(
            f"{deadline.key}:{deadline.on}:{step}",
            organization_id,
            title=deadline.title(today=now.date()),
            sentence=deadline.effect,
            what_to_do=deadline.advice,
            place=f"{PLACE}/{deadline.provider_id}",
            now=now,
        )
        for organization_id in provider_use.organizations_using(deadline.provider_id)
    )


def _of_proofs(provider: Provider, ends: tuple[date | None, ...], count: int) -> Iterator[Deadline]:
    proof = app_secrets.proof_of(provider.id)
    for number, on in enumerate(ends):
        if on is not None:
            which = f"the {proof}" if count == 1 else f"{proof} {number + 1} of {count}"
            yield Deadline(
                provider_id=provider.id,
                provider_name=provider.name,
                key=f"secret-ends:{provider.id}:{app_secrets.fingerprints(provider.id)[number]}",
                on=on,
                before=f"{which} ends",
                after=f"{which} has ended",
                effect=_effect(provider, proof, count),
                advice=_advice(provider, proof),
            )


def _effect(provider: Provider, proof: str, count: int) -> str:
    if count > 1:
        return f"The other {proof}s of our app at {provider.name} are used in its place, as far as they still work."
    return f"After that day no token of {provider.name} can be refreshed, and nobody can connect there."


def _advice(provider: Provider, proof: str) -> str:
    name, ends = variable_name(provider.id, proof_setting(provider)), ends_name(provider)
    apart = "behind a comma" if proof == PROOFS["client_secret"] else "in the same text"
    return (
        f"Have your operator make a new {proof} at {provider.name} and put it first into {name}, the old one {apart} "
        f"after it, and the days on which they end into {ends}. Nothing stops meanwhile."
    )


def _of_file(provider: Provider, stated: AppDeadline) -> Deadline:
    return Deadline(
        provider_id=provider.id,
        provider_name=provider.name,
        key=f"app-deadline:{provider.id}:{digest(stated.what).hex()[:16]}",
        on=stated.on,
        before=stated.what,
        after=stated.what,
        effect=f"This concerns every app at {provider.name}, whoever runs it. Until that day all works as before.",
        advice=f"Have your operator read what {provider.name} says about it, and bring Reconsent or the provider's "
        "file up to date before that day.",
    )
