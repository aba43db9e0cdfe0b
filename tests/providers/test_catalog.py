"""The catalog: what a wrong file does, what replaces what, and which providers are offered."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from portal.providers.catalog import Catalog, load_catalog, read_file
from portal.providers.words import Body, HumanClock, Pkce, RefreshMode, RevokeStyle
from portal.rules.answers import Answer
from portal.rules.faults import classify
from portal.rules.verdicts import Fault, Phase

GOOD = """\
schema = 1
id = "acme"
name = "Acme"
as_of = "2026-11-01"

[vars]
tenant = { default = "common", pattern = "[a-z]+" }

[authorize]
url = "https://{tenant}.acme.example/authorize"
pkce = "off"
scope = { separator = ",", default = ["read", "write"], optional = ["write"] }

[token]
url = "https://acme.example/token"
body = "json"

[clocks]
access_s = 3600
refresh_absolute_s = 86400
human_at = "refresh_absolute"

[identity]
source = "token"
subject = "/user/id"

[[errors]]
phase = ["api"]
when = [{ at = "body:/error/code", op = "in", value = ["gone", 7] }]
result = "scope-missing"
action = "add_scope"
"""

Write = Callable[..., Path]


SERVICE = """
schema = 1
id = "acme"
name = "Acme"
kind = "jwt_bearer"

[token]
url = "https://acme.example/token"

[identity]
source = "key"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str, name: str = "acme") -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def complaints(path: Path) -> list[str]:
    return [f"{problem.line}: {problem.text}" for problem in read_file(path).problems]


def test_a_right_file_becomes_a_provider(write: Write) -> None:
    provider = read_file(write(GOOD)).provider
    assert provider is not None
    assert provider.authorize.scope.separator == ","
    assert provider.authorize.scope.required == frozenset({"read"})
    assert provider.authorize.pkce is Pkce.OFF
    assert provider.token.body is Body.JSON
    assert provider.clocks.human_at is HumanClock.REFRESH_ABSOLUTE
    assert provider.errors[0].result is Fault.SCOPE_MISSING
    assert provider.errors[0].phases == frozenset({Phase.API})


