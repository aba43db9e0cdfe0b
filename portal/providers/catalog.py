"""The catalog: every provider file that could be read, which of them the operator configured, and what is wrong.

A broken file turns its provider off and nothing else.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from portal.providers.apps import PREFIX, AppReading, ProviderApp, names_of, read_app, with_scopes_of
from portal.providers.checks import disagreements
from portal.providers.defaults import completed
from portal.providers.lines import line_of
from portal.providers.reading import Complaint, Reader, Table, Unreadable
from portal.providers.schema import Provider
from portal.providers.words import Kind

BUILT_IN = Path(__file__).parent
MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class CatalogProblem:
    """Something an operator should put right; `line` counts from 1, 0 where there is none to name."""

    where: str
    line: int
    text: str
    provider_id: str = ""

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.text}" if self.line else f"{self.where}: {self.text}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """The providers this portal knows."""

    providers: Mapping[str, Provider]
    apps: Mapping[str, ProviderApp] = field(repr=False)
    problems: tuple[CatalogProblem, ...] = ()

    def get(self, provider_id: str, connector: str | None = None) -> Provider | None:
        """The provider with this id, configured or not, as its `connector` has it where one is named.

        A connector that has left the file leaves what the file says of all of them.
        """
        provider = self.providers.get(provider_id)
        return provider.connectors.get(connector, provider) if provider and connector else provider

    def app(self, provider_id: str) -> ProviderApp | None:
        """Our app at this provider; None where the operator has not configured one."""
        return self.apps.get(provider_id)

    @property
    def all(self) -> tuple[Provider, ...]:
        """Every provider whose file is right, by name."""
        return tuple(sorted(self.providers.values(), key=lambda provider: (provider.name.lower(), provider.id)))

    @property
    def offered(self) -> tuple[Provider, ...]:
        """The providers a person can connect by consent, by name."""
        return tuple(one for one in self.all if one.kind is Kind.OAUTH2 and one.id in self.apps)

    @property
    def services(self) -> tuple[Provider, ...]:
        """The providers an admin can connect by a key, or by our app's own secret, by name."""
        return tuple(one for one in self.all if one.kind.is_service and one.id in self.apps)

    def authorize_origins(self) -> frozenset[str]:
        """Where the offered providers' approval pages live, as far as their files say: the issuer's home otherwise."""
        homes = (
            self.apps[provider.id].expand(provider.authorize.url or provider.identity.oidc.discovery)
            for provider in self.offered
        )
        return frozenset("{0.scheme}://{0.netloc}".format(urlsplit(home)) for home in homes if home)


def load_catalog(
    extra_dir: Path | None, environ: Mapping[str, str], *, private_hosts: frozenset[str] = frozenset()
) -> Catalog:
    """The built-in files and those of `extra_dir`, where the same id replaces the built-in one.

    `environ` holds the `PORTAL_PROVIDER_...` names (`_FILE` already followed); `private_hosts` (host:port) may be
    private and spoken to over http. Raises nothing for a wrong file: it is listed in `problems`.
    """
    files = [read_file(path, private_hosts=private_hosts) for path in _paths(extra_dir)]
    providers: dict[str, Provider] = {}
    for one in files:
        providers.pop(one.provider_id, None)  # a broken replacement must not leave the replaced one in its place
        if one.provider:
            providers[one.provider_id] = with_scopes_of(environ, one.provider)
    readings = {key: read_app(one, environ, private_hosts=private_hosts) for key, one in providers.items()}
    apps = {key: reading.app for key, reading in readings.items() if reading.app}
    problems = chain((fault for one in files for fault in one.problems), _app_problems(readings))
    return Catalog(providers, apps, (*problems, *_strangers(environ, providers.values(), files)))


def _paths(extra_dir: Path | None) -> Iterator[Path]:
    yield from sorted(BUILT_IN.glob("*.toml"))
    if extra_dir:
        yield from sorted(extra_dir.glob("*.toml"))


def _app_problems(readings: Mapping[str, AppReading]) -> Iterator[CatalogProblem]:
    for provider_id, reading in readings.items():
        for problem in reading.problems:
            yield CatalogProblem("environment", 0, problem, provider_id)


