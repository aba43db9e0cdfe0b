"""My connections: the list, a connection's page, its name, its end."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask

from portal import clock
from portal.extensions import parts
from portal.rules.status import HOLDING, ConnectionState
from portal.services import api_keys, connections, key_uses
from tests.crowd import set_grant
from tests.factories import Person, World, make_connection
from tests.page import Page


@pytest.fixture
def ana(page: Page, world: World) -> Page:
    return page.sign_in(world.ana)


def connection_of(app: Flask, owner: Person, **details: object) -> UUID:
    with app.app_context():
        return make_connection(owner, now=clock.now(), **details)  # type: ignore[arg-type]


def test_somebody_new_is_told_how_to_begin(ana: Page) -> None:
    ana.get("/connections")
    assert ana.heading == "My connections"
    assert "Nothing is connected yet" in ana.text
    assert ana.press_link("Connect").heading == "Connect a provider"


@pytest.mark.usefixtures("still_clock")
def test_the_list_shows_status_next_date_and_what_can_be_done(ana: Page, app: Flask, world: World) -> None:
    connection_of(app, world.ana, nickname="Press", consent_ends_in=timedelta(days=3))
    ana.get("/connections")
    for words in ("Press", "Demo Social", "Ending", "in 3 days", "Rename", "Disconnect"):
        assert words in ana.text
    assert "Reconnect" in ana.buttons


def test_the_list_asks_the_database_as_often_for_many_as_for_one(ana: Page, app: Flask, world: World) -> None:
    for number in range(30):
        connection_of(app, world.ana, nickname=f"Page {number}")
    ana.most_queries = 6
    assert "Page 29" in ana.get("/connections").text


def test_nothing_is_said_about_the_provider_of_what_is_only_asked_for(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, state=ConnectionState.INVITED, consent_ends_in=None)
    assert "The provider names none" not in ana.get(f"/connections/{connection_id}").text


def test_the_page_names_the_backends_that_may_use_it(ana: Page, app: Flask, world: World) -> None:
    place = f"/connections/{connection_of(app, world.ana)}"
    assert "No backend of your organization so far" in ana.get(place).text
    with app.app_context():
        now = clock.now()
        api_keys.create(world.chloe.asker, "Archive", now=now)
        api_keys.create(world.chloe.asker, "Ended", now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
        revoked, _ = api_keys.create(world.chloe.asker, "Revoked", now=now)
        api_keys.revoke(world.chloe.asker, revoked.id, now=now)
        api_keys.create(world.eve.asker, "Foreign", now=now)
    text = ana.get(place).text
    assert "Archive" in text
    assert not [name for name in ("Ended", "Revoked", "Foreign") if name in text]


def test_both_pages_say_that_refreshing_fails_and_what_to_do(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana)
    chloe = Page(app).sign_in(world.chloe)
    own, admins = f"/connections/{connection_id}", f"/admin/connections/{connection_id}"
    assert not [text for text in (ana.get(own).text, chloe.get(admins).text) if "cannot be refreshed" in text]
    with app.app_context():
        now = clock.now()
        set_grant(connection_id, failures=9, failing_since=now - timedelta(hours=2), last_fault="app-config")
    for page, place, advice in ((ana, own, "“Reconnect” often helps"), (chloe, admins, "have its member reconnect it")):
        text = page.get(place).text
        for words in ("Demo Social refuses our app", "we go on trying", "Backends get the present token until", advice):
            assert words in text
    with app.app_context():
        set_grant(connection_id, access_expires_at=now)
    assert "No backend gets a token for it since" in ana.get(own).text


def test_both_pages_say_what_stops_when_it_ends(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana)
    with app.app_context():
        now = clock.now()
        for name in ("Archive", "Billing"):
            key, _ = api_keys.create(world.chloe.asker, name, now=now)
        assert "Nothing stops when it ends" in ana.get(f"/connections/{connection_id}").text
        key_uses.note(key.id, connection_id, world.acme, now)
        assert parts().use_counts.write_now()
    for text in (
        ana.get(f"/connections/{connection_id}").text,
        Page(app).sign_in(world.chloe).get(f"/admin/connections/{connection_id}").text,
    ):
        assert "When it ends, Billing stops getting tokens for it." in text
        assert "Archive Never so far" in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ConnectionState.INVITED, "You are asked to connect it"),
        (ConnectionState.NEEDS_RECONSENT, "We cannot keep it alive any more"),
        (ConnectionState.DISPLACED, "Somebody else connected the same login"),
        (ConnectionState.DISCONNECTED, "No backend gets a token for it"),
    ],
)
def test_the_page_says_how_it_stands_and_what_to_do(
    ana: Page, app: Flask, world: World, state: ConnectionState, words: str
) -> None:
    connection_id = connection_of(app, world.ana, state=state, consent_ends_in=None)
    assert words in ana.get(f"/connections/{connection_id}").text


@pytest.mark.parametrize(("days", "words"), [(5, "It ends soon"), (-1, "It has ended"), (30, "You are next needed")])
def test_the_page_says_when_a_human_is_next_needed(ana: Page, app: Flask, world: World, days: int, words: str) -> None:
    connection_id = connection_of(app, world.ana, consent_ends_in=timedelta(days=days))
    assert words in ana.get(f"/connections/{connection_id}").text


def test_an_invited_connection_is_connected_not_reconnected(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, state=ConnectionState.INVITED, consent_ends_in=None)
    ana.get(f"/connections/{connection_id}")
    assert "Connect" in ana.buttons
    assert "Reconnect" not in ana.buttons


def test_a_nickname_can_be_changed(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, nickname="Press")
    ana.get(f"/connections/{connection_id}").press_link("Rename")
    assert ana.heading == "Rename “Press”"
    ana.submit("Save nickname", nickname="  Newsroom ")
    assert ana.heading == "Newsroom"
    assert "Nickname saved." in ana.text
    assert "Renamed to “Newsroom”" in ana.text


@pytest.mark.parametrize("nickname", ["", " ", "x" * 61, "a\u202eb", "two\nlines"])
def test_a_wrong_nickname_is_said_so_at_its_field(ana: Page, app: Flask, world: World, nickname: str) -> None:
    connection_id = connection_of(app, world.ana, nickname="Press")
    ana.get(f"/connections/{connection_id}/nickname").submit("Save nickname", status=422, nickname=nickname)
    assert "There is a problem" in ana.text
    assert ana.get(f"/connections/{connection_id}").heading == "Press"


def test_a_nickname_is_shown_as_it_was_typed_and_never_as_markup(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, nickname='<b>Press</b> & "co"')
    ana.get(f"/connections/{connection_id}")
    assert ana.heading == '<b>Press</b> & "co"'
    assert '<b>Press</b> & "co"' in ana.get("/connections").text


def test_disconnecting_is_asked_for_with_its_consequence_and_a_way_out(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, nickname="Press")
    ana.get(f"/connections/{connection_id}").press_link("Disconnect")
    assert ana.heading == "“Press” will stop working for your organization"
    assert ana.press_link("Keep it connected").heading == "Press"
    ana.press_link("Disconnect").submit("Disconnect")
    assert "Disconnected here. The provider has not confirmed its part yet" in ana.text
    assert "Disconnect" not in [link.text for link in ana.all("a")]


def test_where_the_provider_cannot_end_an_access_the_pages_promise_nothing(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, nickname="Press", provider_id="linkedin")
    ana.get(f"/connections/{connection_id}/disconnect")
    no_way = "LinkedIn has no way for us to end the access there"
    assert no_way in ana.text
    assert "We ask LinkedIn" not in ana.text
    ana.submit("Disconnect")
    assert "Disconnected here. The provider has no way for us to end its part." in ana.text
    assert f"{no_way}. We have forgotten its tokens. You can end it yourself at LinkedIn." in ana.text
    assert [link.get("href") for link in ana.all("a") if "linkedin.com" in link.get("href", "")] != []


def test_where_the_provider_may_be_asked_the_page_promises_to_ask(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana)
    assert "We ask Demo Social to end the access there too" in ana.get(f"/connections/{connection_id}/disconnect").text
    invited = connection_of(app, world.ana, state=ConnectionState.INVITED, consent_ends_in=None)
    assert "to end the access there" not in ana.get(f"/connections/{invited}/disconnect").text


def test_a_revocation_given_up_is_not_said_to_be_tried_again(ana: Page, app: Flask, world: World) -> None:
    with app.app_context():
        begun = clock.now() - timedelta(days=7)
        connection_id = make_connection(world.ana, now=begun)
        connections.disconnect(world.ana.asker, connection_id, now=begun)
    ana.get(f"/connections/{connection_id}")
    assert "has never confirmed that the access is ended there" in ana.text
    assert "We try again" not in ana.text


@pytest.mark.parametrize("state", ConnectionState)
def test_where_a_provider_is_not_set_up_only_live_connections_are_said_to_go_on(
    ana: Page, app: Flask, world: World, state: ConnectionState
) -> None:
    connection_id = connection_of(app, world.ana, provider_id="linkedin", state=state, consent_ends_in=None)
    ana.get(f"/connections/{connection_id}")
    assert "LinkedIn is not set up here at the moment" in ana.text
    assert ("keeps working as long as it can" in ana.text) is (state in HOLDING)


def test_the_calendar_file_is_for_the_connections_own_date(ana: Page, app: Flask, world: World) -> None:
    connection_id = connection_of(app, world.ana, nickname="Press")
    ana.get(f"/connections/{connection_id}").press_link("Add to calendar")
    assert ana.response.mimetype == "text/calendar"
    assert "attachment" in ana.response.headers["Content-Disposition"]
    assert f"http://portal.example:8000/connections/{connection_id}" in ana.response.text.replace("\r\n ", "")


@pytest.mark.parametrize("path", ["", "/nickname", "/disconnect", "/calendar.ics"])
@pytest.mark.parametrize("who", ["ben", "dmitri"])
def test_somebody_elses_connection_is_the_same_404_as_none(
    page: Page, app: Flask, world: World, path: str, who: str
) -> None:
    anas = connection_of(app, world.ana)
    page.sign_in(getattr(world, who))
    foreign = page.get(f"/connections/{anas}{path}", status=404).text
    missing = page.get(f"/connections/{uuid4()}{path}", status=404).text
    assert foreign == missing


@pytest.mark.parametrize("path", ["reconsent", "nickname", "disconnect"])
def test_nobody_changes_somebody_elses_connection(page: Page, app: Flask, world: World, path: str) -> None:
    anas = connection_of(app, world.ana, nickname="Press")
    page.sign_in(world.ben).get("/connections")
    token = _csrf_of(page)
    answer = page.client.post(f"/connections/{anas}/{path}", data={"csrf_token": token, "nickname": "Mine"})
    assert answer.status_code == 404
    page.sign_in(world.ana).get(f"/connections/{anas}")
    assert page.heading == "Press"
    assert "Active" in page.text


@pytest.mark.parametrize("path", ["reconsent", "nickname", "disconnect"])
def test_a_change_without_our_own_form_is_refused(ana: Page, app: Flask, world: World, path: str) -> None:
    connection_id = connection_of(app, world.ana)
    assert ana.client.post(f"/connections/{connection_id}/{path}", data={"nickname": "x"}).status_code == 400


def test_without_a_choice_nothing_is_connected(ana: Page) -> None:
    ana.get("/connections/new").submit("Connect", status=422)
    assert "Choose a provider." in ana.text


def test_a_provider_that_is_not_offered_cannot_be_chosen(ana: Page) -> None:
    ana.get("/connections/new").submit("Connect", status=422, provider="no-such-provider")
    assert "Choose one of the providers in the list." in ana.text


def test_a_provider_that_does_not_answer_is_said_so(ana: Page) -> None:
    ana.get("/connections/new").submit("Connect", status=503, provider="demo-social")
    assert ana.heading == "The provider does not answer as it should right now"


def _csrf_of(page: Page) -> str:
    fields = [field for field in page.all("input") if field.get("name") == "csrf_token"]
    return fields[0].get("value", "")
