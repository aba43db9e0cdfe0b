"""A browser without JavaScript for the tests: it keeps cookies, fills in forms, and checks every page it is shown."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from portal import clock
from portal.db import db
from portal.services import sessions
from tests.factories import Person

MOST_QUERIES = 20
HTML = "{http://www.w3.org/1999/xhtml}"


class Page:
    """The page last shown, and ways to get to the next one."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()
        self.response: TestResponse
        self.root: Element
        self.path = "/"
        self.most_queries = MOST_QUERIES

    def sign_in(self, person: Person) -> "Page":
        """Begin a session as a redeemed link would."""
        with self.app.app_context():
            token = sessions.begin(person.id, browser="Test browser", now=clock.now())
        with self.client.session_transaction() as cookie:
            cookie["_user_id"] = token
            cookie["_fresh"] = True
        return self

    def get(self, path: str, *, status: int = 200, follow: bool = True) -> "Page":
        """Open a page; redirects are followed unless told otherwise."""
        return self._open("GET", path, None, status=status, follow=follow)

    def submit(self, button: str, *, status: int = 200, follow: bool = True, nth: int = 0, **fields: Any) -> "Page":
        """Fill in `fields` of the form that has this button, and press it."""
        form, pressed = self._form_with(button)[nth]
        values = _values(form) | {name: value for name, value in fields.items() if value is not None}
        if pressed.get("name"):
            values[pressed.get("name", "")] = pressed.get("value", "")
        action = urljoin(self.path, pressed.get("formaction") or form.get("action") or self.path)
        method = (form.get("method") or "get").upper()
        return self._open(method, action, values, status=status, follow=follow)

    def press_link(self, text: str, **kwargs: Any) -> "Page":
        """Follow the link with this text."""
        links = [link for link in self.all("a") if _text(link) == text]
        assert links, f"no link {text!r} on {self.path}; there are {[_text(link) for link in self.all('a')]}"
        return self.get(urljoin(self.path, links[0].get("href", "")), **kwargs)

    @property
    def heading(self) -> str:
        return _text(self.all("h1")[0])

    @property
    def text(self) -> str:
        """The words of `<main>`, white space folded."""
        return _text(self.all("main")[0])

    @property
    def location(self) -> str:
        return self.response.headers.get("Location", "")

    @property
    def buttons(self) -> list[str]:
        return [_label(element) for element in self._buttons()]

    def all(self, tag: str) -> list[Element]:
        return list(self.root.iter(HTML + tag))

    def _open(self, method: str, path: str, data: dict[str, Any] | None, *, status: int, follow: bool) -> "Page":
        with counting_queries(self.app) as queries:
            if method == "GET":
                self.response = self.client.get(path, query_string=data)
            else:
                self.response = self.client.open(path, method=method, data=data)
        self.path = path
        _check_headers(self.response)
        assert len(queries) <= self.most_queries, f"{len(queries)} queries for {method} {path}"
        if follow and self.response.status_code in {301, 302, 303} and _is_own(self.location):
            assert method == "GET" or self.response.status_code == 303, "after POST always 303"
            return self._open("GET", self.location, None, status=status, follow=True)
        assert self.response.status_code == status, (
            f"{self.response.status} for {method} {path}: {self.response.text[:600]}"
        )
        if self.response.mimetype == "text/html" and self.response.status_code not in {301, 302, 303}:
            self.root = check_page(self.response.text)
        return self

    def _buttons(self) -> Iterator[Element]:
        for element in self.root.iter():
            if element.tag == HTML + "button" or (element.tag == HTML + "input" and element.get("type") == "submit"):
                yield element

    def _form_with(self, button: str) -> list[tuple[Element, Element]]:
        found = [(form, pressed) for form in self.all("form") for pressed in form.iter() if _is_button(pressed, button)]
        assert found, f"no form with the button {button!r} on {self.path}; there are {self.buttons}"
        return found


def check_page(html: str) -> Element:
    """Assert what every page of ours keeps to, and return its parsed root."""
    root: Element = html5lib.HTMLParser(strict=True).parse(html)
    headings = list(root.iter(HTML + "h1"))
    assert len(headings) == 1, f"{len(headings)} h1 elements"
    title = next(root.iter(HTML + "title"))
    assert _text(title).startswith(_text(headings[0])), f"title {_text(title)!r} does not begin with the heading"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), f"duplicate ids: {sorted({name for name in ids if ids.count(name) > 1})}"
    _check_inputs(root)
    _check_forms(root)
    _check_nothing_inline(root)
    return root


def _check_inputs(root: Element) -> None:
    labelled = {label.get("for") for label in root.iter(HTML + "label")}
    inside = {id(field) for label in root.iter(HTML + "label") for field in label.iter()}
    for tag in ("input", "select", "textarea"):
        for field in root.iter(HTML + tag):
            if field.get("type") in {"hidden", "submit"}:
                continue
            is_labelled = field.get("id") in labelled or id(field) in inside or field.get("aria-label")
            assert is_labelled, f"no label for {field.attrib}"


def _check_forms(root: Element) -> None:
    for form in root.iter(HTML + "form"):
        if (form.get("method") or "get").lower() == "post":
            names = [field.get("name") for field in form.iter(HTML + "input")]
            assert "csrf_token" in names, f"no CSRF token in the form {form.attrib}"


def _check_nothing_inline(root: Element) -> None:
    for element in root.iter():
        assert not element.get("style"), f"inline style on {element.tag}"
        assert not [name for name in element.attrib if name.startswith("on")], f"inline handler on {element.tag}"
    assert not list(root.iter(HTML + "style")), "an inline style sheet"
    for script in root.iter(HTML + "script"):
        assert script.get("src"), "an inline script"


def _check_headers(response: TestResponse) -> None:
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Frame-Options"] == "DENY"


class counting_queries:  # noqa: N801 - reads as the `with` it is made for
    """Collects the statements sent while the block runs."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            self.engine = db.engine
        self.statements: list[str] = []

    def __enter__(self) -> list[str]:
        event.listen(self.engine, "before_cursor_execute", self._note)
        return self.statements

    def __exit__(self, *_exc: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.statements.append(statement)


def _values(form: Element) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in form.iter():
        name, kind = field.get("name"), field.get("type")
        if not name or kind in {"submit", "button"}:
            continue
        if field.tag == HTML + "input" and (kind not in {"checkbox", "radio"} or field.get("checked") is not None):
            values[name] = field.get("value", "")
        elif field.tag == HTML + "textarea":
            values[name] = field.text or ""
        elif field.tag == HTML + "select":
            options = list(field.iter(HTML + "option"))
            chosen = [option for option in options if option.get("selected") is not None] or options[:1]
            values[name] = chosen[0].get("value", _text(chosen[0])) if chosen else ""
    return values


def _is_button(element: Element, label: str) -> bool:
    is_button = element.tag == HTML + "button" or (element.tag == HTML + "input" and element.get("type") == "submit")
    return is_button and _label(element) == label


def _label(element: Element) -> str:
    return element.get("value", "") if element.tag == HTML + "input" else _text(element)


def _text(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _is_own(location: str) -> bool:
    return not urlsplit(location).netloc or urlsplit(location).netloc in {"localhost", "portal.example:8000"}
