from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.redirects import HOME, LENGTH_MAX, home_of, safe_place
from portal.rules.roles import Role

ELSEWHERE = "/elsewhere"


@pytest.mark.parametrize(
    "place",
    [
        "/",
        "/connections",
        "/connections/",
        "/connections/0199-3e5e",
        "/admin/connections?status=ending&q=ana%40example.com&after=2026-12-02T10%3A00%3A00Z",
        "/admin/connections?next=https://evil.example/a//b",
        "/admin/connections?q=%5C#first",
        "/people/J%C3%B6rg",
        "/a..b/c.d",
        "/" + "a" * (LENGTH_MAX - 1),
    ],
)
def test_places_of_the_portal_are_kept(place: str) -> None:
    assert safe_place(place, ELSEWHERE) == place


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "connections",
        " /connections",
        "/connections ",
        "https://evil.example/",
        "https:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/a\x00b",
        "/a\x7fb",
        "/%2Fevil.example",
        "/%2f%2fevil.example",
        "/%5Cevil.example",
        "/%255Cevil.example",
        "/%25255Cevil.example",
        "/%09/evil.example",
        "/a%0d%0aSet-Cookie:a",
        "/a?b=%0d%0aSet-Cookie:a",
        "/a?b=%250d",
        "/a%C2%85b",
        "/a%E2%80%A8b",
        "/..//evil.example",
        "/a/..//evil.example",
        "/a/../b",
        "/a/./b",
        "/a/..",
        "/a/.",
        "/..",
        "/.",
        "/.//evil.example",
        "/%2e%2e//evil.example",
        "/a/%2e%2e/b",
        "/a//b",
        "/a//",
        "/<script>",
        '/"onclick',
        "/`",
        "/{a}",
        "/ä",
        "/%2525252525",
        "/" + "a" * LENGTH_MAX,
    ],
)
def test_everything_else_leads_home(target: str | None) -> None:
    assert safe_place(target, ELSEWHERE) == ELSEWHERE


hostile = st.text(st.sampled_from("/\\.:?#@%25FfCcEe0aA9dD\t\n\r evil\x00\u2028"), max_size=14)


@given(hostile | hostile.map(lambda text: "/" + text) | st.text(max_size=30) | st.text(max_size=9).map(quote))
def test_no_place_leaves_the_portal_however_a_browser_reads_it(target: str) -> None:
    place = safe_place(target, ELSEWHERE)
    as_browsers_read = place.replace("\\", "/").replace("\t", "").replace("\n", "").replace("\r", "")
    assert urlsplit(urljoin("https://portal.example/login/x", as_browsers_read)).netloc == "portal.example"
    assert place.isascii()
    assert place.isprintable()
    assert len(place) <= LENGTH_MAX


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.MEMBER, "/connections"), (Role.TEAM_OWNER, "/connections"), (Role.ORG_ADMIN, "/admin/connections")],
)
def test_each_role_has_a_place_to_begin(role: Role, home: str) -> None:
    assert home_of(role) == safe_place(home, HOME) == home
    assert safe_place(HOME, "/elsewhere") == HOME == "/"


def test_a_place_fits_the_columns_that_keep_it() -> None:
    assert LENGTH_MAX == 500


@pytest.mark.parametrize(("place", "kept"), [("/%252561", True), ("/%25252561", False)])
def test_nobody_encodes_a_place_more_than_three_times(place: str, kept: bool) -> None:
    assert (safe_place(place, ELSEWHERE) == place) is kept
