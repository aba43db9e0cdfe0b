"""What admins do with the people of their organization."""

from io import BytesIO

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Connection, Email, Member
from portal.models.email import EmailKind
from portal.rules.roles import Role
from tests.factories import Person, World, make_member
from tests.page import Page


@pytest.fixture
def chloe(page: Page, world: World) -> Page:
    return page.sign_in(world.chloe)


def listed(page: Page) -> list[str]:
    return ["".join(link.itertext()).split("  ")[0] for link in page.all("a") if link.get("class") == "two-lines"]


@transaction
def row(email: str) -> Member | None:
    return db.session.query(Member).filter_by(email=email).one_or_none()


def mails(app: Flask, email: str) -> list[tuple[EmailKind, str | None]]:
    with app.app_context():
        member = row(email)
        assert member is not None
        found = db.session.query(Email).filter_by(member_id=member.id).order_by(Email.id)
        return [(mail.kind, mail.place) for mail in found]


def upload(page: Page, text: str | bytes, **fields: str) -> Page:
    raw = text.encode() if isinstance(text, str) else text
    page.get("/admin/members/import")
    return page.submit("Check the file", file=(BytesIO(raw), "people.csv"), **fields)


def test_everybody_of_the_organization_is_listed_by_name(chloe: Page):
    chloe.get("/admin/members")
    assert chloe.heading == "Members"
    assert [name.split()[0] for name in listed(chloe)] == ["Ana", "Ben", "Chloe", "Dmitri"]
    assert "Team owner" in chloe.text
    assert "Eve" not in chloe.text


@pytest.mark.parametrize(
    ("words", "found"), [("alvar", ["Ana"]), ("BEN@", ["Ben"]), ("eve", []), ("%", []), ("'\"", [])]
)
def test_people_are_found_by_any_part_of_name_or_address(words: str, found: list[str], chloe: Page):
    chloe.get("/admin/members")
    chloe.submit("Search", search=words)
    assert [name.split()[0] for name in listed(chloe)] == found
    assert found or chloe.text.count("Nobody found") == 1


def test_long_lists_are_paged_without_losing_or_repeating_anybody(chloe: Page, app: Flask, world: World):
    with app.app_context():
        for number in range(120):
            make_member(world.acme, f"Person {number // 3:03}", f"p{number}@acme.example")
    chloe.get("/admin/members")
    seen = addresses(chloe)
    while any("Next page" in "".join(link.itertext()) for link in chloe.all("a")):
        chloe.press_link("Next page")
        seen += addresses(chloe)
    assert len(seen) == len(set(seen)) == 124
    chloe.press_link("First page")
    assert addresses(chloe) == seen[:50]


def addresses(page: Page) -> list[str]:
    return ["".join(small.itertext()) for small in page.all("small") if "@" in "".join(small.itertext())]


@pytest.mark.parametrize("after", ["x", "%00", "AAAA", "zzzz" * 50])
def test_a_cursor_that_is_none_is_refused(after: str, chloe: Page):
    chloe.get(f"/admin/members?after={after}", status=400)


@pytest.mark.parametrize("path", ["/admin/members/invite", "/admin/members/{ana}"])
def test_what_a_team_owner_may_see_is_told_where_roles_are_given(path: str, chloe: Page, world: World):
    chloe.get(path.format(ana=world.ana.id))
    assert "team owners also those of their team" in chloe.text


def test_an_invited_person_gets_one_email_that_leads_to_their_page(chloe: Page, app: Flask):
    chloe.get("/admin/members").press_link("Invite a person")
    chloe.submit("Send invitation", email=" Fay.Fox@ACME.example ", team="Press")
    assert chloe.heading == "Fay Fox"
    assert mails(app, "fay.fox@acme.example") == [(EmailKind.INVITATION, "/")]


def test_a_person_invited_to_connect_gets_one_email_that_leads_to_that_connection(chloe: Page, app: Flask):
    chloe.get("/admin/members/invite")
    chloe.submit(
        "Send invitation", email="fay@acme.example", name="Fay Fox", provider="demo-social", nickname="News page"
    )
    with app.app_context():
        connection = db.session.query(Connection).one()
        assert (connection.nickname, connection.provider_id, connection.state) == (
            "News page",
            "demo-social",
            "invited",
        )
    assert mails(app, "fay@acme.example") == [(EmailKind.INVITATION, f"/connections/{connection.id}")]


