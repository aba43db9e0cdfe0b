"""The stub provider that also tells who a token belongs to and what it shares, with a ledger of who asked."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from werkzeug import Request, Response

from tests.fixtures.stub_provider import StubProvider

ACCOUNTS = """
[identity.accounts]
url = "{url}/accounts"
"""


@dataclass
class Whoami:
    """Takes every token and answers for `login`, unless `answering` says otherwise."""

    login: str = "login-1"
    accounts: str = '[{"id": "1", "name": "Page one"}]'
    answering: Callable[[str], Response | None] = lambda _token: None
    shown: list[str] = field(default_factory=list)

    def me(self, request: Request) -> Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.shown.append(token)
        special = self.answering(token)
        return special or json(f'{{"id": "{self.login}", "name": "Ana"}}')

    def list_accounts(self, _request: Request) -> Response:
        return json(self.accounts)


def json(body: str, status: int = 200) -> Response:
    return Response(body, status, mimetype="application/json")


def refused(word: str = "invalid_token", status: int = 401) -> Response:
    return json(f'{{"error": "{word}"}}', status)


def who_answers(stub: StubProvider, environ: dict[str, str], *, more: str = "") -> Whoami:
    """Have the stub answer; `more` is added to its file. Before there is an app."""
    whoami = Whoami()
    stub.server.expect_request("/me").respond_with_handler(whoami.me)
    stub.server.expect_request("/accounts").respond_with_handler(whoami.list_accounts)
    file = Path(environ["PORTAL_PROVIDERS_DIR"], "stub.toml")
    file.write_text(file.read_text(encoding="utf-8") + ACCOUNTS.format(url=stub.url) + more, encoding="utf-8")
    return whoami
