"""What holds for every template, whether or not a test ever opens its page."""

import re
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import Environment, FileSystemLoader, nodes

import portal
from portal import filters

FOLDER = Path(portal.__file__).parent / "templates"
environment = Environment(loader=FileSystemLoader(FOLDER))
application = Flask("portal")
filters.register(application)
environment.filters.update(application.jinja_env.filters)
NAMES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix in {".html", ".txt"})
PAGES = [name for name in NAMES if not name.startswith("emails/")]


def parse(name: str) -> nodes.Template:
    return environment.parse((FOLDER / name).read_text("utf-8"))


def macros_of(name: str) -> set[str]:
    template = parse(name)
    assigned = {target.name for node in template.find_all(nodes.Assign) for target in node.find_all(nodes.Name)}
    return {macro.name for macro in template.find_all(nodes.Macro)} | assigned


@pytest.mark.parametrize("name", NAMES)
def test_every_part_a_template_asks_for_exists(name: str) -> None:
    for node in parse(name).find_all(nodes.FromImport):
        assert isinstance(node.template, nodes.Const)
        wanted = {entry if isinstance(entry, str) else entry[0] for entry in node.names}
        assert wanted <= macros_of(node.template.value)


@pytest.mark.parametrize("name", NAMES)
def test_every_filter_a_template_uses_exists(name: str) -> None:
    environment.compile((FOLDER / name).read_text("utf-8"))  # an unknown filter or test does not compile


@pytest.mark.parametrize("name", PAGES)
def test_pages_carry_nothing_that_the_content_policy_refuses(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=\"|<script(?![^>]*\ssrc=)|\"data:", text)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_people_wrote_is_called_safe(name: str) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", (FOLDER / name).read_text("utf-8"))
