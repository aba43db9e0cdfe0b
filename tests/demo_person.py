"""A person at the demo provider's pages, over HTTP: fills forms in as they come, without a browser."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from tests.demo_provider import Callback, Client, callback_of

SCOPE = "openid profile email pages.read pages.publish"


class Form(HTMLParser):
    """The fields of a page's form as a browser would send them untouched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            self.inputs.append(dict(attributes))

    def sent(self) -> list[tuple[str, str]]:
        chosen = [one for one in self.inputs if one.get("type") == "hidden" or "checked" in one]
        return [(str(one["name"]), str(one["value"])) for one in chosen]

    def values(self, name: str) -> list[str | None]:
        return [one["value"] for one in self.inputs if one.get("name") == name]

    def checked(self, name: str) -> list[str | None]:
        return [one["value"] for one in self.inputs if one.get("name") == name and "checked" in one]


class Person:
    """Keeps cookies and follows redirects as long as they stay at the provider."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.http = client.provider.http

    def ask(self, **changes: str | None) -> requests.Response:
        url = self.client.authorize_url(**({"scope": SCOPE} | changes))
        return self.follow(self.http.get(url, allow_redirects=False, timeout=20))

    def sign_in(self, page: requests.Response, sub: str) -> requests.Response:
        return self.submit(page, ("login", sub))

    def decide(self, page: requests.Response, decision: str, *, without: tuple[str, ...] = ()) -> Callback:
        fields = [field for field in Form(page.text).sent() if field[1] not in without]
        return callback_of(
            self.http.post(page.url, [*fields, ("decision", decision)], allow_redirects=False, timeout=20)
        )

    def submit(self, page: requests.Response, *fields: tuple[str, str]) -> requests.Response:
        names = {name for name, _ in fields}
        sent = [field for field in Form(page.text).sent() if field[0] not in names]
        return self.follow(self.http.post(page.url, [*sent, *fields], allow_redirects=False, timeout=20))

    def follow(self, response: requests.Response) -> requests.Response:
        while response.status_code == 303:
            address = urljoin(response.url, response.headers["Location"])
            response = self.http.get(address, allow_redirects=False, timeout=20)
        return response
