"""The team owner's page: the same list as the admins', of the owner's own team and of nobody else."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal import clock
from portal.rules.roles import Role
from portal.rules.status import ConnectionState
from portal.services import members
from tests.factories import Person, World, make_connection, make_member
from tests.page import Page

DAY = timedelta(days=1)


@pytest.fixture
def links(app: Flask, world: World) -> dict[str, UUID]:
    """Connections of the team Press, of another team, of no team, and of another organization's Press."""
    with app.app_context():
        now = clock.now()
        sam = make_member(world.acme, "Sam Stone", "sam@acme.example", team="Shops", now=now)
        noel = make_member(world.acme, "Noel Nash", "noel@acme.example", now=now)
        fay = make_member(world.globex, "Fay Fox", "fay@globex.example", team="Press", now=now)
        return {
            "soon": make_connection(world.ana, nickname="soon", consent_ends_in=3 * DAY, now=now),
            "ended": make_connection(world.ben, nickname="ended", consent_ends_in=-DAY, now=now),
            "own": make_connection(world.dmitri, nickname="own", consent_ends_in=40 * DAY, now=now),
            "invited": make_connection(
                world.ben,
                nickname="invited",
                provider_id="demo-video",
                state=ConnectionState.INVITED,
                consent_ends_in=None,
                now=now,
            ),
            "shops": make_connection(sam, nickname="shops", consent_ends_in=2 * DAY, now=now),
            "teamless": make_connection(noel, nickname="teamless", consent_ends_in=2 * DAY, now=now),
            "foreign": make_connection(fay, nickname="foreign", consent_ends_in=2 * DAY, now=now),
        }


@pytest.fixture
def dmitri(page: Page, world: World) -> Page:
    return page.sign_in(world.dmitri)


def listed(page: Page) -> list[str]:
    """The nicknames of the table, top to bottom."""
    return ["".join(cell.itertext()).split()[0] for cell in page.all("th") if (cell.get("id") or "").startswith("c")]


def change(app: Flask, world: World, *, of: Person, role: Role, team: str | None) -> None:
    with app.app_context():
        members.change(world.chloe.asker, of.id, name="", role=role, team=team, now=clock.now())


@pytest.mark.usefixtures("still_clock")
@pytest.mark.both_databases
def test_a_team_owner_sees_the_teams_connections_soonest_end_first(dmitri: Page, links: dict[str, UUID]) -> None:
    dmitri.get("/team")
    assert dmitri.heading == "Connections of Press"
    assert listed(dmitri) == ["ended", "soon", "own", "invited"]
    assert "in 3 days" in dmitri.text
    assert "Ana Alvarez" in dmitri.text


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=ending", {"soon"}),
        ("provider=demo-video", {"invited"}),
        ("search=alvar", {"soon"}),
        ("search=be&status=ended", {"ended"}),
        ("search=stone", set()),
        ("search=fox", set()),
        ("team=Shops", {"ended", "soon", "own", "invited"}),
        ("team=", {"ended", "soon", "own", "invited"}),
    ],
)
def test_filters_narrow_within_the_team_and_never_beyond_it(
    dmitri: Page, links: dict[str, UUID], query: str, found: set[str]
) -> None:
    assert set(listed(dmitri.get(f"/team?{query}"))) == found


def test_it_is_for_looking_only(dmitri: Page, links: dict[str, UUID]) -> None:
    dmitri.get("/team")
    assert set(dmitri.buttons) == {"Search", "Sign out", ""}  # the one without words changes the colours
    addresses = {link.get("href", "") for link in dmitri.all("a")}
    assert not [address for address in addresses if address.startswith("/admin") or "csv" in address]


def test_a_long_list_goes_on_by_key_without_gap_or_repeat(dmitri: Page, app: Flask, world: World) -> None:
    with app.app_context():
        now = clock.now()
        for number in range(60):
            make_connection(world.ana, nickname=f"n{number:03}", consent_ends_in=DAY * (number // 3), now=now)
    first = listed(dmitri.get("/team?search=alvarez"))
    rest = listed(dmitri.press_link("Next page"))
    assert sorted(first + rest) == [f"n{number:03}" for number in range(60)]
    assert "search=alvarez" in dmitri.path
    assert listed(dmitri.press_link("First page")) == first


def test_a_cursor_of_somewhere_else_leads_to_nobody_elses_rows(
    page: Page, app: Flask, world: World, links: dict[str, UUID]
) -> None:
    with app.app_context():
        for number in range(60):
            make_connection(world.chloe, nickname=f"n{number}", consent_ends_in=DAY, now=clock.now())
    page.sign_in(world.chloe).get("/admin/connections")
    cursor = next(link.get("href", "") for link in page.all("a") if link.get("rel") == "next").partition("after=")[2]
    assert set(listed(page.sign_in(world.dmitri).get(f"/team?after={cursor}"))) <= {"soon", "own", "invited"}


def test_only_team_owners_are_shown_the_way(page: Page, world: World) -> None:
    def ways() -> set[str]:
        return {link.get("href", "") for link in page.all("a")}

    for person, has_way in ((world.dmitri, True), (world.ana, False), (world.chloe, False)):
        page.sign_in(person).get("/connections")
        assert ("/team" in ways()) is has_way


def test_members_find_nothing_there(page: Page, world: World, links: dict[str, UUID]) -> None:
    page.sign_in(world.ana).get("/team", status=404)


def test_a_demoted_owner_finds_nothing_from_that_moment_on(dmitri: Page, app: Flask, world: World) -> None:
    dmitri.get("/team")
    change(app, world, of=world.dmitri, role=Role.MEMBER, team="Press")
    dmitri.get("/team", status=302, follow=False)  # signed out everywhere
    dmitri.sign_in(world.dmitri).get("/team", status=404)


def test_an_owner_who_changes_the_team_sees_the_new_one_at_once(
    dmitri: Page, app: Flask, world: World, links: dict[str, UUID]
) -> None:
    assert "shops" not in listed(dmitri.get("/team"))
    change(app, world, of=world.dmitri, role=Role.TEAM_OWNER, team="Shops")
    assert listed(dmitri.get("/team")) == ["shops", "own"]


@pytest.mark.parametrize("query", ["", "?search=a", "?status=ending", "?team=Press"])
def test_an_owner_of_no_team_is_told_what_to_do_and_sees_nobody(
    page: Page, app: Flask, world: World, links: dict[str, UUID], query: str
) -> None:
    with app.app_context():
        zoe = make_member(world.acme, "Zoe Zorn", "zoe@acme.example", Role.TEAM_OWNER, now=clock.now())
    page.sign_in(zoe).get(f"/team{query}")
    assert listed(page) == []
    assert "You have no team yet" in page.text
    assert "admin of your organization" in page.text


def test_a_team_without_connections_is_told_who_can_begin(dmitri: Page) -> None:
    dmitri.get("/team")
    assert "No connections yet" in dmitri.text


def test_filters_that_match_nothing_can_be_cleared(dmitri: Page, links: dict[str, UUID]) -> None:
    dmitri.get("/team?search=nobody")
    assert "Nothing matches" in dmitri.text
    assert len(listed(dmitri.press_link("Clear the filters"))) == 4


def test_a_broken_cursor_is_answered_with_what_to_do(dmitri: Page) -> None:
    dmitri.get("/team?after=nonsense", status=400)
    assert "first page" in dmitri.text


def test_a_status_there_is_not_is_named(dmitri: Page) -> None:
    dmitri.get("/team?status=nonsense", status=400)
    assert "There is no status “nonsense”" in dmitri.text
