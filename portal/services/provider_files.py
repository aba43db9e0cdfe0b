"""Checking a provider's file before it is put into use: what is wrong with it, or what it would make us ask."""

from dataclasses import dataclass
from pathlib import Path

from portal.adapters import dry_runs
from portal.adapters.dry_runs import Step
from portal.providers.catalog import CatalogProblem, read_file

REDIRECT = "<PORTAL_PUBLIC_URL>/consent/callback/"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a file is: its provider's name and the requests it leads to, or the problems that keep it off."""

    provider_id: str
    name: str
    problems: tuple[CatalogProblem, ...]
    steps: tuple[Step, ...] = ()
    fault_rules: int = 0


def check(path: Path, *, private_hosts: frozenset[str]) -> CheckedFile:
    """Read the file as at start, and write down its requests; asks nobody and changes nothing.

    `private_hosts` (host:port) may be spoken to over http.
    """
    reading = read_file(path, private_hosts=private_hosts)
    provider = reading.provider
    if provider is None:
        return CheckedFile(reading.provider_id, "", reading.problems)
    steps = dry_runs.steps(provider, REDIRECT + provider.id) if provider.kind.has_app else ()
    return CheckedFile(provider.id, provider.name, (), tuple(steps), len(provider.errors))
