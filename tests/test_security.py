"""What keeps browsers on our side: headers, cookies, and which hosts and proxies are believed."""

import re
from collections.abc import Callable, Mapping

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from portal import clock
from tests.factories import World
from tests.links import delivered_link
from tests.page import Page

MakeApp = Callable[[Mapping[str, str]], Flask]
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
PAGES = ["/login", "/login/sent", "/login/nonsense", "/sessions", "/", "/nowhere", "/logout", "/healthz"]
STYLES = "/static/portal.css"
HTTPS = {"wsgi.url_scheme": "https", "HTTP_HOST": "portal.acme.example"}


@pytest.fixture
def production(environ: dict[str, str], make_app: MakeApp) -> Flask:
    """A portal as it runs in production, over the test's servers."""
    return make_app(
        environ
        | {
            "PORTAL_ENV": "production",
            "PORTAL_PUBLIC_URL": "https://portal.acme.example",
            "PORTAL_SMTP_URL": "smtp://127.0.0.1:9",
            "PORTAL_ALLOWED_PRIVATE_HOSTS": "",
            "PORTAL_TRUSTED_PROXIES": "1",
        }
    )


def ask(browser: FlaskClient, email: str = "ana@acme.example", **environ: str) -> int:
    """Ask for a sign-in link; the status of the answer."""
    found = CSRF.search(browser.get("/login", environ_overrides=environ).text)
    form = {"csrf_token": found[1] if found else "", "email": email, "next": "/"}
    return browser.post("/login", data=form, environ_overrides=environ).status_code


def headers_of(path: str, app: Flask) -> Headers:
    with app.test_client().get(path) as answer:
        return answer.headers


NUL_PATHS = ["/login?next=%00", "/admin/connections?search=a%00b", "/api/v1/connections?member=%00"]


@pytest.mark.parametrize("path", NUL_PATHS)
def test_a_query_string_with_a_nul_is_refused_before_anything_reads_it(path: str, app: Flask) -> None:
    assert app.test_client().get(path).status_code == 400


@pytest.mark.parametrize("path", [*PAGES, STYLES])
def test_every_answer_carries_the_headers(path: str, app: Flask) -> None:
    headers = headers_of(path, app)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "noindex" in headers["X-Robots-Tag"]
    assert "Strict-Transport-Security" not in headers, "plain http stays usable in a demo"


@pytest.mark.parametrize("path", [*PAGES, STYLES])
def test_the_content_policy_has_no_hole(path: str, app: Flask) -> None:
    parts = headers_of(path, app)["Content-Security-Policy"].split(";")
    policy = dict(part.strip().split(" ", 1) for part in parts)
    assert policy.pop("form-action").startswith("'self'")
    assert policy == {
        "default-src": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'", "object-src": "'none'",
    }  # fmt: skip


def test_forms_may_lead_to_the_providers_that_are_offered(app: Flask) -> None:
    policy = headers_of("/login", app)["Content-Security-Policy"]
    assert "http://127.0.0.1:9" in policy.partition("form-action")[2]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_but_our_files_is_kept_by_anybody(path: str, app: Flask) -> None:
    assert headers_of(path, app)["Cache-Control"] == "no-store"


def test_our_files_may_be_kept(app: Flask) -> None:
    assert "no-store" not in headers_of(STYLES, app)["Cache-Control"]


def test_the_cookie_is_for_us_alone(page: Page) -> None:
    page.get("/login")
    (cookie,) = page.response.headers.getlist("Set-Cookie")
    assert cookie.startswith("reconsent=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_the_cookie_is_not_sent_again_with_every_answer(page: Page, app: Flask, world: World) -> None:
    with app.app_context():
        token = delivered_link(world.ana, now=clock.now(), place="/sessions")
    page.get(f"/login/{token}").submit("Continue")
    page.get("/sessions")
    assert not page.response.headers.getlist("Set-Cookie")


def test_with_https_the_cookie_is_bound_to_it(production: Flask) -> None:
    answer = production.test_client().get("/login", environ_overrides=HTTPS)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-reconsent=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_with_https_forms_work_although_no_page_is_named_as_their_origin(production: Flask, world: World) -> None:
    assert ask(production.test_client(), **HTTPS) == 303


@pytest.mark.parametrize("host", ["portal.acme.example", "portal.acme.example:443"])
def test_our_own_host_is_answered(host: str, production: Flask) -> None:
    assert production.test_client().get("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "portal.acme.example.evil.org", "10.0.0.7", "a b", "evil.example:80"])
def test_a_forged_host_is_refused(host: str, production: Flask) -> None:
    browser = production.test_client()
    for path in ("/login", "/login/nonsense", "/nowhere", "/"):
        answer = browser.get(path, headers={"Host": host})
        assert (answer.status_code, "a proxy must pass it on" in answer.text) == (400, True)
    forwarded = {"Host": "portal.acme.example", "X-Forwarded-Host": host}
    assert browser.get("/login", headers=forwarded).status_code == 400


def test_a_probe_may_ask_under_any_name(production: Flask) -> None:
    assert production.test_client().get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200


def test_no_answer_repeats_a_forged_host(app: Flask, world: World) -> None:
    with app.app_context():
        path = f"/login/{delivered_link(world.ana, now=clock.now())}"
    browser = app.test_client()
    for forged in ("/", path, "/sessions", "/nowhere"):
        answer = browser.get(forged, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)


def test_without_a_proxy_nobody_says_where_they_come_from(app: Flask) -> None:
    browser = app.test_client()
    statuses = [ask(browser, HTTP_X_FORWARDED_FOR=f"203.0.113.{host}") for host in range(31)]
    assert statuses == [303] * 30 + [429]


def test_behind_our_proxy_its_last_word_counts(production: Flask) -> None:
    browser = production.test_client()

    def from_network(address: str, pretended: str) -> int:
        return ask(browser, **HTTPS, HTTP_X_FORWARDED_FOR=f"{pretended}, {address}")

    assert [from_network("203.0.113.9", f"198.51.100.{host}") for host in range(31)] == [303] * 30 + [429]
    assert from_network("203.0.113.10", "203.0.113.9") == 303


def test_limits_are_shared_by_all_processes(environ: dict[str, str], make_app: MakeApp, redis_url: str) -> None:
    """They live in Redis; where there is none each process counts for itself."""
    settings = environ | {"PORTAL_ENV": "development"}
    one = make_app(settings)
    assert [ask(one.test_client()) for _ in range(30)] == [303] * 30
    other = make_app(settings)
    assert ask(other.test_client()) == 429


def test_without_redis_the_door_stays_open(environ: dict[str, str], make_app: MakeApp) -> None:
    app = make_app(environ | {"PORTAL_ENV": "development", "PORTAL_REDIS_URL": "redis://127.0.0.1:1/0"})
    assert ask(app.test_client()) == 303


def test_a_redis_that_was_away_concerns_no_other_portal(
    environ: dict[str, str], make_app: MakeApp, redis_url: str
) -> None:
    test_without_redis_the_door_stays_open(environ, make_app)
    test_limits_are_shared_by_all_processes(environ, make_app, redis_url)
