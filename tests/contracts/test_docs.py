import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

import portal.models  # noqa: F401 - makes every table known
from portal.db import Base
from portal.providers.endpoints import Refresh

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"`((?:access|sessions|quick|rules|services|adapters|models|blueprints|jobs|portal)\.[\w.]+)`")
SHORT = {"sessions": "portal.services.sessions"}


def names_in_walks() -> list[str]:
    return sorted(set(NAME.findall((DOCS / "walks.md").read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", names_in_walks())
def test_every_name_in_the_walks_resolves(name: str):
    first, _, rest = name.partition(".")
    full = SHORT.get(first, first if first in {"jobs", "portal"} else f"portal.{first}")
    assert resolve(f"{full}.{rest}") is not None


def resolve(dotted: str) -> object:
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            module = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[end:], module)
    raise LookupError(dotted)


def test_every_table_has_a_term_in_the_docs():
    """Whoever adds a table says how long its rows are kept, and why."""
    section = (DOCS / "operations.md").read_text(encoding="utf-8").partition("## What is kept how long")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    told = [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(told) == sorted(Base.metadata.tables)


def test_the_walks_name_enough_to_be_worth_keeping():
    assert len(names_in_walks()) > 20


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_between_the_docs_lead_somewhere(page: Path):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_width_of_refreshing_in_the_docs_is_the_files_own():
    words = (DOCS / "adding-a-provider.md").read_text(encoding="utf-8")
    assert f"`concurrency` ({Refresh().concurrency})" in words