@pytest.mark.parametrize(
    ("entered", "complaint"),
    [
        ({"email": "nonsense"}, "Enter an e-mail address"),
        ({"email": ""}, "Enter an e-mail address"),
        ({"email": "ana@acme.example"}, "is a member already"),
        ({"email": "fay@acme.example", "name": "x" * 101}, "at most 100 characters"),
        ({"email": "fay@acme.example", "team": "x" * 61}, "at most 60 characters"),
        ({"email": "fay@acme.example", "role": "emperor"}, "Not a valid choice"),
        ({"email": "fay@acme.example", "provider": "linkedin"}, "Choose one of the providers"),
        ({"email": "fay@acme.example", "nickname": "a\u202eb"}, "invisible characters"),
    ],
)
def test_a_wrong_invitation_is_told_at_its_field_and_changes_nothing(
    entered: dict[str, str], complaint: str, chloe: Page, app: Flask
):
    chloe.get("/admin/members/invite")
    chloe.submit("Send invitation", status=422, **entered)
    assert complaint in chloe.text
    with app.app_context():
        assert db.session.query(Email).count() == 0
        assert db.session.query(Member).count() == 5


def test_all_that_is_wrong_with_an_invitation_is_said_at_once_and_nothing_typed_is_lost(chloe: Page, app: Flask):
    chloe.get("/admin/members/invite")
    typed = {
        "email": "ana@acme.example",
        "name": "x" * 101,
        "team": "\u202e",
        "role": "team_owner",
        "provider": "no-such",
        "nickname": "y" * 61,
    }
    chloe.submit("Send invitation", status=422, **typed)
    addresses = [link.get("href", "") for link in chloe.all("a")]
    told = {address.removeprefix("#") for address in addresses if address.startswith("#") and address != "#main"}
    assert told == {"email", "name", "team", "provider", "nickname"}
    assert "is a member already" in chloe.text
    fields = {field.get("name"): field.get("value") for field in chloe.all("input")}
    assert {name: fields[name] for name in ("email", "name", "nickname")} == {
        name: typed[name] for name in ("email", "name", "nickname")
    }
    chosen = [option.get("value") for option in chloe.all("option") if option.get("selected") is not None]
    assert chosen == ["team_owner"]
    assert mails(app, "ana@acme.example") == []


def test_the_address_of_another_organization_can_be_invited_here_too(chloe: Page, app: Flask, world: World):
    chloe.get("/admin/members/invite")
    chloe.submit("Send invitation", email=world.eve.email)
    with app.app_context():
        assert db.session.query(Member).filter_by(email=world.eve.email).count() == 2


def test_an_admin_changes_name_role_and_team(chloe: Page, app: Flask, world: World):
    chloe.get(f"/admin/members/{world.ana.id}")
    chloe.submit("Save", name="Ana Acosta", role="team_owner", team="")
    assert "Saved." in chloe.text
    with app.app_context():
        ana = row(world.ana.email)
        assert ana is not None
        assert (ana.name, ana.role, ana.team) == ("Ana Acosta", Role.TEAM_OWNER, None)


def test_the_last_admin_cannot_demote_herself(chloe: Page, world: World):
    chloe.get(f"/admin/members/{world.chloe.id}")
    chloe.submit("Save", role="member", status=422)
    assert "last org admin" in chloe.text


def test_the_last_admin_cannot_deactivate_herself(chloe: Page, world: World):
    chloe.get(f"/admin/members/{world.chloe.id}/deactivate")
    chloe.submit("Deactivate", status=409)
    assert chloe.heading == "This is the organization's last org admin"


def test_deactivating_says_first_what_it_means(chloe: Page, world: World):
    chloe.get(f"/admin/members/{world.ana.id}").press_link("Deactivate")
    assert chloe.heading == "Ana Alvarez will be signed out and cannot sign in again"
    chloe.submit("Deactivate")
    assert "cannot sign in and gets no e-mails" in chloe.text


def test_a_deactivated_member_is_out_at_once_and_may_come_back(chloe: Page, app: Flask, world: World):
    ana = Page(app).sign_in(world.ana)
    ana.get("/connections")
    chloe.get(f"/admin/members/{world.ana.id}/deactivate").submit("Deactivate")
    ana.get("/connections", status=302, follow=False)
    chloe.submit("Reactivate")
    assert "They can sign in again" in chloe.text
    ana.sign_in(world.ana).get("/connections")


