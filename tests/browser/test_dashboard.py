"""The admins' view: every connection by the date it ends, found, filtered, paged, reminded of and taken along."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from portal.rules.status import ConnectionState
from tests.browser.acme import Acme
from tests.browser.demo import Demo, link_in
from tests.browser.visitor import Visitor
from tests.fixtures.browser import SignIn

pytestmark = pytest.mark.browser

PLACE = "/admin/connections"
PAGE_SIZE = 50


def nicknames(visitor: Visitor) -> list[str]:
    """The connections listed, in order."""
    return visitor.page.get_by_role("table", name="Connections").locator("tbody th a strong").all_inner_texts()


def make_some(acme: Acme) -> None:
    """Four connections of two people in two teams, at two providers and in four states."""
    acme.connect_on_paper(acme.ana, "Ended page", consent_ends_in=timedelta(days=-1))
    acme.connect_on_paper(acme.ben, "Ending page", consent_ends_in=timedelta(days=5))
    acme.connect_on_paper(acme.ana, "Channel", provider_id="demo-video", consent_ends_in=timedelta(days=40))
    acme.connect_on_paper(acme.ben, "Gone page", state=ConnectionState.DISCONNECTED, consent_ends_in=None)


def test_the_soonest_end_comes_first_and_the_counts_are_true(acme: Acme, sign_in: SignIn) -> None:
    make_some(acme)
    chloe = sign_in(acme.chloe, PLACE)
    assert nicknames(chloe) == ["Ended page", "Ending page", "Channel", "Gone page"]
    tiles = chloe.page.get_by_role("main").get_by_role("list").first.get_by_role("link").all_inner_texts()
    assert {tile.split("\n")[1]: tile.split("\n")[0] for tile in tiles} == {
        "Ended": "1", "Needs reconsent": "0", "Ending": "1", "Active": "1", "Invited": "0", "Displaced": "0",
        "Disconnected": "1",
    }  # fmt: skip


def test_a_count_leads_to_what_it_counts(acme: Acme, sign_in: SignIn) -> None:
    make_some(acme)
    chloe = sign_in(acme.chloe, PLACE)
    chloe.page.get_by_role("link", name="Ending").filter(has_text="1").click()
    chloe.look()
    assert nicknames(chloe) == ["Ending page"]


@pytest.mark.parametrize(
    ("label", "chosen", "found"),
    [
        ("Status", "Active", ["Channel"]),
        ("Provider", "Demo Video", ["Channel"]),
        ("Team", "Shops", ["Ending page", "Gone page"]),
    ],
)
def test_filters_narrow_and_are_cleared(acme: Acme, sign_in: SignIn, label: str, chosen: str, found: list[str]) -> None:
    make_some(acme)
    chloe = sign_in(acme.chloe, PLACE)
    chloe.page.get_by_label(label, exact=True).select_option(chosen)
    chloe.press("Search")
    assert nicknames(chloe) == found
    chloe.follow("Clear")
    assert len(nicknames(chloe)) == 4


def test_a_person_is_searched_by_part_of_their_name(acme: Acme, sign_in: SignIn) -> None:
    make_some(acme)
    chloe = sign_in(acme.chloe, PLACE)
    chloe.fill("Search", "brandt")
    chloe.press("Search")
    assert nicknames(chloe) == ["Ending page", "Gone page"]
    chloe.fill("Search", "nobody like that")
    chloe.press("Search")
    chloe.sees("Nothing matches")
    chloe.follow("Clear the filters")
    assert len(nicknames(chloe)) == 4


def test_pages_follow_each_other_without_gap_or_overlap(acme: Acme, sign_in: SignIn) -> None:
    everything = [f"Page {number:02}" for number in range(PAGE_SIZE + 3)]
    for number, nickname in enumerate(everything):
        acme.connect_on_paper(acme.ana, nickname, consent_ends_in=timedelta(days=20, hours=number))
    chloe = sign_in(acme.chloe, PLACE)
    first = nicknames(chloe)
    chloe.follow("Next page")
    assert [*first, *nicknames(chloe)] == everything
    chloe.follow("First page")
    assert nicknames(chloe) == first


def test_nothing_yet_leads_to_inviting_somebody(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, PLACE)
    chloe.sees("No connections yet")
    chloe.follow("Invite a person", within=chloe.page.locator(".empty"))
    assert chloe.heading == "Invite a person"


def test_a_reminder_sent_by_an_admin_arrives_and_stands_in_the_history(demo: Demo, acme: Acme, sign_in: SignIn) -> None:
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    chloe = sign_in(acme.chloe, PLACE)
    chloe.press("Send reminder", within=chloe.row("Bakery page"))
    assert chloe.place == f"{PLACE}/{connection_id}"
    chloe.sees("An e-mail with a link is on its way.", "Ana Alvarez", "Demo Social", "History", "Chloe Chen")
    mail = demo.wait_for_mail(acme.ana.email, "reminder")
    assert mail["X-Reconsent-Steps"].startswith(f"{connection_id}=")
    assert "Bakery page" in mail.get_body(preferencelist=("plain",)).get_content()
    assert link_in(mail).startswith(demo.url)


def test_what_is_listed_can_be_taken_along_as_csv(acme: Acme, sign_in: SignIn) -> None:
    make_some(acme)
    chloe = sign_in(acme.chloe, f"{PLACE}?team=Shops")
    with chloe.page.expect_download() as download:
        chloe.page.get_by_role("link", name="Export CSV").click()
    assert download.value.suggested_filename == "connections.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert [row["nickname"] for row in rows] == ["Ending page", "Gone page"]


def test_members_find_no_admin_pages(acme: Acme, sign_in: SignIn) -> None:
    ana = sign_in(acme.ana, "/connections")
    for place in (PLACE, "/admin/members", "/admin/settings", "/admin/audit"):
        response = ana.open(place)
        assert response is not None
        assert response.status == 404
