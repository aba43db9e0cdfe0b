"""The admins' page of providers: what is there, what goes wrong, what ends, and releasing what an incident holds."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from portal import clock
from portal.db import db, transaction
from portal.models import Incident
from portal.models.columns import new_id
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault
from portal.services import provider_facts, provider_use
from portal.services.incidents import open_ones
from tests.factories import NOON, World, make_connection, make_world
from tests.outbox import events
from tests.page import Page

MakeApp = Callable[[Mapping[str, str]], Flask]
LIST = "/admin/providers"
DAY = timedelta(days=1)


@pytest.fixture
def chloe(page: Page, world: World) -> Page:
    return page.sign_in(world.chloe)


def rows(page: Page) -> dict[str, str]:
    """What each provider's row says, by its name."""
    links = [row.find(".//{*}a") for row in page.all("tr")[1:]]
    names = [link.findtext(".//{*}span[@class='provider-words']", "").strip() for link in links if link is not None]
    return dict(zip(names, (" ".join("".join(row.itertext()).split()) for row in page.all("tr")[1:]), strict=True))


def make_incident(*, provider_id: str = "demo-social", fault: Fault = Fault.REVOKED) -> None:
    now = clock.now()

    @transaction
    def begin() -> None:
        incident = Incident(
            id=new_id(),
            provider_id=provider_id,
            fault=fault,
            reason="invalid_grant (HTTP 400)",
            began_at=now,
            last_failure_at=now,
            next_trial_at=now,
            successes=0,
        )
        db.session.add(incident)

    begin()


def test_configured_providers_are_listed_though_nobody_uses_them(chloe: Page) -> None:
    assert set(rows(chloe.get(LIST))) == {"Demo Social", "Demo Video"}


def test_where_none_is_set_up_the_page_says_what_to_do(make_app: MakeApp, environ: dict[str, str]) -> None:
    bare = make_app({name: value for name, value in environ.items() if not name.startswith("PORTAL_PROVIDER_")})
    with bare.app_context():
        chloe = make_world().chloe
    assert "No provider is set up yet" in Page(bare).sign_in(chloe).get(LIST).text


def test_connections_are_counted_by_status_for_the_own_organization_alone(
    chloe: Page, app: Flask, world: World
) -> None:
    now = clock.now()
    with app.app_context():
        for ends_in in (90 * DAY, 60 * DAY, 3 * DAY, -DAY, -timedelta(minutes=1), timedelta(minutes=1)):
            make_connection(world.ana, consent_ends_in=ends_in, now=now)
        make_connection(world.ana, state=ConnectionState.INVITED, now=now)
        make_connection(world.eve, consent_ends_in=-DAY, now=now)
    said = rows(chloe.get(LIST))["Demo Social"]
    for words in ("2 active", "2 ending", "2 ended", "1 invited"):
        assert words in said


def test_the_window_ends_to_the_second(context: Flask, world: World) -> None:
    window_ends = 14 * DAY
    for ends_in in (window_ends, window_ends + timedelta(seconds=1), timedelta(0), timedelta(seconds=1)):
        make_connection(world.ana, consent_ends_in=ends_in, now=NOON)
    counts = provider_use.counts_of(world.chloe.asker, now=NOON)["demo-social"]
    assert {status.value: number for status, number in counts.items()} == {"active": 1, "ending": 2, "ended": 1}


def test_a_broken_file_is_told_with_its_line_and_stops_no_other(
    make_app: MakeApp, environ: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "odd.toml").write_text('schema = 1\nid = "odd"\nname = "Odd"\n\n[clocks]\naccess_s = "soon"\n')
    broken = make_app(environ | {"PORTAL_PROVIDERS_DIR": str(folder), "PORTAL_PROVIDER_LINKEDIN_CLIENT_ID": "x"})
    with broken.app_context():
        chloe = make_world().chloe
    page = Page(broken).sign_in(chloe).get(LIST)
    assert page.text.count("Needs an operator") == 2
    assert "odd.toml, line 6: clocks.access_s" in page.get(f"{LIST}/odd").text
    assert str(tmp_path) not in page.response.text
    assert "PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET is not set" in page.get(f"{LIST}/linkedin").text
    assert "Needs an operator" not in page.get(f"{LIST}/demo-social").text