WRONG = [
    ('name = "Acme"', 'nmae = "Acme"', ["3: nmae is not a key of this table", "0: name is missing"]),
    ('name = "Acme"', "name = 7", ["3: name must be a text"]),
    ('name = "Acme"', 'name = " "', ["3: name must not be empty"]),
    ('name = "Acme"', 'name = "Acme\\nBcc: all"', ["3: name must be one line of at most 60 letters"]),
    ('name = "Acme"', 'name = "Acme\\u0007"', ["3: name must be one line of at most 60 letters"]),
    ('name = "Acme"', f'name = "{61 * "a"}"', ["3: name must be one line of at most 60 letters"]),
    (
        "access_s = 3600",
        'app_deadlines = [{ what = "v1\\nends", on = 2027-02-16 }]',
        ["19: clocks.app_deadlines[0].what must be one line of at most 200 letters"],
    ),
    (
        "access_s = 3600",
        'app_deadlines = [{ what = "v1 ends", on = "20270216" }]',
        ["19: clocks.app_deadlines[0].on must be a date such as 2027-02-16"],
    ),
    (
        "access_s = 3600",
        'app_deadlines = [{ what = "v1 ends", on = 2027-02-16, to = "members" }]',
        ["19: clocks.app_deadlines[0].to must be one of admins"],
    ),
    ('pkce = "off"', "state_max = 42", ["11: authorize.state_max must be at least 43, the length of ours"]),
    (
        'action = "add_scope"',
        "[api]\nlimit_reset = ['retry-after']",
        ["32: api.limit_reset[0] must be header:<name> or body:<JSON pointer>"],
    ),
    ("schema = 1", "schema = 2", ["1: schema must be 1"]),
    ("schema = 1", "schema = true", ["1: schema must be a whole number"]),
    ('id = "acme"', 'id = "Ac me"', ["2: id must be lower-case letters and digits, with single - or . between them"]),
    ('pkce = "off"', 'pkce = "none"', ["11: authorize.pkce must be one of off, S256, plain"]),
    ('pkce = "off"', "pkce = false", ["11: authorize.pkce must be one of off, S256, plain"]),
    ('"read", "write"]', '"read", 7]', ["12: authorize.scope.default[1] must be a text"]),
    (
        'scope = { s',
        'user_scope = { param = "scope", default = ["chat"] }\nscope = { s',
        ["12: authorize.user_scope.param must not be that of authorize.scope"],
    ),
    ('["read", "write"], o', '"read", o', ["12: authorize.scope.default must be a list"]),
    ('separator = ","', 'separator = ""', ["12: authorize.scope.separator must not be empty"]),
    ('"https://acme.example/token"', '"http://acme.example/token"', ["15: token.url must begin with https://"]),
    (
        '"https://acme.example/token"',
        '"acme.example/token"',
        ["15: token.url must be an address that begins with https:// or with a {variable}"],
    ),
    (
        '"https://acme.example/token"',
        '"https://user:pw@acme.example/token"',
        ["15: token.url must have a host, and neither user, password nor fragment"],
    ),
    (
        'url = "https://acme.example/token"',
        "",
        ["14: token.url is missing, and no identity.oidc.discovery names it either"],
    ),
    ("{tenant}", "{tenat}", ["10: authorize.url names {tenat}, which [vars] does not have"]),
    ('"[a-z]+"', '"[a-z+"', ["7: vars.tenant.pattern is not a regular expression (unterminated character set)"]),
    ('"[a-z]+"', '"[0-9]+"', ["7: vars.tenant.default does not match its own pattern"]),
    ("access_s = 3600", "access_s = -1", ["19: clocks.access_s must be a number of seconds, 0 for none"]),
    ("access_s = 3600", 'access_s = "1h"', ["19: clocks.access_s must be a whole number"]),
    ('"refresh_absolute"', '"refresh_idle"', ["21: clocks.human_at names refresh_idle, whose length nothing states"]),
    ('"refresh_absolute"', '"consent"', ["21: clocks.human_at names consent, whose length nothing states"]),
    ('subject = "/user/id"', 'subject = "user.id"', ['25: identity.subject must be a JSON pointer such as "/data/id"']),
    ('source = "token"', 'source = "userinfo"', ["23: identity.userinfo.subject is needed"]),
    ('source = "token"', 'source = "id_token"', ["23: identity.oidc.discovery is needed to verify ID tokens"]),
    ('op = "in"', 'op = "within"', ["29: errors[0].when[0] op = 'within' is none of"]),
    ('result = "scope-missing"', 'result = "nonsense"', ["30: errors[0].result must be one of expired"]),
    ('action = "add_scope"', "[api]\nhooks = ['mystery']", ["32: api.hooks names 'mystery', which is no hook of ours"]),
    ('action = "add_scope"', "[revoke]\nstyle = 'rfc7009'", ["31: revoke.url is needed for the style rfc7009"]),
    (
        'action = "add_scope"',
        "[identity.userinfo]\nsubject = '/id'\nwithin = ['/team']",
        ["33: identity.userinfo.within must name as many places as identity.within"],
    ),
    ('action = "add_scope"', "[refresh]\nearly = 1.5", ["32: refresh.early must be between 0 and 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "expected"), WRONG, ids=[f"{one[1]}"[:40] for one in WRONG])
def test_a_wrong_file_is_refused_with_the_line_of_its_mistake(
    write: Write, right: str, wrong: str, expected: list[str]
) -> None:
    assert right in GOOD
    path = write(GOOD.replace(right, wrong))
    found = complaints(path)
    assert len(found) == len(expected), found
    for line in expected:
        assert any(line.removeprefix("0: ") in one for one in found), found


def test_all_mistakes_of_a_file_are_told_at_once(write: Write) -> None:
    path = write(GOOD.replace('name = "Acme"', "name = 7").replace('pkce = "off"', "pkce = 1"))
    assert len(complaints(path)) == 2


def test_what_is_no_toml_is_refused_with_its_line(write: Write) -> None:
    path = write('schema = 1\nid = "acme\n')
    assert complaints(path)[0].startswith("2: cannot be read")


def test_a_file_of_another_encoding_or_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'id = "\xe9"')
    (tmp_path / "huge.toml").write_bytes(b"#" * 300_000)
    catalog = load_catalog(tmp_path, {})
    assert sorted(problem.provider_id for problem in catalog.problems) == ["huge", "latin"]


def test_http_is_right_for_named_hosts_alone(write: Write) -> None:
    path = write(GOOD.replace("https://acme.example/token", "http://127.0.0.1:8123/token"))
    assert read_file(path).provider is None
    assert read_file(path, private_hosts=frozenset({"127.0.0.1:8124"})).provider is None
    assert read_file(path, private_hosts=frozenset({"127.0.0.1:8123"})).provider is not None


def test_a_connector_is_the_provider_with_its_own_values(write: Write) -> None:
    path = write(GOOD + "\n[connectors.bank]\nclocks = { refresh_absolute_s = 99 }\n")
    provider = read_file(path).provider
    assert provider is not None
    bank = provider.connectors["bank"]
    assert (bank.clocks.refresh_absolute_s, bank.clocks.access_s) == (99, 3600)
    assert provider.clocks.refresh_absolute_s == 86400


BANK = "\n[connectors.bank]\n%s\n"  # its header is line 33 of the file, what it says line 34


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "clocks = { refresh_absolute = 99 }",
            "34: connectors.bank.clocks.refresh_absolute is not a key of this table",
        ),
        ("refresh = { early = 7.5 }", "34: connectors.bank.refresh.early must be between 0 and 1"),
        ('name = " "', "34: connectors.bank.name must not be empty"),
        ("token = 7", "34: connectors.bank.token must be a table"),
    ],
)
def test_a_connectors_mistake_turns_the_file_off_and_is_told_as_its_own(write: Write, said: str, expected: str) -> None:
    assert complaints(write(GOOD + BANK % said)) == [expected]