def test_a_demoted_admin_is_signed_out_at_once(chloe: Page, app: Flask, world: World):
    with app.app_context():
        dora = make_member(world.acme, "Dora Dorn", "dora@acme.example", Role.ORG_ADMIN)
    other = Page(app).sign_in(dora)
    other.get("/admin/members")
    chloe.get(f"/admin/members/{dora.id}").submit("Save", role="member")
    other.get("/admin/members", status=302, follow=False)


def test_a_known_person_is_asked_to_connect(chloe: Page, app: Flask, world: World):
    chloe.get(f"/admin/members/{world.ana.id}").submit("Send request", provider="demo-video")
    assert "Asked." in chloe.text
    assert [kind for kind, _ in mails(app, world.ana.email)] == [EmailKind.INVITATION]


def test_an_invitation_is_sent_again(chloe: Page, app: Flask, world: World):
    chloe.get(f"/admin/members/{world.ana.id}").submit("Send invitation").submit("Send invitation again")
    assert len(mails(app, world.ana.email)) == 2


def test_a_file_is_shown_before_it_is_imported(chloe: Page, app: Flask):
    upload(chloe, "email,name,role,team\nfay@acme.example,Fay Fox,,Press\nana@acme.example,,,\n")
    assert chloe.heading == "This file is right"
    with app.app_context():
        assert row("fay@acme.example") is None
    chloe.submit("Import")
    assert "Imported: 1 added, 0 changed." in chloe.text
    with app.app_context():
        fay = row("fay@acme.example")
    assert fay is not None
    assert (fay.name, fay.role, fay.team, fay.invited_at) == ("Fay Fox", Role.MEMBER, "Press", None)
    upload(chloe, "email,name,role,team\nfay@acme.example,Fay Fox,,Press\n")
    assert chloe.heading == "Everybody in this file is here already"


def test_an_import_invites_when_told_to(chloe: Page, app: Flask):
    upload(chloe, "email,name,role,team\nfay@acme.example,,,\n", invite="y").submit("Import")
    assert mails(app, "fay@acme.example") == [(EmailKind.INVITATION, "/")]


def test_every_bad_line_of_a_file_is_named(chloe: Page, app: Flask):
    upload(chloe, "email,name,role,team\nx,,,\nfay@acme.example,,king,\nfay@acme.example\n", status=422)
    assert chloe.heading == "Nothing was imported: 3 lines to correct"
    assert [cell.text for cell in chloe.all("th") if cell.get("data-label") == "Line"] == ["2", "3", "4"]
    with app.app_context():
        assert row("fay@acme.example") is None


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"a;b\n", b"\x00" * 99, "email,name,role,team\né".encode("latin-1")])
def test_what_is_no_such_file_is_refused_in_words(raw: bytes, chloe: Page):
    upload(chloe, raw, status=422)
    assert "to correct" in chloe.heading


def test_a_file_that_is_too_large_is_for_the_command_line(chloe: Page):
    upload(chloe, b"x" * 400_000, status=422)
    assert "portal members import" in chloe.text


def test_no_file_is_told(chloe: Page):
    chloe.get("/admin/members/import").submit("Check the file", status=422)
    assert "Choose a file" in chloe.text


def test_a_tampered_file_is_refused(chloe: Page):
    upload(chloe, "email,name,role,team\nfay@acme.example,,,\n")
    chloe.submit("Import", content="not base64!", status=422)
    assert "to correct" in chloe.heading


@pytest.mark.parametrize(
    "path",
    ["", "/invite", "/import", "/{eve}", "/{eve}/deactivate"],
)
@pytest.mark.parametrize("who", ["ana", "dmitri"])
def test_nobody_but_org_admins_sees_these_pages(who: str, path: str, page: Page, world: World):
    person: Person = getattr(world, who)
    page.sign_in(person).get("/admin/members" + path.format(eve=world.eve.id), status=404)


@pytest.mark.parametrize("action", ["", "/deactivate", "/reactivate", "/invitation", "/connections"])
def test_another_organizations_people_are_not_there(action: str, chloe: Page, app: Flask, world: World):
    if action in {"", "/deactivate"}:
        chloe.get(f"/admin/members/{world.eve.id}{action}", status=404)
    chloe.get(f"/admin/members/{world.ana.id}")
    token = next(field.get("value") for field in chloe.all("input") if field.get("name") == "csrf_token")
    response = chloe.client.post(f"/admin/members/{world.eve.id}{action}", data={"csrf_token": token, "role": "member"})
    assert response.status_code == 404
    with app.app_context():
        eve = row(world.eve.email)
        assert eve is not None
        assert (eve.role, eve.deactivated_at, eve.invited_at) == (Role.ORG_ADMIN, None, None)
