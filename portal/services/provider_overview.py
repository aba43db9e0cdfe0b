"""The providers as an organization's admins see them: what it has there, what goes wrong, and what ends next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.extensions import catalog, config
from portal.providers.apps import missing_names
from portal.providers.catalog import CatalogProblem
from portal.providers.schema import Provider
from portal.rules.problems import NotFound
from portal.rules.status import Status
from portal.services import app_secrets, deadlines, incidents, offers, provider_use
from portal.services.asker import Asker
from portal.services.deadlines import Deadline
from portal.services.incidents import OwnIncident
from portal.services.offers import Offer


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """One provider in the list; `problems` are what an operator has to put right, a sentence each."""

    offer: Offer
    as_of: str
    counts: Mapping[Status, int]
    problems: tuple[str, ...]
    incident: OwnIncident | None
    next_deadline: Deadline | None

    @property
    def connections(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """Everything about one provider; `provider` is None where its file is missing or cannot be used."""

    line: ProviderLine
    provider: Provider | None
    deadlines: tuple[Deadline, ...]
    refused_secrets: tuple[str, ...]


def lines(asker: Asker, *, now: datetime) -> tuple[ProviderLine, ...]:
    """The providers that are configured, in use, or wrongly set up, by name."""
    counts, open_ones = provider_use.counts_of(asker, now=now), _incidents(asker)
    wrong = {problem.provider_id for problem in catalog().problems if problem.provider_id}
    known = {*counts, *_configured(), *wrong}
    found = [_line(provider_id, counts.get(provider_id, {}), open_ones.get(provider_id)) for provider_id in known]
    return tuple(sorted(found, key=lambda line: (line.offer.name.lower(), line.offer.id)))


def strange_settings() -> tuple[str, ...]:
    """Problems of the catalog that belong to no provider at all."""
    return tuple(problem.text for problem in catalog().problems if not problem.provider_id)


def page(asker: Asker, provider_id: str, *, now: datetime) -> ProviderPage:
    """One of them; raises NotFound for a provider that is none of these."""
    line = next((one for one in lines(asker, now=now) if one.offer.id == provider_id), None)
    if line is None:
        raise NotFound
    return ProviderPage(
        line=line,
        provider=catalog().get(provider_id),
        deadlines=deadlines.all_of(provider_id),
        refused_secrets=app_secrets.in_words(provider_id),
    )


def in_incident(asker: Asker, provider_id: str, incident_id: UUID, *, now: datetime) -> ProviderLine:
    """The provider while that incident holds e-mails back; raises NotFound when it does not (any more)."""
    line = page(asker, provider_id, now=now).line
    if line.incident is None or line.incident.id != incident_id or not line.incident.is_holding_mail:
        raise NotFound
    return line


def _configured() -> set[str]:
    """Those an operator has set up; some service providers need nothing of the kind, and are there for everybody."""
    return {key for key in catalog().apps if missing_names(catalog().providers[key], {})}


def _line(provider_id: str, counts: Mapping[Status, int], incident: OwnIncident | None) -> ProviderLine:
    provider = catalog().get(provider_id)
    return ProviderLine(
        offer=offers.named(provider_id),
        as_of=provider.as_of if provider else "",
        counts=counts,
        problems=tuple(_problems(provider_id)),
        incident=incident,
        next_deadline=next(iter(deadlines.all_of(provider_id)), None),
    )


def _problems(provider_id: str) -> Iterator[str]:
    told = [_in_words(problem) for problem in catalog().problems if problem.provider_id == provider_id]
    yield from told
    provider = catalog().get(provider_id)
    if provider is None and not told:
        yield "No file of the catalog describes this provider any more."
    elif provider is not None and not told and catalog().app(provider_id) is None and provider.kind.has_app:
        yield f"Not set: {', '.join(missing_names(provider, config().environ))}"


def _in_words(problem: CatalogProblem) -> str:
    """Without the folder, which concerns nobody but the operator, who finds it in `portal providers`."""
    file = problem.where.rpartition("/")[2]
    return f"{file}, line {problem.line}: {problem.text}" if problem.line else f"{file}: {problem.text}"


def _incidents(asker: Asker) -> Mapping[str, OwnIncident]:
    return {incident.provider_id: incident for incident in incidents.open_ones(asker)}