def test_a_connector_must_be_a_table(write: Write) -> None:
    assert complaints(write(GOOD + "\n[connectors]\nbank = 7\n")) == ["34: connectors.bank must be a table"]


@pytest.mark.parametrize(
    ("right", "wrong"), [('name = "Acme"', "name = 7"), ('pkce = "off"', "colour = 1"), ("{tenant}", "{tenat}")]
)
def test_what_a_connector_has_from_the_file_is_told_once(write: Write, right: str, wrong: str) -> None:
    found = complaints(write(GOOD.replace(right, wrong) + BANK % "refresh = { grace_s = 9 }"))
    assert len(found) == 1
    assert "connectors" not in found[0]


def test_mistakes_of_a_file_and_of_its_connectors_are_told_at_once(write: Write) -> None:
    found = complaints(write(GOOD.replace('name = "Acme"', "name = 7") + BANK % "token = 7"))
    assert found == ["3: name must be a text", "34: connectors.bank.token must be a table"]


def test_each_of_several_rules_is_refused_at_its_own_line(write: Write) -> None:
    rule = '\n[[errors]]\nwhen = [{ at = "word", op = "eq", value = "x" }]\nresult = "%s"\n'
    path = write(GOOD + rule % "revoked" + rule % "nonsense" + rule % "expired" + rule % "nonsense")
    assert [line.partition(" must")[0] for line in complaints(path)] == ["39: errors[2].result", "47: errors[4].result"]


def test_what_a_list_on_several_lines_holds_opens_no_table(write: Write) -> None:
    path = write(GOOD.replace('default = ["read", "write"]', 'default = [\n  "read",\n  "write"\n  ]') + "odd = 1\n")
    assert complaints(path) == ["35: errors[0].odd is not a key of this table"]


# Every key that there is