def test_a_provider_that_left_the_catalog_is_shown_while_it_is_in_use(chloe: Page, app: Flask, world: World) -> None:
    with app.app_context():
        make_connection(world.ana, provider_id="gone", now=clock.now())
    assert "No file of the catalog describes this provider any more." in chloe.get(f"{LIST}/gone").text


def test_a_provider_nobody_has_is_not_there(chloe: Page) -> None:
    chloe.get(f"{LIST}/linkedin", status=404)
    chloe.get(f"{LIST}/nonsense", status=404)


@pytest.mark.usefixtures("still_clock")
def test_the_next_deadline_stands_in_the_list_and_all_on_the_providers_page(
    make_app: MakeApp, environ: dict[str, str]
) -> None:
    ends = (clock.now() + 20 * DAY).date().isoformat()
    portal = make_app(environ | {"PORTAL_PROVIDER_DEMO_SOCIAL_CLIENT_SECRET_ENDS": ends})
    with portal.app_context():
        chloe = make_world().chloe
    page = Page(portal).sign_in(chloe).get(LIST)
    assert "In 20 days" in rows(page)["Demo Social"]
    assert "the client secret ends" in page.get(f"{LIST}/demo-social").text


def test_an_incident_is_told_and_its_e_mails_released_after_the_consequence_was_shown(
    chloe: Page, app: Flask, world: World
) -> None:
    with app.app_context():
        make_connection(world.ana, now=clock.now())
        make_incident()
    assert "In trouble" in rows(chloe.get(LIST))["Demo Social"]
    chloe.get(f"{LIST}/demo-social").press_link("Release e-mails")
    assert chloe.heading == "Members will be asked to reconnect to Demo Social"
    chloe.submit("Release e-mails")
    assert "The e-mails are released" in chloe.text
    assert "Release e-mails" not in [link.text for link in chloe.all("a")]
    with app.app_context():
        assert [one.is_holding_mail for one in open_ones(world.chloe.asker)] == [False]
        assert len(events("incident:released")) == 1


def test_an_incident_that_concerns_nobody_here_is_neither_told_nor_released(
    chloe: Page, app: Flask, world: World
) -> None:
    with app.app_context():
        make_connection(world.eve, now=clock.now())
        make_incident()
        (incident,) = open_ones(world.eve.asker)
    assert "In trouble" not in chloe.get(LIST).text
    chloe.get(f"{LIST}/demo-social/incidents/{incident.id}/release", status=404)


@pytest.mark.parametrize(
    ("provider_id", "expected"),
    [
        ("vimeo", ["Without a known end.", "asked daily", "gives no refresh tokens", "Nobody by the clock"]),
        ("linkedin", ["60 days, unless", "within 365 days", "All the scopes", "Stay the same"]),
        ("google", ["1 hour", "Each refresh shows", "Nobody by the clock"]),
        ("github-app", ["ends the previous access token at once", "8 hours"]),
        ("facebook", ["exchanging", "asked daily", "within 60 days"]),
        ("atlassian", ["works for another 10 minutes", "Are replaced by each refresh"]),
    ],
)
def test_the_facts_say_what_the_file_says(context: Flask, provider_id: str, expected: list[str]) -> None:
    provider = context.extensions["reconsent"].catalog.get(provider_id)
    said = " | ".join(f"{fact.label}: {fact.sentence}" for fact in provider_facts.of(provider))
    for words in expected:
        assert words in said, said


def test_every_provider_of_the_catalog_has_facts_that_are_sentences(context: Flask) -> None:
    for provider in context.extensions["reconsent"].catalog.all:
        for fact in provider_facts.of(provider):
            assert fact.sentence.endswith("."), (provider.id, fact)
