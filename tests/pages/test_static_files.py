import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import portal
from portal import filters

FOLDER = Path(portal.__file__).parent
STATIC = FOLDER / "static"
SHEETS = sorted(STATIC.rglob("*.css"))
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
COLOURS = dict(
    re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", (STATIC / "portal.css").read_text("utf-8"))
)
READ_ON = {  # what is written in which colour, on which
    "ink": ("paper", "surface", "surface-quiet", "brand-soft", "rest-soft", "good-soft", "soon-soft", "bad-soft"),
    "ink-quiet": ("paper", "surface", "surface-quiet", "rest-soft"),
    "brand": ("paper", "surface", "surface-quiet", "brand-soft"),
    "good-ink": ("good-soft", "surface"),
    "soon-ink": ("soon-soft", "surface"),
    "bad-ink": ("bad-soft", "surface", "paper"),
    "other-ink": ("other-soft", "surface"),
    "new-ink": ("new-soft", "surface"),
    "rest-ink": ("rest-soft", "surface"),
}
PAIRS = [(ink, ground) for ink, grounds in READ_ON.items() for ground in grounds]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_style_sheets_load_nothing_that_the_content_policy_refuses(sheet: Path) -> None:
    for address in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text("utf-8")):
        assert (sheet.parent / address).is_file(), f"{sheet.name} asks for {address[:60]}"


@pytest.mark.parametrize("picture", sorted(STATIC.rglob("*.svg")), ids=lambda path: path.name)
def test_pictures_are_whole_and_ask_for_nothing_from_outside(picture: Path) -> None:
    text = picture.read_text("utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_every_icon_that_templates_name_is_in_the_sprite() -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text("utf-8")))
    wanted = {
        name
        for template in TEMPLATES
        for name in re.findall(r"""(?:icon\(|sign=)"([a-z-]+)\"""", template.read_text("utf-8"))
    }
    wanted.discard("status-")  # followed by the status word, which the parts' tests walk through
    assert wanted <= known


def test_every_file_that_templates_ask_for_exists() -> None:
    names = {
        name for template in TEMPLATES for name in re.findall(r"asset\([\"']([^\"']+)", template.read_text("utf-8"))
    }
    assert {"portal.js", "icons.svg"} <= names <= set(filters.asset_versions(STATIC))


def test_a_files_version_follows_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("one")
    before = filters.asset_versions(tmp_path)
    (tmp_path / "a.css").write_text("two")
    assert before["a.css"] != filters.asset_versions(tmp_path)["a.css"]


@pytest.mark.parametrize("pair", PAIRS, ids="-on-".join)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(pair: tuple[str, str], scheme: str) -> None:
    ink, ground = (colour(name, scheme) for name in pair)
    assert contrast(ink, ground) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("ground", ["paper", "surface", "surface-quiet"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edges_of_controls_stand_out(ground: str, scheme: str) -> None:
    assert contrast(colour("line-control", scheme), colour(ground, scheme)) >= 3  # WCAG 2.2, 1.4.11


def colour(name: str, scheme: str) -> str:
    return COLOURS[name].split(", ")[scheme == "dark"]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
