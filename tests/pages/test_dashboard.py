import csv
import io
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask, has_app_context

from portal import clock
from portal.crypto import to_base64url
from portal.db import db, transaction
from portal.models import Connection, Email, Event
from portal.models.email import EmailKind
from portal.rules.status import HOLDING, ConnectionState
from portal.services import members
from tests.factories import World, make_connection, make_member
from tests.page import HTML, Page

DAY = timedelta(days=1)


@pytest.fixture
def links(app: Flask, world: World) -> dict[str, UUID]:
    """One of each kind, named by its nickname."""
    with app.app_context():
        now = clock.now()
        return {
            "ended": make_connection(world.ana, nickname="ended", consent_ends_in=-DAY, now=now),
            "soon": make_connection(world.ana, nickname="soon", consent_ends_in=3 * DAY, now=now),
            "later": make_connection(world.ben, nickname="later", consent_ends_in=40 * DAY, now=now),
            "never": make_connection(world.ben, nickname="never", consent_ends_in=None, now=now),
            "invited": make_connection(
                world.dmitri, nickname="invited", state=ConnectionState.INVITED, consent_ends_in=None, now=now
            ),
            "foreign": make_connection(world.eve, nickname="foreign", consent_ends_in=2 * DAY, now=now),
        }


@pytest.fixture
def chloe(page: Page, world: World) -> Page:
    return page.sign_in(world.chloe)


def listed(page: Page) -> list[str]:
    """The nicknames of the table, top to bottom."""
    return ["".join(cell.itertext()).split()[0] for cell in page.all("th") if (cell.get("id") or "").startswith("c")]


def test_the_admin_sees_what_ends_first_on_top(chloe: Page, links: dict[str, UUID]):
    chloe.get("/admin/connections")
    assert chloe.heading == "Connections"
    assert listed(chloe)[:3] == ["ended", "soon", "later"]
    assert set(listed(chloe)[3:]) == {"never", "invited"}


def test_counts_are_exact_for_every_status(chloe: Page, links: dict[str, UUID]):
    chloe.get("/admin/connections")
    tiles = {
        "".join(tile.itertext()).split()[-1]: "".join(tile.itertext()).split()[0]
        for tile in chloe.all("a")
        if "tile" in tile.get("class", "")
    }
    assert (tiles["Ended"], tiles["Ending"], tiles["Active"], tiles["Invited"], tiles["Disconnected"]) == (
        "1",
        "1",
        "2",
        "1",
        "0",
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=ending", {"soon"}),
        ("status=ended", {"ended"}),
        ("status=active", {"later", "never"}),
        ("status=invited", {"invited"}),
        ("search=alvar", {"ended", "soon"}),
        ("search=BRANDT", {"later", "never"}),
        ("search=be", {"later", "never"}),
        ("search=evans", set()),
        ("search=%25", set()),
        ("search=ana@acme", {"ended", "soon"}),
        ("search=ana&status=ended", {"ended"}),
        ("team=Press&provider=demo-social", {"ended", "soon", "later", "never", "invited"}),
        ("provider=demo-video", set()),
        ("team=No+such", set()),
    ],
)
@pytest.mark.both_databases
def test_filters_in_the_query_string_narrow_the_table(chloe: Page, links: dict[str, UUID], query: str, found: set[str]):
    assert set(listed(chloe.get(f"/admin/connections?{query}"))) == found


@pytest.mark.parametrize("path", ["/admin/connections", "/admin/connections/export.csv"])
def test_a_status_there_is_not_is_named_instead_of_showing_everything(
    chloe: Page, app: Flask, links: dict[str, UUID], path: str
):
    chloe.get(f"{path}?status=<b>bogus", status=400)
    assert "There is no status “<b>bogus”" in chloe.text
    assert exports(app) == []


def test_an_event_there_is_not_is_named_in_the_audit_log(chloe: Page):
    chloe.get("/admin/audit?kind=connections:exported")
    chloe.get("/admin/audit?kind=bogus", status=400)
    assert "There is no event “bogus”" in chloe.text


@pytest.mark.parametrize("query", ["team=No+such", "provider=no-such", "provider=demo-video&team=Press"])
def test_the_filters_at_work_are_the_ones_shown_as_chosen(chloe: Page, links: dict[str, UUID], query: str):
    chloe.get(f"/admin/connections?{query}")
    chosen = {
        choice.get("name"): option.get("value")
        for choice in chloe.all("select")
        for option in choice.iter(f"{HTML}option")
        if option.get("selected") is not None and option.get("value")
    }
    assert chosen == dict(pair.replace("+", " ").split("=") for pair in query.split("&"))


def test_only_configured_providers_are_offered_as_a_filter(chloe: Page, links: dict[str, UUID]):
    chloe.get("/admin/connections")
    assert "Demo Video" in chloe.text
    assert "LinkedIn" not in chloe.text


