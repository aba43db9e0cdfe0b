"""The configuration: read once from the environment, checked as a whole, every problem named at once."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import make_url

from portal import own_secrets
from portal.crypto import Secret
from portal.mail_settings import SmtpSettings, is_sender, parse_smtp_url
from portal.rules.problems import ConfigurationInvalid
from portal.service_urls import database_fault, public_fault, redis_fault
from portal.variables import Variables

OF_PROVIDERS = "PORTAL_PROVIDER_"  # the catalog knows which of them have one
OF_TESTS = "PORTAL_TEST_"
THREADS = 256  # hundreds may wait for one provider, and somebody else must find a free one


class Environment(StrEnum):
    """Where this portal runs; only `production` insists on everything being set."""

    DEMO = "demo"
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the operator decides, checked."""

    env: Environment
    secret_key: Secret
    token_keys: tuple[tuple[str, bytes], ...] = field(repr=False)
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)  # None: the embedded one in the data folder
    smtp: SmtpSettings | None  # None: a mailbox folder in the data folder
    mail_from: str
    public_url: str
    data_dir: Path
    providers_dir: Path | None
    allowed_private_hosts: frozenset[str]
    trusted_proxies: int
    threads: int
    environ: Mapping[str, str] = field(repr=False)  # PORTAL_PROVIDER_* alone, `_FILE` already followed
    strange_names: tuple[str, ...]  # set in our name without any effect, each with the name that may be meant

    @property
    def is_production(self) -> bool:
        return self.env is Environment.PRODUCTION

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def clock_path(self) -> Path | None:
        """The file with the demo clock's offset; real time everywhere else."""
        return self.data_dir / "clock-offset" if self.env in (Environment.DEMO, Environment.TEST) else None

    @property
    def mailbox_dir(self) -> Path:
        return self.data_dir / "mailbox"


def load_config(environ: Mapping[str, str]) -> Config:
    """The checked configuration; raises ConfigurationInvalid with every problem found, no secret among the words."""
    given = Variables(environ)
    env = _environment(given)
    data_dir = _data_dir(given)
    public_url = _public_url(given, env)
    settings = Config(
        env=env,
        database_url=_database_url(given, env, data_dir),
        redis_url=_redis_url(given, env),
        smtp=_smtp(given, env),
        mail_from=_mail_from(given, public_url),
        public_url=public_url,
        data_dir=data_dir,
        providers_dir=_providers_dir(given),
        allowed_private_hosts=_allowed_private_hosts(given, env),
        trusted_proxies=given.number("PORTAL_TRUSTED_PROXIES", default=0, most=10),
        threads=given.number("PORTAL_THREADS", default=THREADS, least=1, most=1024),
        environ=_provider_variables(given),
        secret_key=own_secrets.secret_key(given, data_dir, is_required=env is Environment.PRODUCTION),
        token_keys=own_secrets.token_keys(given, data_dir, is_required=env is Environment.PRODUCTION),
        strange_names=given.strange("PORTAL_", apart_from=(OF_PROVIDERS, OF_TESTS)),
    )
    given.number("WEB_CONCURRENCY", default=2, least=1, most=1024)  # gunicorn's: with 0 it listens, and none answers
    if given.problems:
        raise ConfigurationInvalid(tuple(given.problems))
    return settings


def private_hosts(environ: Mapping[str, str]) -> frozenset[str]:
    """The private hosts we may speak to, for commands that need nothing else; raises ConfigurationInvalid."""
    given = Variables(environ)
    hosts = _allowed_private_hosts(given, _environment(given))
    if given.problems:
        raise ConfigurationInvalid(tuple(given.problems))
    return hosts


def _environment(given: Variables) -> Environment:
    word = given.text("PORTAL_ENV", Environment.DEVELOPMENT)
    if word not in set(Environment):
        given.wrong(f"PORTAL_ENV must be one of {', '.join(Environment)}")
        return Environment.PRODUCTION  # the strictest: whatever else is missing is then named as well
    return Environment(word)


