"""`python -m bench [name ...] [--database sqlite|postgresql] [--scale 1000000]`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

from bench.figures import Figure, as_markdown
from bench.site import Site, Size
from tests import servers

MEASUREMENTS = {
    "tokens": "token_requests",
    "stampede": "stampede",
    "refreshes": "refreshing",
    "day": "simulated_day",
    "verdicts": "classifier",
    "dashboard": "dashboard",
    "django": "beside_django",
    "sweep": "sweep",
    "mails": "mails",
}
DATABASES = ("sqlite", "postgresql")
FULL_SCALE = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for and print it; 1 when a bound is missed."""
    asked = _parser().parse_args(arguments)
    names = asked.names or list(MEASUREMENTS)
    kinds = [asked.database] if asked.database else list(DATABASES)
    figures = [figure for kind in kinds for figure in measured(kind, names, Size(asked.scale))]
    if asked.markdown:
        print(as_markdown(figures))
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} bounds hold.")
    return 1 if missed else 0


def measured(kind: str, names: Sequence[str], size: Size) -> Iterator[Figure]:
    """The figures of these measurements on one kind of database, printed as they come."""
    with _site(kind, size) as site:
        for name in names:
            for figure in import_module(f"bench.{MEASUREMENTS[name]}").measure(site):
                print(figure, flush=True)
                yield figure


@contextmanager
def _site(kind: str, size: Size) -> Iterator[Site]:
    with ExitStack() as until_end:
        folder = Path(until_end.enter_context(tempfile.TemporaryDirectory(prefix="reconsent-bench-")))
        redis_url = until_end.enter_context(servers.redis())
        if kind == "sqlite":
            databases: servers.SqliteDatabases | servers.PostgresqlDatabases = servers.SqliteDatabases(folder)
        else:
            databases = until_end.enter_context(servers.postgresql())
        yield Site(size, folder, redis_url, databases, until_end)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], metavar="name", help=", ".join(MEASUREMENTS))
    parser.add_argument("--database", choices=DATABASES, help="one kind alone (default: both)")
    parser.add_argument("--scale", type=int, default=FULL_SCALE, help="connections of the large organization")
    parser.add_argument("--markdown", action="store_true", help="print the figures as a table for the documentation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