def test_a_long_list_goes_on_by_key_without_gap_or_repeat(chloe: Page, app: Flask, world: World):
    with app.app_context():
        now = clock.now()
        for number in range(120):
            make_connection(world.ana, nickname=f"n{number:03}", consent_ends_in=DAY * (number // 3), now=now)
    seen = listed(chloe.get("/admin/connections"))
    while any("".join(link.itertext()) == "Next page" for link in chloe.all("a")):
        seen += listed(chloe.press_link("Next page"))
    assert sorted(seen) == [f"n{number:03}" for number in range(120)]
    assert seen[0] in {"n000", "n001", "n002"}
    assert listed(chloe.press_link("First page"))[0] == seen[0]


NO_MOMENTS = [
    b"%s|%s" % (moment, b"00" * 16)
    for moment in (b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-01:00", b"2026-12-02T08:30:00", b"soon")
]


@pytest.mark.both_databases
@pytest.mark.parametrize("cursor", ["nonsense", *map(to_base64url, NO_MOMENTS)])
def test_a_broken_cursor_is_answered_with_what_to_do(chloe: Page, cursor: str):
    chloe.get(f"/admin/connections?after={cursor}", status=400)
    assert "first page" in chloe.text


def test_the_picture_has_a_table_behind_it(chloe: Page, links: dict[str, UUID]):
    chloe.get("/admin/connections")
    counts = [int("".join(cell.itertext())) for cell in chloe.all("td") if cell.get("data-label") == "Connections"]
    assert sum(counts) == 2


@pytest.mark.usefixtures("still_clock")
def test_a_connections_page_shows_it_with_its_history(chloe: Page, links: dict[str, UUID]):
    chloe.get(f"/admin/connections/{links['soon']}")
    assert chloe.heading == "soon"
    assert "Ana Alvarez (ana@acme.example)" in chloe.text
    assert "in 3 days" in chloe.text


NEXT_NEEDS = {"A human is next needed", "Access token until"}


@pytest.mark.parametrize("state", ConnectionState)
def test_when_somebody_or_a_token_is_needed_next_is_told_of_live_connections_alone(
    chloe: Page, app: Flask, world: World, state: ConnectionState
):
    with app.app_context():
        connection_id = make_connection(world.ana, state=state, consent_ends_in=None, now=clock.now())
    chloe.get(f"/admin/connections/{connection_id}")
    told = {"".join(term.itertext()) for term in chloe.all("dt")}
    assert told & NEXT_NEEDS == (NEXT_NEEDS if state in HOLDING else set())


@transaction
def waiting_mails(kind: EmailKind) -> int:
    return db.session.query(Email).filter_by(kind=kind).count()


def test_a_reminder_can_be_sent_from_the_table_and_from_the_page(chloe: Page, app: Flask, links: dict[str, UUID]):
    chloe.get(f"/admin/connections/{links['soon']}").submit("Send reminder")
    assert "on its way" in chloe.text
    with app.app_context():
        assert waiting_mails(EmailKind.REMINDER) == 1


def test_pressing_send_reminder_twice_tells_that_it_was_asked_for(chloe: Page, app: Flask, links: dict[str, UUID]):
    for words in ("on its way", "was asked for a moment ago"):
        chloe.get(f"/admin/connections/{links['soon']}").submit("Send reminder")
        assert words in chloe.text
        assert chloe.heading == "soon"
    with app.app_context():
        assert waiting_mails(EmailKind.REMINDER) == 1


def test_a_reminder_of_nothing_of_ours_is_not_found(chloe: Page, links: dict[str, UUID]):
    token = _csrf(chloe.get("/admin/connections"))
    for wrong in ("", "nonsense", str(links["foreign"])):
        sent = {"connection": wrong, "csrf_token": token}
        assert chloe.client.post("/admin/connections/reminders", data=sent).status_code == 404


def test_nobody_who_was_deactivated_is_reminded(chloe: Page, app: Flask, world: World, links: dict[str, UUID]):
    token = _csrf(chloe.get(f"/admin/connections/{links['soon']}"))
    with app.app_context():
        members.deactivate(world.chloe.asker, world.ana.id, now=clock.now())
    for nickname in ("soon", "ended"):
        assert "Send reminder" not in chloe.get(f"/admin/connections/{links[nickname]}").buttons
        assert "deactivated" in chloe.text
        sent = {"connection": links[nickname], "csrf_token": token}
        answer = chloe.client.post("/admin/connections/reminders", data=sent)
        assert answer.status_code == 409
        assert "This person is deactivated" in answer.text
    with app.app_context():
        assert waiting_mails(EmailKind.REMINDER) == 0


def test_only_what_somebody_can_be_reminded_of_has_the_button(
    chloe: Page, app: Flask, world: World, links: dict[str, UUID]
):
    with app.app_context():
        members.deactivate(world.chloe.asker, world.ana.id, now=clock.now())
    chloe.get("/admin/connections")
    pressed = {button.get("value") for button in chloe.all("button") if button.get("name") == "connection"}
    assert pressed == {str(links["later"]), str(links["invited"])}


def _csrf(page: Page) -> str:
    return next(field.get("value", "") for field in page.all("input") if field.get("name") == "csrf_token")


def test_the_export_holds_what_the_filters_show(chloe: Page, links: dict[str, UUID]):
    chloe.get("/admin/connections/export.csv?status=ending")
    rows = list(csv.DictReader(io.StringIO(chloe.response.text)))
    assert [(row["nickname"], row["email"], row["status"]) for row in rows] == [("soon", "ana@acme.example", "ending")]


def test_an_export_is_noted_once_it_is_taken_along_and_nothing_else_changes(
    chloe: Page, app: Flask, links: dict[str, UUID]
):
    assert chloe.client.head("/admin/connections/export.csv").status_code == 200
    assert exports(app) == []
    for query in ("", "?status=ending"):
        assert chloe.get(f"/admin/connections/export.csv{query}").response.text.startswith("id,person")
    assert exports(app) == [(None, None, {})] * 2


def test_an_export_nobody_reads_to_its_end_leaves_nothing_open(chloe: Page, app: Flask, links: dict[str, UUID]):
    answer = chloe.client.get("/admin/connections/export.csv", buffered=False)
    assert next(answer.iter_encoded()).startswith(b"id,person")
    answer.close()
    assert not has_app_context()
    assert len(exports(app)) == 1


def exports(app: Flask) -> list[tuple[UUID | None, UUID | None, dict[str, object]]]:
    with app.app_context():
        found = db.session.query(Event).filter_by(kind="connections:exported").all()
        return [(event.member_id, event.connection_id, event.facts) for event in found]


def test_formulas_are_inert_in_the_export(chloe: Page, app: Flask, world: World):
    with app.app_context():
        mallory = make_member(world.acme, "@SUM(A1)", "mallory@acme.example", now=clock.now())
        make_connection(mallory, nickname='=HYPERLINK("x")', now=clock.now())
    chloe.get("/admin/connections/export.csv")
    (row,) = csv.DictReader(io.StringIO(chloe.response.text))
    assert (row["person"], row["nickname"]) == ("'@SUM(A1)", '\'=HYPERLINK("x")')


def test_a_login_without_a_name_is_the_same_in_the_export_as_on_its_page(chloe: Page, app: Flask, world: World):
    """As an import leaves it."""
    with app.app_context():
        one = make_connection(world.ana, subject="sub-77", now=clock.now())
        _forget_label(one)
    chloe.get("/admin/connections/export.csv")
    (row,) = csv.DictReader(io.StringIO(chloe.response.text))
    assert row["login"] == "sub-77"
    chloe.get(f"/admin/connections/{one}")
    assert "sub-77" in chloe.text


@transaction
def _forget_label(connection_id: UUID) -> None:
    db.session.get_one(Connection, connection_id).subject_label = None


def test_an_organization_without_connections_is_told_how_to_begin(chloe: Page):
    chloe.get("/admin/connections")
    assert "No connections yet" in chloe.text


PAST_THE_END = to_base64url(b"9999-12-31T23:59:59+00:00|" + b"f" * 32)


@pytest.mark.parametrize(
    "path",
    [
        f"/admin/connections?after={PAST_THE_END}",
        f"/admin/connections?search=ana&after={PAST_THE_END}",
        f"/team?after={PAST_THE_END}",
        "/admin/audit?before=1",
    ],
)
def test_a_page_behind_the_last_row_says_so_and_leads_back(page: Page, world: World, links: dict[str, UUID], path: str):
    page.sign_in(world.dmitri if path.startswith("/team") else world.chloe).get(path)
    assert "behind this page" in page.text
    first = page.press_link("First page")
    assert "behind this page" not in first.text


@pytest.mark.parametrize("path", ["/admin/connections", "/admin/connections/export.csv", "/admin/connections/{soon}"])
def test_members_and_foreign_admins_find_nothing(page: Page, world: World, links: dict[str, UUID], path: str):
    target = path.format(**links)
    page.sign_in(world.ana).get(target, status=404)
    if "{" in path:
        page.sign_in(world.eve).get(target, status=404)


def test_a_foreign_admin_cannot_send_reminders(page: Page, app: Flask, world: World, links: dict[str, UUID]):
    page.sign_in(world.eve).get("/admin/connections")
    token = _csrf(page)
    response = page.client.post("/admin/connections/reminders", data={"connection": links["soon"], "csrf_token": token})
    assert response.status_code == 404
    with app.app_context():
        assert waiting_mails(EmailKind.REMINDER) == 0
