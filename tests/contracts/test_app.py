"""What must hold for the whole app, whatever is added to it."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal import access, clock
from portal.access import Mark
from portal.models.email import EmailKind
from portal.rules.happenings import SENTENCES
from portal.rules.roles import Role
from portal.services import schema
from portal.services.audit import EventKind
from tests.factories import World, make_connection, make_member
from tests.page import Page, check_page

TEMPLATES = Path(access.__file__).parent / "templates"
BEHIND_A_DOOR = {Mark.SIGNED_IN, Mark.TEAM_OWNER, Mark.ORG_ADMIN, Mark.API_KEY}
NOT_FOR_MEMBERS = {Mark.TEAM_OWNER, Mark.ORG_ADMIN}
REFUSED = {302, 303, 400, 401, 403, 404, 405, 409, 410, 415, 422, 429, 503}


def rules(app: Flask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint != "static":
            yield rule


def path_of(rule: Rule, world_ids: dict[str, object]) -> str:
    """The rule's address with ids of Acme's things, or made-up ones."""
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(world_ids.get(found[1], uuid4())), rule.rule)


@pytest.fixture
def ids(app: Flask, world: World) -> dict[str, object]:
    with app.app_context():
        connection_id = make_connection(world.ana, nickname="Secret nickname", now=clock.now())
    return {
        "connection_id": connection_id,
        "member_id": world.ana.id,
        "provider_id": "demo-social",
        "name": "x",
        "token": "x",
    }


def test_every_view_carries_an_access_mark(app: Flask):
    assert {name for name, view in app.view_functions.items() if access.mark_of(view) is None} == set()


def test_an_unmarked_view_does_not_start(app: Flask):
    app.view_functions["forgotten"] = lambda: "open to all"
    with pytest.raises(RuntimeError, match="forgotten"):
        access.guard_everything(app)


def test_nobody_reaches_a_page_behind_a_mark_without_signing_in(app: Flask, ids: dict[str, object]):
    client = app.test_client()
    for method in ("GET", "POST"):
        for rule in rules(app, method):
            if access.mark_of(app.view_functions[rule.endpoint]) in BEHIND_A_DOOR:
                response = client.open(path_of(rule, ids), method=method)
                assert response.status_code in {302, 303, 400, 401}, f"{method} {rule.rule}: {response.status}"
                assert "Secret nickname" not in response.text


def test_members_find_no_admin_page(page: Page, app: Flask, world: World, ids: dict[str, object]):
    page.sign_in(world.ana)
    for rule in rules(app, "GET"):
        if access.mark_of(app.view_functions[rule.endpoint]) in NOT_FOR_MEMBERS:
            response = page.client.get(path_of(rule, ids))
            assert response.status_code == 404, f"{rule.rule}: {response.status}"


def test_a_foreign_admin_sees_nothing_of_the_organization(page: Page, app: Flask, world: World, ids: dict[str, object]):
    page.sign_in(world.eve)
    for rule in rules(app, "GET"):
        response = page.client.get(path_of(rule, ids))
        assert response.status_code < 500 or response.status_code == 503, f"{rule.rule}: {response.status}"
        for secret in ("Secret nickname", "ana@acme.example", "Ana Alvarez"):
            assert secret not in response.text, rule.rule
        if {"connection_id", "member_id"} & rule.arguments and not rule.rule.startswith("/api/"):
            assert response.status_code == 404, f"{rule.rule}: {response.status}"


def test_a_foreign_team_owner_of_the_same_team_name_sees_nothing_of_the_organization(
    page: Page, app: Flask, world: World, ids: dict[str, object]
):
    with app.app_context():
        owner = make_member(world.globex, "Fay Fox", "fay@globex.example", Role.TEAM_OWNER, team="Press")
    page.sign_in(owner)
    for rule in rules(app, "GET"):
        response = page.client.get(path_of(rule, ids))
        for secret in ("Secret nickname", "ana@acme.example", "Ana Alvarez"):
            assert secret not in response.text, rule.rule


def test_every_form_refuses_to_be_sent_without_its_csrf_token(
    page: Page, app: Flask, world: World, ids: dict[str, object]
):
    page.sign_in(world.chloe)
    for rule in rules(app, "POST"):
        if not rule.rule.startswith("/api/"):
            response = page.client.post(path_of(rule, ids), data={})
            assert response.status_code == 400, f"{rule.rule}: {response.status}"


def test_every_page_keeps_the_invariants_for_everybody(page: Page, app: Flask, world: World, ids: dict[str, object]):
    for person in (world.chloe, world.dmitri, world.ana):
        page.sign_in(person)
        for rule in rules(app, "GET"):
            response = page.client.get(path_of(rule, ids))
            assert response.status_code == 200 or response.status_code in REFUSED, f"{rule.rule}: {response.status}"
            if response.mimetype == "text/html" and response.status_code not in {302, 303}:
                check_page(response.text)


def test_looking_changes_nothing(page: Page, app: Flask, world: World, ids: dict[str, object]):
    """HEAD is what scanners send: no view may do more for it than for GET, and none may fail."""
    page.sign_in(world.chloe)
    for rule in rules(app, "HEAD"):
        assert page.client.head(path_of(rule, ids)).status_code < 500 or rule.endpoint == "health.ready", rule.rule


@pytest.mark.parametrize("path", ["/nowhere", "/connections/not-a-uuid", "/admin/%00", "/api/v1/nowhere", "/%ff"])
def test_what_is_not_there_is_a_page_that_helps(app: Flask, path: str):
    response = app.test_client().get(path)
    assert response.status_code in {302, 404}
    if response.mimetype == "text/html" and response.status_code == 404:
        check_page(response.text)


@pytest.mark.parametrize("kind", list(EmailKind))
def test_every_kind_of_email_has_its_three_files(kind: EmailKind):
    assert {path.name for path in (TEMPLATES / "emails" / kind).iterdir()} == {"subject.txt", "body.txt", "body.html"}


def test_every_kind_of_event_has_its_sentence_and_no_sentence_is_left_over():
    assert SENTENCES.keys() == set(EventKind)


@pytest.mark.both_databases
def test_migrations_and_models_agree(context: Flask):
    assert schema.version().is_current
    assert schema.differences() == []
