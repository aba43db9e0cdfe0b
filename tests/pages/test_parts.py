"""The parts of pages, drawn in an app that has nothing but templates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from flask import Blueprint, Flask, g, render_template_string
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import StrictUndefined
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, DataRequired

import portal
from portal import filters
from tests.page import HTML, check_page

STATIC = Path(portal.__file__).parent / "static"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROBLEMS = [400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503]
STATUSES = {
    "active": "Active", "ending": "Ending", "ended": "Ended", "needs_reconsent": "Needs reconsent",
    "displaced": "Displaced", "disconnected": "Disconnected", "invited": "Invited",
}  # fmt: skip
VIEWS = ["my_connections", "team", "dashboard", "service_connections", "providers", "members", "settings", "audit"]
WAYS = ["My connections", "Connections", "Service keys", "Providers", "Members", "Settings", "Audit log"]
PAGE = """
{% extends "layouts/signed_in.html" %}
{% from "components/forms.html" import error_summary, field, post_button, post_form, submit %}
{% from "components/forms.html" import filter_search, filter_select, filters %}
{% from "components/pictures.html" import ends_chart, tile, tiles %}
{% from "components/status.html" import status_badge %}
{% from "components/moments.html" import moment, moment_lines, exactly %}
{% from "components/tables.html" import pager, table %}
{% block heading %}Tom & “Jerry”{% endblock %}
{% block content %}PART{% endblock %}
"""

REJECTED = """{{ error_summary(form) }}
{% call post_form() %}
{% for control in form %}{{ field(control, hint="A hint") }}{% endfor %}
{{ submit("Save") }}
{% endcall %}"""


@dataclass
class Someone:
    role: str = "member"
    name: str = "Ana <Alvarez>"
    email: str = "ana@acme.example"
    organization_name: str = "Acme"


@dataclass(frozen=True)
class Week:
    starts_on: date
    count: int


class Wishes(FlaskForm):  # type: ignore[misc] # flask-wtf ships no types
    words = StringField("Your words", [DataRequired("Say something.")])
    zone = SelectField("Time zone", choices=[SelectChoice("UTC", "UTC")], validators=[AnyOf(["X"], "Choose a zone.")])
    note = TextAreaField("Note")
    agreed = BooleanField("I agree", [DataRequired("Tick this.")])
    role = RadioField(
        "Role",
        choices=[SelectChoice("a", "One"), SelectChoice("b", "Other")],
        validators=[DataRequired("Choose a role.")],
    )


class Drawing:
    def __init__(self) -> None:
        self.app = Flask("portal")
        self.app.config.update(SECRET_KEY="k" * 40, WTF_CSRF_TIME_LIMIT=None)
        self.app.jinja_env.undefined = StrictUndefined
        CSRFProtect(self.app)
        filters.register(self.app)
        for name in [*VIEWS, "sign_in"]:
            blueprint = Blueprint(name, name)
            for endpoint in ("index", "sign_out", "own_sessions"):
                blueprint.add_url_rule(f"/{name}/{endpoint}", endpoint, lambda: "", methods=["GET", "POST"])
            self.app.register_blueprint(blueprint)

    def page(self, part: str, **given: Any) -> Element:
        return check_page(self.html(PAGE.replace("PART", part), **given))

    def html(self, template: str, *, path: str = "/dashboard/index", **given: Any) -> str:
        with self.app.test_request_context(path):
            g.now = NOW
            return render_template_string(template, **{"current_user": Someone(), "now": NOW, "zone": "UTC"} | given)

    def rejected(self) -> Element:
        with self.app.test_request_context("/dashboard/index", method="POST"):
            form = Wishes(meta={"csrf": False})
            assert not form.validate()
        return self.page(REJECTED, form=form)


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return Drawing()


def text_of(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def elements(root: Element, tag: str, **attributes: str) -> Iterator[Element]:
    wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    for element in root.iter(HTML + tag):
        if all(element.get(name) == value for name, value in wanted.items()):
            yield element


def test_a_title_begins_with_the_heading_however_it_is_spelt(drawing: Drawing) -> None:
    title = next(elements(drawing.page(""), "title"))
    assert text_of(title) == "Tom & “Jerry” – Reconsent"


def test_members_see_their_own_connections_in_the_bar_alone(drawing: Drawing) -> None:
    nav = next(elements(drawing.page(""), "nav", aria_label="Main"))
    assert [text_of(link) for link in nav.iter(HTML + "a")] == ["My connections"]


def test_org_admins_see_every_way_and_where_they_are(drawing: Drawing) -> None:
    nav = next(elements(drawing.page("", current_user=Someone("org_admin")), "nav", aria_label="Main"))
    links = list(nav.iter(HTML + "a"))
    assert [text_of(link) for link in links] == WAYS
    assert [text_of(link) for link in links if link.get("aria-current") == "page"] == ["Connections"]


def test_every_rejected_field_says_why_and_is_reached_from_the_summary(drawing: Drawing) -> None:
    root = drawing.rejected()
    summary = next(elements(root, "div", role="alert"))
    targets = [link.get("href", "")[1:] for link in summary.iter(HTML + "a")]
    assert targets == ["words", "zone", "agreed", "role-0"]
    assert set(targets) <= {element.get("id") for element in root.iter()}


def test_fields_name_their_hint_and_their_error(drawing: Drawing) -> None:
    root = drawing.rejected()
    ids = {element.get("id"): text_of(element) for element in root.iter() if element.get("id")}
    control = next(elements(root, "input", id="words"))
    assert control.get("aria-invalid") == "true"
    assert [ids[name] for name in control.get("aria-describedby", "").split()] == ["A hint", "Say something."]


def test_a_choice_of_several_is_a_group_with_its_question(drawing: Drawing) -> None:
    group = next(elements(drawing.rejected(), "fieldset"))
    assert text_of(next(group.iter(HTML + "legend"))) == "Role"
    assert len(list(elements(group, "input", type="radio"))) == 2


@pytest.mark.parametrize(("status", "word"), STATUSES.items())
def test_a_status_has_shape_colour_and_word(drawing: Drawing, status: str, word: str) -> None:
    root = drawing.page("{{ status_badge(status) }}", status=status)
    badge = next(element for element in root.iter(HTML + "span") if (element.get("class") or "").startswith("status "))
    assert text_of(badge) == word
    assert f".{badge.get('class', '').split()[1]}" in (STATIC / "parts.css").read_text("utf-8")
    shape = next(element.get("href", "") for element in badge.iter() if element.tag.endswith("use"))
    assert f'id="{shape.partition("#")[2]}"' in (STATIC / "icons.svg").read_text("utf-8")


def test_a_moment_is_told_in_days_with_its_date(drawing: Drawing) -> None:
    at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    time = next(elements(drawing.page("{{ moment(at, zone) }}", at=at), "time"))
    assert text_of(time) == "in 12 days (2 December 2026)"
    assert time.get("datetime") == "2026-12-02T09:00:00+00:00"


def test_a_moment_nobody_knows_says_so(drawing: Drawing) -> None:
    root = drawing.page("<p>{{ moment(none, zone) }}, {{ exactly(none, zone, 'never') }}</p>")
    assert "Not known, never" in text_of(next(elements(root, "main")))


def test_a_button_that_posts_carries_the_token_and_what_it_was_given(drawing: Drawing) -> None:
    root = drawing.page('{{ post_button("/x", "Replace", hidden={"choice": "replace"}, described_by="row") }}')
    form = next(elements(root, "form", action="/x"))
    assert {field.get("name") for field in form.iter(HTML + "input")} == {"csrf_token", "choice"}
    assert next(form.iter(HTML + "button")).get("aria-describedby") == "row"


def test_filters_keep_what_was_asked_for(drawing: Drawing) -> None:
    part = """{% call filters("/x", clear_url="/x") %}{{ filter_search("q", "Search", "<ana>") }}
    {{ filter_select("status", "Status", [("", "Any"), ("ended", "Ended")], "ended") }}{% endcall %}"""
    root = drawing.page(part)
    assert next(elements(root, "input", name="q")).get("value") == "<ana>"
    assert [text_of(option) for option in root.iter(HTML + "option") if option.get("selected") is not None] == ["Ended"]


def test_a_table_has_a_caption_and_named_columns(drawing: Drawing) -> None:
    part = """{% call table("People", ["Name", ("Count", "is-number"), ("Actions", "is-actions")]) %}
    <tr><th scope="row">Ana</th><td>1</td><td></td></tr>{% endcall %}"""
    root = drawing.page(part)
    assert text_of(next(elements(root, "caption"))) == "People"
    assert [text_of(head) for head in elements(root, "th", scope="col")] == ["Name", "Count", "Actions"]


def test_the_last_page_offers_the_first_and_no_next_one(drawing: Drawing) -> None:
    root = drawing.page('{{ pager(none, "/x", "12 of 62") }}')
    pages = next(elements(root, "nav", aria_label="Pages"))
    assert [text_of(link) for link in pages.iter(HTML + "a")] == ["First page"]


def test_the_picture_tells_in_words_and_in_a_table_what_it_shows(drawing: Drawing) -> None:
    counts = {16: 3, 23: 0, 30: 1200}
    weeks = tuple(Week(date(2026, 11, day), count) for day, count in counts.items())
    root = drawing.page("{{ ends_chart(weeks, soon=1) }}", weeks=weeks)
    picture = next(element for element in root.iter() if element.get("role") == "img")
    assert picture.get("aria-label") == "1,203 connections end in the next 3 weeks; most in the week of 30 Nov: 1,200."
    figure = next(elements(root, "figure"))
    assert [text_of(cell) for cell in figure.iter(HTML + "td")] == ["3", "0", "1,200"]
    assert [text_of(cell) for cell in elements(figure, "th", scope="row")] == ["16 Nov", "23 Nov", "30 Nov"]


def test_the_picture_says_whose_days_it_counts(drawing: Drawing) -> None:
    root = drawing.page("{{ ends_chart(weeks) }}", weeks=(Week(date(2026, 11, 16), 1),))
    assert "days in UTC" in text_of(next(elements(root, "figcaption")))


def test_a_part_that_is_remembered_is_drawn_for_each_choice_and_escapes_it(drawing: Drawing) -> None:
    choices = [("a", "Ana & <b>Ben</b>"), ("b", "Other")]
    for chosen in ("a", "b", "a"):
        root = drawing.page(
            '{{ drawn(filter_select, "team", "Team", choices, chosen) }}', choices=choices, chosen=chosen
        )
        options = list(root.iter(HTML + "option"))
        assert [text_of(one) for one in options] == ["Ana & <b>Ben</b>", "Other"]
        assert [one.get("value") for one in options if one.get("selected") is not None] == [chosen]


def test_the_picture_of_nothing_says_so(drawing: Drawing) -> None:
    root = drawing.page("{{ ends_chart(weeks) }}", weeks=(Week(date(2026, 11, 16), 0),))
    picture = next(element for element in root.iter() if element.get("role") == "img")
    assert picture.get("aria-label") == "No connection ends in the next 1 weeks."


@pytest.mark.parametrize("status", PROBLEMS)
def test_a_problem_page_says_what_happened_what_works_and_what_to_do(drawing: Drawing, status: int) -> None:
    template = '{% extends "problems/problem.html" %}'
    html = drawing.html(template, title="It & that", sentence="All is safe.", what_next="Try again.", status=status)
    main = text_of(next(elements(check_page(html), "main")))
    assert main == f"It & that All is safe. Try again. Go to the start page Problem {status}"


def test_names_people_chose_are_never_markup(drawing: Drawing) -> None:
    assert "Ana <Alvarez>" in text_of(next(elements(drawing.page(""), "header")))