def _data_dir(given: Variables) -> Path:
    data_dir = Path(given.text("PORTAL_DATA_DIR", "instance")).expanduser().absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        given.wrong(f"PORTAL_DATA_DIR cannot be made ({type(error).__name__}): choose a folder of your own")
        return data_dir
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        given.wrong("PORTAL_DATA_DIR names a folder we may not write in: choose one of your own")
    return data_dir


def _database_url(given: Variables, env: Environment, data_dir: Path) -> str:
    text = given.text("PORTAL_DATABASE_URL")
    if not text:
        if env is Environment.PRODUCTION:
            given.wrong("PORTAL_DATABASE_URL is required in production: postgresql+psycopg://user:password@host/name")
        return f"sqlite:///{data_dir / 'portal.sqlite3'}"
    if fault := database_fault(text):
        given.wrong(f"PORTAL_DATABASE_URL {fault}")
        return text
    url = make_url(text)
    if url.drivername == "sqlite":
        url = url.set(database=str(Path(url.database or "").absolute()))
    else:
        url = url.set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


def _redis_url(given: Variables, env: Environment) -> str | None:
    url = given.text("PORTAL_REDIS_URL")
    if not url and env is Environment.PRODUCTION:
        given.wrong("PORTAL_REDIS_URL is required in production: redis://host:6379/0")
    if url and (fault := redis_fault(url)):
        given.wrong(f"PORTAL_REDIS_URL {fault}")
    return url or None


def _smtp(given: Variables, env: Environment) -> SmtpSettings | None:
    url = given.text("PORTAL_SMTP_URL")
    if not url:
        if env is Environment.PRODUCTION:
            given.wrong("PORTAL_SMTP_URL is required in production: smtp://user:password@host:587?tls=starttls")
        return None
    try:
        return parse_smtp_url(url)
    except ValueError as error:
        given.wrong(f"PORTAL_SMTP_URL {error}")
        return None


def _public_url(given: Variables, env: Environment) -> str:
    url = given.text("PORTAL_PUBLIC_URL", "" if env is Environment.PRODUCTION else "http://127.0.0.1:8000").rstrip("/")
    if env is Environment.PRODUCTION and not url.startswith("https://"):
        given.wrong("PORTAL_PUBLIC_URL is required in production and must begin with https://")
    elif fault := public_fault(url):
        given.wrong(f"PORTAL_PUBLIC_URL {fault}")
    else:
        return url
    return "https://portal.invalid"  # what else is checked against it must not stumble


def _mail_from(given: Variables, public_url: str) -> str:
    sender = given.text("PORTAL_MAIL_FROM", f"Reconsent <reconsent@{urlsplit(public_url).hostname}>")
    if not is_sender(sender):
        given.wrong("PORTAL_MAIL_FROM must be one e-mail address, such as Reconsent <portal@example.org>")
    return sender


def _providers_dir(given: Variables) -> Path | None:
    text = given.text("PORTAL_PROVIDERS_DIR")
    if text and not Path(text).expanduser().is_dir():
        given.wrong("PORTAL_PROVIDERS_DIR names a folder that does not exist")
    return Path(text).expanduser().absolute() if text else None


def _allowed_private_hosts(given: Variables, env: Environment) -> frozenset[str]:
    text = given.text("PORTAL_ALLOWED_PRIVATE_HOSTS")
    entries = {entry.strip().lower() for entry in text.split(",") if entry.strip()}
    if entries and env is Environment.PRODUCTION:
        given.wrong("PORTAL_ALLOWED_PRIVATE_HOSTS is for demo, development and test only: remove it in production")
    for entry in entries:
        host = re.fullmatch(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+):(\d{1,5})", entry)
        if host is None or not 0 < int(host[1]) < 65536:
            given.wrong("PORTAL_ALLOWED_PRIVATE_HOSTS must be a list of host:port, separated by commas")
    return frozenset(entries)


def _provider_variables(given: Variables) -> dict[str, str]:
    names = {name.removesuffix("_FILE") for name in given.environ if name.startswith(OF_PROVIDERS)}
    return {name: given.text(name) for name in sorted(names)}