EVERY_KEY = (Path(__file__).parents[1] / "data" / "every_key.toml").read_text(encoding="utf-8")
FILLED = {
    "user_scope = {}": 'user_scope = { separator = ",", default = ["chat"] }',
    "[token.upgrade]": """[token.upgrade]
url = "https://open.clips.example/long"
method = "GET"
params = { kind = "long" }
bearer = "access_token"
""",
    "app_deadlines = []": 'app_deadlines = [{ what = "v1 ends", on = "2027-02-16", to = "admins" }]',
    "accounts = {}": 'accounts = { url = "https://open.clips.example/all", items = "/*", id = "/id", name = "/name" }',
    "[introspect]": """[introspect]
url = "https://open.clips.example/ask"
auth = "post"
active = "/alive"
revoked = { at = "/status", value = "revoked" }
""",
    "limit_reset = []": 'limit_reset = ["header:x-rate-limit-reset", "body:/error/wait"]',
}


def test_empty_tables_say_nothing(write: Write) -> None:
    reading = read_file(write(EVERY_KEY))
    assert [str(problem) for problem in reading.problems] == []
    assert reading.provider is not None
    assert (reading.provider.token.upgrade, reading.provider.accounts, reading.provider.introspect) == (None,) * 3
    assert reading.provider.connectors["example_bank"].clocks.refresh_absolute_s == 31536000


def test_every_key_may_be_filled(write: Write) -> None:
    text = EVERY_KEY
    for empty, filled in FILLED.items():
        assert empty in text
        text = text.replace(empty, filled)
    reading = read_file(write(text))
    assert [str(problem) for problem in reading.problems] == []
    assert reading.provider is not None
    assert reading.provider.clocks.app_deadlines[0].on == date(2027, 2, 16)


# The catalog as a whole

APP = {"PORTAL_PROVIDER_ACME_CLIENT_ID": "id", "PORTAL_PROVIDER_ACME_CLIENT_SECRET": "hush-1, hush-2"}


def with_files(tmp_path: Path, environ: dict[str, str], **files: str) -> Catalog:
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    return load_catalog(tmp_path, environ)


def test_a_broken_file_stops_none_of_the_others(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, APP, acme=GOOD, broken="id = ")
    assert catalog.get("acme") is not None
    assert catalog.get("linkedin") is not None
    assert [problem.provider_id for problem in catalog.problems] == ["broken"]


def test_the_same_id_in_the_extra_folder_replaces_the_built_in_one(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, {}, mine=GOOD.replace('"acme"', '"linkedin"'))
    provider = catalog.get("linkedin")
    assert provider is not None
    assert provider.name == "Acme"


def test_a_broken_replacement_does_not_bring_the_built_in_one_back(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, {}, mine=GOOD.replace('"acme"', '"linkedin"').replace("schema = 1", "schema = 9"))
    assert catalog.get("linkedin") is None
    assert catalog.problems[0].provider_id == "linkedin"


def test_a_configured_provider_is_offered_with_all_its_secrets(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, APP, acme=GOOD)
    app = catalog.app("acme")
    assert [provider.id for provider in catalog.offered] == ["acme"]
    assert app is not None
    assert [secret.reveal() for secret in app.client_secrets] == ["hush-1", "hush-2"]
    assert app.vars == {"tenant": "common"}
    assert catalog.problems == ()
    assert "hush" not in repr(catalog) + repr(app)


def test_the_variables_of_an_app_are_filled_in_from_its_names(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, APP | {"PORTAL_PROVIDER_ACME_TENANT": "blue"}, acme=GOOD)
    assert catalog.authorize_origins() == frozenset({"https://blue.acme.example"})


def test_an_operator_names_the_scopes_to_ask_for(tmp_path: Path) -> None:
    needed = GOOD.replace('optional = ["write"]', 'optional = ["write"], required_for_refresh = ["offline"]')
    catalog = with_files(tmp_path, APP | {"PORTAL_PROVIDER_ACME_SCOPES": "read, post read"}, acme=needed)
    scope = catalog.providers["acme"].authorize.scope
    assert scope.default == ("read", "post", "offline")  # what a refresh token needs is asked for in any case
    assert scope.required == {"read", "post", "offline"}
    assert catalog.problems == ()


def test_without_named_scopes_the_files_own_are_asked_for(tmp_path: Path) -> None:
    catalog = with_files(tmp_path, APP | {"PORTAL_PROVIDER_ACME_SCOPES": " , "}, acme=GOOD)
    assert catalog.providers["acme"].authorize.scope.default == ("read", "write")