def _strangers(
    environ: Mapping[str, str], providers: Iterable[Provider], files: Iterable["FileReading"]
) -> Iterator[CatalogProblem]:
    """Names that belong to no provider are slips of the pen; those of a provider that is turned off are not."""
    known = {name for provider in providers for name in names_of(provider)}
    off = tuple(PREFIX + one.provider_id.upper().replace("-", "_") + "_" for one in files if not one.provider)
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not (off and name.startswith(off)):
            yield CatalogProblem("environment", 0, f"{name} belongs to no provider of the catalog")


@dataclass(frozen=True, slots=True)
class FileReading:
    """What one file gave: a provider, or the problems that keep it off."""

    provider_id: str
    provider: Provider | None
    problems: tuple[CatalogProblem, ...]


def read_file(path: Path, *, private_hosts: frozenset[str] = frozenset()) -> FileReading:
    """Read and check one provider's file, wherever it lies."""
    try:
        text = _text(path)
        raw = tomllib.loads(text)
    except (OSError, ValueError) as error:
        line = re.search(r"at line (\d+)", str(error))
        problem = CatalogProblem(str(path), int(line[1]) if line else 0, f"cannot be read: {error}", path.stem)
        return FileReading(path.stem, None, (problem,))
    return _read(path, text, raw, private_hosts)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"is larger than {MAX_FILE_BYTES // 1024} kB")
    return content.decode("utf-8")


def _read(path: Path, text: str, raw: Table, private_hosts: frozenset[str]) -> FileReading:
    reader = Reader()
    provider = _provider(reader, raw)
    if provider:
        reader.complaints.extend(_disagreements(provider, private_hosts))
    provider_id = raw.get("id") if isinstance(raw.get("id"), str) else path.stem
    problems = tuple(_problem(path, text, str(provider_id), complaint) for complaint in reader.complaints)
    return FileReading(str(provider_id), None if problems else provider, problems)


def _provider(reader: Reader, raw: Table) -> Provider | None:
    """The provider with its connectors, each of them the file's tables with that connector's laid over them."""
    base = {key: value for key, value in raw.items() if key != "connectors"}
    provider, overrides = _whole(reader, base), raw.get("connectors", {})
    if not isinstance(overrides, dict):
        reader.complain(("connectors",), "must be a table")
        return None
    own = tuple(reader.complaints)
    variants = {name: _variant(reader, base, name, over, own=own) for name, over in overrides.items()}
    known = {name: variant for name, variant in variants.items() if variant}
    return replace(provider, connectors=known) if provider and not reader.complaints else None


def _variant(reader: Reader, base: Table, name: str, over: object, *, own: Collection[Complaint]) -> Provider | None:
    if not isinstance(over, dict):
        reader.complain(("connectors", name), "must be a table")
        return None
    reading = Reader()
    variant = _whole(reading, laid_over(base, over))
    reader.complaints.extend(_added(name, reading.complaints, own))
    return variant


def _whole(reader: Reader, table: Table) -> Provider | None:
    try:
        return reader.table(Provider, completed(table))
    except Unreadable:
        return None


def _disagreements(provider: Provider, private_hosts: frozenset[str]) -> Iterator[Complaint]:
    own = list(disagreements(provider, private_hosts=private_hosts))
    yield from own
    for name, variant in provider.connectors.items():
        yield from _added(name, disagreements(variant, private_hosts=private_hosts), own)


def _added(name: str, complaints: Iterable[Complaint], own: Collection[Complaint]) -> Iterator[Complaint]:
    """A connector's complaints, without those about what it has from the file, which are told once."""
    new = (complaint for complaint in complaints if complaint not in own)
    yield from (replace(complaint, place=("connectors", name, *complaint.place)) for complaint in new)


def laid_over(base: Table, over: Table) -> Table:
    """`base` with the values of `over` in place of its own, table by table."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _problem(path: Path, text: str, provider_id: str, complaint: Complaint) -> CatalogProblem:
    place = ".".join(complaint.place).replace(".[", "[")
    return CatalogProblem(str(path), line_of(text, complaint.place), f"{place} {complaint.text}", provider_id)
