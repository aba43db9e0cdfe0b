"""Every known mistake of configuration is named, all of them at once, and no secret is repeated."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.config import Config, Environment, load_config
from portal.mail_settings import MailSecurity
from portal.rules.problems import ConfigurationInvalid

ROOT = Path(__file__).parents[1]
SECRET = "Zk8PqW3vTn6RyB1mXc9LsD4hGf7JtU2e"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
HIDDEN = "hunter2-must-not-be-shown"


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """A right configuration."""
    return {
        "PORTAL_ENV": "production",
        "PORTAL_SECRET_KEY": SECRET,
        "PORTAL_TOKEN_KEYS": f"2026a:{KEY},2025:{OTHER_KEY}",
        "PORTAL_DATABASE_URL": f"postgresql+psycopg://portal:{HIDDEN}@db.internal/portal",
        "PORTAL_REDIS_URL": f"redis://:{HIDDEN}@redis.internal:6379/0",
        "PORTAL_SMTP_URL": f"smtp://portal:{HIDDEN}@mail.internal:587?tls=starttls",
        "PORTAL_MAIL_FROM": "Reconsent <portal@acme.example>",
        "PORTAL_PUBLIC_URL": "https://portal.acme.example",
        "PORTAL_DATA_DIR": str(tmp_path / "instance"),
    }


def problems_of(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationInvalid) as caught:
        load_config(environ)
    return caught.value.problems


def test_a_right_configuration_is_read(production: dict[str, str]) -> None:
    config = load_config(production)
    assert config.env is Environment.PRODUCTION
    assert config.is_https
    assert config.token_keys[0][0] == "2026a"
    assert config.smtp is not None
    assert (config.smtp.host, config.smtp.port, config.smtp.security) == ("mail.internal", 587, MailSecurity.STARTTLS)
    assert config.clock_path is None, "nobody moves the clock in production"


MISTAKES = [
    ("PORTAL_ENV", "prod"),
    ("PORTAL_ENV", "Production"),
    ("PORTAL_SECRET_KEY", ""),
    ("PORTAL_SECRET_KEY", "short"),
    ("PORTAL_SECRET_KEY", "change-me-change-me-change-me-change-me"),
    ("PORTAL_SECRET_KEY", "your-secret-goes-here-0123456789-abcdef"),
    ("PORTAL_SECRET_KEY", "a" * 64),
    ("PORTAL_TOKEN_KEYS", ""),
    ("PORTAL_TOKEN_KEYS", " , "),
    ("PORTAL_TOKEN_KEYS", KEY),
    ("PORTAL_TOKEN_KEYS", f":{KEY}"),
    ("PORTAL_TOKEN_KEYS", f"one:{KEY[:-4]}"),
    ("PORTAL_TOKEN_KEYS", f"one:{KEY[:-1]}+"),
    ("PORTAL_TOKEN_KEYS", f"one:{'A' * 43}"),
    ("PORTAL_TOKEN_KEYS", f"one:{KEY},one:{OTHER_KEY}"),
    ("PORTAL_TOKEN_KEYS", f"one:{KEY},zwei-ü:{OTHER_KEY}"),
    ("PORTAL_DATABASE_URL", ""),
    ("PORTAL_DATABASE_URL", f"mysql://portal:{HIDDEN}@db/portal"),
    ("PORTAL_DATABASE_URL", f"postgres://portal:{HIDDEN}@db/portal"),
    ("PORTAL_DATABASE_URL", f"postgresql+psycopg2://portal:{HIDDEN}@db/portal"),
    ("PORTAL_DATABASE_URL", f"postgresql+psycopg://portal:{HIDDEN}@db:port/portal"),
    ("PORTAL_DATABASE_URL", "portal.sqlite3"),
    ("PORTAL_DATABASE_URL", "sqlite://portal.sqlite3"),
    ("PORTAL_DATABASE_URL", "sqlite://"),
    ("PORTAL_DATABASE_URL", "sqlite:///:memory:"),
    ("PORTAL_DATABASE_URL", "sqlite:////no/such/folder/portal.sqlite3"),
    ("PORTAL_REDIS_URL", ""),
    ("PORTAL_REDIS_URL", "redis.internal:6379"),
    ("PORTAL_REDIS_URL", f"http://:{HIDDEN}@redis.internal"),
    ("PORTAL_REDIS_URL", f"redis://:{HIDDEN}@redis.internal:port/0"),
    ("PORTAL_REDIS_URL", f"redis://:{HIDDEN}@redis.internal:99999/0"),
    ("PORTAL_REDIS_URL", f"redis://:{HIDDEN}@redis.internal/sessions"),
    ("PORTAL_REDIS_URL", f"redis://:{HIDDEN}@[::1"),
    ("PORTAL_REDIS_URL", f"redis://:{HIDDEN}@red℀s/0"),
    ("PORTAL_REDIS_URL", "redis:///0"),
    ("PORTAL_REDIS_URL", "unix://"),
    ("PORTAL_SMTP_URL", ""),
    ("PORTAL_SMTP_URL", "mail.internal"),
    ("PORTAL_SMTP_URL", f"http://portal:{HIDDEN}@mail.internal"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}@mail.internal:0"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}@mail.internal:65536"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}/@mail.internal:587"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}@ma℀l.internal:587"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}@mail.internal?starttls=true"),
    ("PORTAL_SMTP_URL", f"smtp://portal:{HIDDEN}@mail.internal?tls=ssl"),
    ("PORTAL_SMTP_URL", f"smtps://portal:{HIDDEN}@mail.internal?tls=none"),
    ("PORTAL_MAIL_FROM", "Reconsent"),
    ("PORTAL_MAIL_FROM", "a@acme.example, b@acme.example"),
    ("PORTAL_MAIL_FROM", "Reconsent <portal@acme.example>\nBcc: eve@globex.example"),
    ("PORTAL_PUBLIC_URL", ""),
    ("PORTAL_PUBLIC_URL", "http://portal.acme.example"),
    ("PORTAL_PUBLIC_URL", "portal.acme.example"),
    ("PORTAL_PUBLIC_URL", "https://"),
    ("PORTAL_PUBLIC_URL", "https://:8443"),
    ("PORTAL_PUBLIC_URL", "https://portal.acme.example:99999"),
    ("PORTAL_PUBLIC_URL", "https://portal.acme.example/?page=1"),
    ("PORTAL_PUBLIC_URL", "https://portal.acme.example/reconsent"),
    ("PORTAL_PUBLIC_URL", f"https://portal:{HIDDEN}@portal.acme.example"),
    ("PORTAL_DATA_DIR", "/dev/null/instance"),
    ("PORTAL_PROVIDERS_DIR", "/no/such/folder"),
    ("PORTAL_ALLOWED_PRIVATE_HOSTS", "127.0.0.1:9000"),
    ("PORTAL_TRUSTED_PROXIES", "one"),
    ("PORTAL_TRUSTED_PROXIES", "-1"),
    ("PORTAL_TRUSTED_PROXIES", "11"),
    ("PORTAL_THREADS", "0"),
    ("PORTAL_THREADS", "٨"),
    ("WEB_CONCURRENCY", "0"),
]


@pytest.mark.parametrize("env", ["test", "development"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_SECRET_KEY", "test-secret-key-that-is-long-enough-0123456789"),
        ("PORTAL_SECRET_KEY", "x" * 40),
        ("PORTAL_TOKEN_KEYS", f"k1:{'A' * 43}"),
    ],
)
def test_outside_production_a_key_may_be_typed_by_hand(
    env: str, name: str, value: str, production: dict[str, str]
) -> None:
    load_config(production | {"PORTAL_ENV": env, name: value})
    assert len(problems_of(production | {name: value})) == 1


@pytest.mark.parametrize(("name", "value"), MISTAKES)
def test_every_known_mistake_is_named_and_alone(name: str, value: str, production: dict[str, str]) -> None:
    problems = problems_of(production | {name: value})
    assert len(problems) == 1, problems
    assert problems[0].startswith(name)
    assert "\n" not in problems[0], "a line each"


@pytest.mark.parametrize(("name", "value"), MISTAKES)
def test_no_mistake_repeats_a_secret(name: str, value: str, production: dict[str, str]) -> None:
    words = "\n".join(problems_of(production | {name: value}))
    secrets = (HIDDEN, SECRET, KEY, OTHER_KEY, *([value] if len(value) > 12 and "PUBLIC" not in name else []))
    assert not [secret for secret in secrets if secret in words]


def test_all_mistakes_are_named_at_once() -> None:
    named = {
        problem.split()[0] for problem in problems_of({"PORTAL_ENV": "production", "PORTAL_DATA_DIR": "/dev/null/x"})
    }
    assert named == {
        "PORTAL_SECRET_KEY", "PORTAL_TOKEN_KEYS", "PORTAL_DATABASE_URL", "PORTAL_REDIS_URL", "PORTAL_SMTP_URL",
        "PORTAL_PUBLIC_URL", "PORTAL_DATA_DIR",
    }  # fmt: skip


def test_an_unknown_environment_is_held_to_the_strictest(tmp_path: Path) -> None:
    named = [problem.split()[0] for problem in problems_of({"PORTAL_ENV": "live", "PORTAL_DATA_DIR": str(tmp_path)})]
    assert named[0] == "PORTAL_ENV"
    assert "PORTAL_SECRET_KEY" in named


@pytest.mark.parametrize(
    "entry", ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "http://127.0.0.1:80", "10.0.0.0/8:80", "[::1:80"]
)
def test_hosts_that_may_be_private_are_named_with_their_ports(entry: str, tmp_path: Path) -> None:
    development = {"PORTAL_DATA_DIR": str(tmp_path), "PORTAL_ALLOWED_PRIVATE_HOSTS": f"localhost:80,{entry}"}
    assert [problem.split()[0] for problem in problems_of(development)] == ["PORTAL_ALLOWED_PRIVATE_HOSTS"]


def test_a_secret_may_come_from_a_file(production: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    del production["PORTAL_SECRET_KEY"]
    config = load_config(production | {"PORTAL_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert config.secret_key.reveal() == SECRET


def test_a_providers_secret_may_come_from_a_file(production: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{HIDDEN}\n")
    config = load_config(production | {"PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert config.environ == {"PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET": HIDDEN}


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00"])
def test_a_file_that_holds_no_secret_is_named(
    content: bytes | None, production: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    del production["PORTAL_SMTP_URL"]
    problems = problems_of(production | {"PORTAL_SMTP_URL_FILE": str(path)})
    assert problems[0].startswith("PORTAL_SMTP_URL_FILE")


@pytest.mark.parametrize("path", ["/dev/zero", "/tmp"])
def test_what_is_no_file_is_not_read_for_ever(path: str, production: dict[str, str]) -> None:
    del production["PORTAL_SECRET_KEY"]
    assert problems_of(production | {"PORTAL_SECRET_KEY_FILE": path})[0].startswith("PORTAL_SECRET_KEY_FILE")


def test_a_setting_given_twice_is_named(production: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    problems = problems_of(production | {"PORTAL_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert [problem.split()[0] for problem in problems] == ["PORTAL_SECRET_KEY"]


def test_development_needs_nothing_and_keeps_the_keys_it_makes(tmp_path: Path) -> None:
    first, second = (load_config({"PORTAL_DATA_DIR": str(tmp_path)}) for _ in range(2))
    assert first.env is Environment.DEVELOPMENT
    assert first.secret_key == second.secret_key
    assert first.token_keys == second.token_keys
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0, "nobody else may read it"


@pytest.mark.parametrize("name", ["secret-key", "token-key"])
def test_a_damaged_key_of_our_own_is_named_rather_than_used(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    assert [problem.split()[0] for problem in problems_of({"PORTAL_DATA_DIR": str(tmp_path)})] == ["PORTAL_DATA_DIR"]


def test_no_key_is_made_where_something_else_is_wrong(tmp_path: Path) -> None:
    problems = problems_of({"PORTAL_DATA_DIR": str(tmp_path), "PORTAL_SMTP_URL": "nonsense"})
    assert [problem.split()[0] for problem in problems] == ["PORTAL_SMTP_URL"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgresql://portal@db/portal", "postgresql+psycopg://portal@db/portal"),
        ("postgresql+psycopg://p:a%2Fb@/portal?host=%2Frun", "postgresql+psycopg://p:a%2Fb@/portal?host=%2Frun"),
        ("sqlite:///here.sqlite3", f"sqlite:///{Path.cwd()}/here.sqlite3"),
        ("sqlite:////tmp/there.sqlite3", "sqlite:////tmp/there.sqlite3"),
    ],
)
def test_a_database_is_the_same_from_every_folder(given: str, taken: str, tmp_path: Path) -> None:
    assert load_config({"PORTAL_DATA_DIR": str(tmp_path), "PORTAL_DATABASE_URL": given}).database_url == taken


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.internal", 25, MailSecurity.NONE),
        ("smtp://portal:x@mail.internal", 587, MailSecurity.NONE),
        ("smtp://mail.internal:2525?tls=none", 2525, MailSecurity.NONE),
        ("smtp://[::1]:2525/", 2525, MailSecurity.NONE),
        ("smtp://mail.internal?tls=starttls", 25, MailSecurity.STARTTLS),
        ("smtps://portal:x@mail.internal", 465, MailSecurity.TLS),
    ],
)
def test_an_smtp_server_is_named_by_one_url(url: str, port: int, security: MailSecurity, tmp_path: Path) -> None:
    smtp = load_config({"PORTAL_DATA_DIR": str(tmp_path), "PORTAL_SMTP_URL": url}).smtp
    assert smtp is not None
    assert (smtp.port, smtp.security) == (port, security)


def test_special_characters_of_an_smtp_password_are_read_back(tmp_path: Path) -> None:
    url = "smtp://portal%40acme.example:p%40ss%2Fw%3Ard@mail.internal"
    smtp = load_config({"PORTAL_DATA_DIR": str(tmp_path), "PORTAL_SMTP_URL": url}).smtp
    assert smtp is not None
    assert smtp.username == "portal@acme.example"
    assert smtp.password is not None
    assert smtp.password.reveal() == "p@ss/w:rd"


@pytest.mark.parametrize(
    "sender",
    [
        "portal@acme.example",
        "Reconsent <portal@acme.example>",
        '"Acme, Inc." <portal@acme.example>',
        "Ümit <a@b.example>",
    ],
)
def test_a_sender_is_one_address_with_or_without_a_name(sender: str, production: dict[str, str]) -> None:
    assert load_config(production | {"PORTAL_MAIL_FROM": sender}).mail_from == sender


def test_no_configuration_shows_its_secrets(production: dict[str, str]) -> None:
    config = load_config(production | {"PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET": HIDDEN})
    assert isinstance(config, Config)
    assert not [secret for secret in (HIDDEN, SECRET, KEY, OTHER_KEY) if secret in f"{config!r} {config}"]


def test_the_web_server_names_every_mistake_and_listens_nowhere(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PORTAL_ENV": "production", "PORTAL_DATA_DIR": str(tmp_path)}
    environ["PORTAL_SMTP_URL"] = f"smtp://portal:{HIDDEN}@mail.internal?ssl=yes"
    environ["PORTAL_THREADS"] = "many"
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"unix:{tmp_path}/web.sock"]
    outcome = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30, check=False)
    named = {line.split()[0] for line in outcome.stderr.splitlines() if line.startswith("PORTAL_")}
    assert outcome.returncode == 1, outcome.stderr
    assert named == {
        "PORTAL_SECRET_KEY", "PORTAL_TOKEN_KEYS", "PORTAL_DATABASE_URL", "PORTAL_REDIS_URL", "PORTAL_SMTP_URL",
        "PORTAL_PUBLIC_URL", "PORTAL_THREADS",
    }  # fmt: skip
    assert HIDDEN not in outcome.stderr + outcome.stdout
    assert not (tmp_path / "web.sock").exists()


def test_names_without_any_effect_are_noticed_and_the_nearest_is_named(production: dict[str, str]) -> None:
    strange = {"PORTAL_TRUSTED_PROXYS": "1", "PORTAL_REDIS_ULR_FILE": HIDDEN, "PORTAL_COLOUR": HIDDEN}
    assert load_config(production | strange).strange_names == (
        "PORTAL_COLOUR",
        "PORTAL_REDIS_ULR (did you mean PORTAL_REDIS_URL?)",
        "PORTAL_TRUSTED_PROXYS (did you mean PORTAL_TRUSTED_PROXIES?)",
    )


def test_every_setting_there_is_has_an_effect(production: dict[str, str], tmp_path: Path) -> None:
    """Those of providers are the catalog's to know."""
    named = set(re.findall(r"^\| `(PORTAL_\w+?)`", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE))
    others = {name: str(tmp_path) for name in named - production.keys() if not name.startswith("PORTAL_PROVIDER_")}
    others |= {"PORTAL_ALLOWED_PRIVATE_HOSTS": "", "PORTAL_TRUSTED_PROXIES": "1", "PORTAL_THREADS": "8"}
    of_provider = {"PORTAL_PROVIDER_ACME_CLIENT_ID": "x", "PORTAL_TEST_POSTGRESQL_BIN": "/usr/bin"}
    assert len(named) > 10
    assert load_config(production | others | of_provider).strange_names == ()