RULE = """
[[errors]]
when = [{ at = "body:/code", op = "eq", value = 7 }%s]
result = "revoked"
"""


@pytest.mark.parametrize(
    ("more", "status", "fault"),
    [
        ("", 400, Fault.REVOKED),
        ("", 200, Fault.REVOKED),
        ("", 500, Fault.TRANSIENT),
        ("", 408, Fault.TRANSIENT),
        (', { at = "status", op = "eq", value = 500 }', 500, Fault.REVOKED),
    ],
)
def test_a_rule_judges_a_sick_server_only_where_it_names_the_status(
    write: Write, more: str, status: int, fault: Fault
) -> None:
    provider = read_file(write(GOOD + RULE % more)).provider
    assert provider is not None
    assert classify(Answer(Phase.API, status, {}, {"code": 7}), provider.errors).fault is fault


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PORTAL_PROVIDER_ACME_CLIENT_ID": "id"}, "PORTAL_PROVIDER_ACME_CLIENT_SECRET is not set"),
        ({"PORTAL_PROVIDER_ACME_CLIENT_SECRET": "s"}, "PORTAL_PROVIDER_ACME_CLIENT_ID is not set"),
        (APP | {"PORTAL_PROVIDER_ACME_TENANT": "evil.example/x"}, "PORTAL_PROVIDER_ACME_TENANT is not as it must be"),
        (APP | {"PORTAL_PROVIDER_ACNE_CLIENT_ID": "x"}, "PORTAL_PROVIDER_ACNE_CLIENT_ID belongs to no provider"),
    ],
)
def test_a_slip_in_the_environment_is_named_without_its_value(
    tmp_path: Path, environ: dict[str, str], problem: str
) -> None:
    catalog = with_files(tmp_path, environ, acme=GOOD)
    assert [str(one) for one in catalog.problems if problem in str(one)]
    assert "evil" not in str(catalog.problems)


def test_ids_with_signs_have_names_without_them(tmp_path: Path) -> None:
    environ = {"PORTAL_PROVIDER_GIT_HUB_APP_CLIENT_ID": "id", "PORTAL_PROVIDER_GIT_HUB_APP_CLIENT_SECRET": "s"}
    catalog = with_files(tmp_path, environ, hub=GOOD.replace('"acme"', '"git-hub.app"'))
    assert [provider.id for provider in catalog.offered] == ["git-hub.app"]


def test_an_issuer_must_be_https_outside_of_demo_and_tests() -> None:
    environ = {
        "PORTAL_PROVIDER_OIDC_CLIENT_ID": "id",
        "PORTAL_PROVIDER_OIDC_CLIENT_SECRET": "s",
        "PORTAL_PROVIDER_OIDC_ISSUER": "http://127.0.0.1:8123/realm",
    }
    assert load_catalog(None, environ).app("oidc") is None
    assert load_catalog(None, environ, private_hosts=frozenset({"127.0.0.1:8123"})).app("oidc") is not None


def test_a_connection_by_a_key_needs_no_more_than_where_tokens_come_from(write: Write) -> None:
    provider = read_file(write(SERVICE)).provider
    assert provider is not None
    assert (provider.refresh.mode, provider.assertion.issuer) == (RefreshMode.JWT_BEARER, "{client_id}")
    ours = read_file(write(SERVICE.replace("jwt_bearer", "client_credentials"))).provider
    assert ours is not None
    assert ours.refresh.mode is RefreshMode.CLIENT_CREDENTIALS


def test_an_address_or_a_discovery_document_says_how_access_is_ended(write: Write) -> None:
    with_url = f'{GOOD}\n[revoke]\nurl = "https://acme.example/revoke"\n'
    discovered = GOOD.replace("[identity]", '[identity.oidc]\ndiscovery = "https://acme.example"\n[identity]')
    refused = f'{discovered}\n[revoke]\nstyle = "none"\n'
    styles = [read_file(write(text)).provider.revoke.style for text in (GOOD, with_url, discovered, refused)]
    assert styles == [RevokeStyle.NONE, RevokeStyle.RFC7009, RevokeStyle.RFC7009, RevokeStyle.NONE]
