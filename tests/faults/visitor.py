"""A browser over real HTTP, without scripts: keeps cookies, reads forms, presses buttons."""

from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import requests

HTML = "{http://www.w3.org/1999/xhtml}"
TIMEOUT_S = 60


class Visitor:
    """Somebody at one web process; `at` leads the same browser to another one."""

    def __init__(self, url: str, *, network: str | None = None) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.headers.update({"User-Agent": "Test browser", "Connection": "close"})
        if network:
            self.http.headers["X-Forwarded-For"] = network
        self.answer: requests.Response

    def at(self, url: str) -> "Visitor":
        """The same cookies, kept, shown to another process."""
        other = Visitor(url)
        other.http.cookies.update(self.http.cookies.get_dict())
        return other

    def get(self, place: str, *, method: str = "GET") -> "Visitor":
        """Open a page and follow nothing; a whole address counts by its path and query."""
        self.answer = self.http.request(method, self._address(place), allow_redirects=False, timeout=TIMEOUT_S)
        return self

    def submit(self, button: str, **fields: str) -> "Visitor":
        """Press the button on the page last opened; what it answers is not followed."""
        form, pressed = self._form_of(button)
        values = _hidden(form) | fields
        if pressed.get("name"):
            values[pressed.get("name", "")] = pressed.get("value", "")
        action = pressed.get("formaction") or form.get("action") or urlsplit(self.answer.url).path
        address = self._address(urljoin(self.answer.url, action))
        self.answer = self.http.post(address, data=values, allow_redirects=False, timeout=TIMEOUT_S)
        return self

    def follow(self) -> "Visitor":
        """Go where the answer leads, as long as it leads somewhere here."""
        while self.leads_to and not self.leads_elsewhere:
            self.get(self.leads_to)
        return self

    def come_in(self, link: str) -> "Visitor":
        """Open a login link and press its button."""
        return self.get(link).submit("Continue")

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def leads_to(self) -> str:
        return self.answer.headers.get("Location", "")

    @property
    def leads_elsewhere(self) -> bool:
        return urlsplit(self.leads_to).netloc not in {"", urlsplit(self.url).netloc}

    @property
    def heading(self) -> str:
        return _text(next(self._root.iter(f"{HTML}h1")))

    @property
    def buttons(self) -> list[str]:
        return [_text(button) for button in self._root.iter(f"{HTML}button")]

    @property
    def _root(self) -> Element:
        root: Element = html5lib.parse(self.answer.text)
        return root

    def _address(self, place: str) -> str:
        parts = urlsplit(place)
        return f"{self.url}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def _form_of(self, button: str) -> tuple[Element, Element]:
        for form in self._root.iter(f"{HTML}form"):
            for pressed in form.iter(f"{HTML}button"):
                if _text(pressed) == button:
                    return form, pressed
        raise AssertionError(f"{self.status}, no button {button!r}; there are {self.buttons}: {self.answer.text[:500]}")


def _hidden(form: Element) -> dict[str, Any]:
    inputs = form.iter(f"{HTML}input")
    return {one.get("name", ""): one.get("value", "") for one in inputs if one.get("type") == "hidden"}


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
