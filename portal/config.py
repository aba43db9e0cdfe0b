"""The configuration: read once from the environment, checked as a whole, every problem named at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from portal.crypto import KEY_BYTES, Secret, from_base64url
from portal.mail_settings import SmtpSettings, parse_smtp_url
from portal.own_secrets import own_secret_key, own_token_keys
from portal.rules.problems import ConfigurationInvalid

MIN_SECRET_BYTES = 32
KNOWN_SAMPLES = ("change-me", "changeme", "change_me", "replace-with", "your-secret", "secret-key", "secretkey", "example", "password")
SECRET_NAMES = ("PORTAL_SECRET_KEY", "PORTAL_TOKEN_KEYS", "PORTAL_DATABASE_URL", "PORTAL_REDIS_URL", "PORTAL_SMTP_URL")


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


class _Reader:
    """Takes values out of the environment and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The variable's value, or what the file named by `<name>_FILE` holds."""
        path = self.environ.get(f"{name}_FILE", "")
        if not path:
            return self.environ.get(name, default).strip() or default
        if self.environ.get(name):
            self.problems.append(f"{name} and {name}_FILE are both set: keep one of them")
        return self._file(f"{name}_FILE", path)

    def _file(self, name: str, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{name} names a file that cannot be read ({type(error).__name__})")
            return ""

    def wrong(self, problem: str) -> None:
        self.problems.append(problem)


def load_config(environ: Mapping[str, str]) -> Config:
    """The checked configuration; raises ConfigurationInvalid with every problem found, no secret among the words."""
    reader = _Reader(environ)
    env = _environment(reader)
    data_dir = Path(reader.text("PORTAL_DATA_DIR", "instance")).expanduser().absolute()
    _check_data_dir(reader, data_dir)
    public_url = _public_url(reader, env)
    settings = Config(
        env=env,
        secret_key=_secret_key(reader, env, data_dir),
        token_keys=_token_keys(reader, env, data_dir),
        database_url=_database_url(reader, env, data_dir),
        redis_url=_redis_url(reader, env),
        smtp=_smtp(reader, env),
        mail_from=_mail_from(reader, public_url),
        public_url=public_url,
        data_dir=data_dir,
        providers_dir=_providers_dir(reader),
        allowed_private_hosts=_allowed_private_hosts(reader, env),
        trusted_proxies=_number(reader, "PORTAL_TRUSTED_PROXIES", default=0, most=10),
        threads=_number(reader, "PORTAL_THREADS", default=8, most=64),
        environ=_provider_variables(reader),
    )
    if reader.problems:
        raise ConfigurationInvalid(tuple(reader.problems))
    return settings


def _environment(reader: _Reader) -> Environment:
    word = reader.text("PORTAL_ENV", Environment.DEVELOPMENT)
    if word not in set(Environment):
        reader.wrong(f"PORTAL_ENV must be one of {', '.join(Environment)}")
        return Environment.PRODUCTION
    return Environment(word)


def _check_data_dir(reader: _Reader, data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reader.wrong(f"PORTAL_DATA_DIR cannot be made or written ({type(error).__name__}): choose a folder of our own")


def _secret_key(reader: _Reader, env: Environment, data_dir: Path) -> Secret:
    text = reader.text("PORTAL_SECRET_KEY")
    if not text and env is not Environment.PRODUCTION and not reader.problems:
        return own_secret_key(data_dir)
    if len(text.encode()) < MIN_SECRET_BYTES:
        reader.wrong(f"PORTAL_SECRET_KEY must be at least {MIN_SECRET_BYTES} bytes of your own random text")
    elif len(set(text)) < 8 or any(sample in text.lower() for sample in KNOWN_SAMPLES):
        reader.wrong("PORTAL_SECRET_KEY is a known sample: make your own, for example with `openssl rand -hex 32`")
    return Secret(text)


def _token_keys(reader: _Reader, env: Environment, data_dir: Path) -> tuple[tuple[str, bytes], ...]:
    text = reader.text("PORTAL_TOKEN_KEYS")
    if not text and env is not Environment.PRODUCTION and not reader.problems:
        return own_token_keys(data_dir)
    keys = [_token_key(reader, entry.strip()) for entry in text.split(",") if entry.strip()]
    if not keys:
        reader.wrong("PORTAL_TOKEN_KEYS must hold at least one key, written `id:base64url-of-32-bytes`")
    if len({key_id for key_id, _ in keys}) < len(keys):
        reader.wrong("PORTAL_TOKEN_KEYS names one key id twice: every key needs an id of its own")
    return tuple(keys)


def _token_key(reader: _Reader, entry: str) -> tuple[str, bytes]:
    key_id, _, encoded = entry.partition(":")
    try:
        key = from_base64url(encoded.rstrip("="))
    except ValueError:
        key = b""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", key_id) or len(key) != KEY_BYTES or len(set(key)) < 8:
        reader.wrong("PORTAL_TOKEN_KEYS holds an entry that is not `id:base64url-of-32-random-bytes`")
    return key_id, key


def _database_url(reader: _Reader, env: Environment, data_dir: Path) -> str:
    url = reader.text("PORTAL_DATABASE_URL")
    if not url:
        if env is Environment.PRODUCTION:
            reader.wrong("PORTAL_DATABASE_URL is required in production: postgresql+psycopg://user:password@host/name")
        return f"sqlite:///{data_dir / 'portal.sqlite3'}"
    if not re.match(r"(postgresql(\+psycopg)?|sqlite)://", url):
        reader.wrong("PORTAL_DATABASE_URL must begin with postgresql+psycopg:// (or sqlite:/// to try things out)")
    return re.sub(r"^postgresql://", "postgresql+psycopg://", url)


def _redis_url(reader: _Reader, env: Environment) -> str | None:
    url = reader.text("PORTAL_REDIS_URL")
    if not url and env is Environment.PRODUCTION:
        reader.wrong("PORTAL_REDIS_URL is required in production: redis://host:6379/0")
    if url and urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        reader.wrong("PORTAL_REDIS_URL must begin with redis://, rediss:// or unix://")
    return url or None


def _smtp(reader: _Reader, env: Environment) -> SmtpSettings | None:
    url = reader.text("PORTAL_SMTP_URL")
    if not url:
        if env is Environment.PRODUCTION:
            reader.wrong("PORTAL_SMTP_URL is required in production: smtp://user:password@host:587?tls=starttls")
        return None
    try:
        return parse_smtp_url(url)
    except ValueError as error:
        reader.wrong(f"PORTAL_SMTP_URL {error}")
        return None


def _public_url(reader: _Reader, env: Environment) -> str:
    url = reader.text("PORTAL_PUBLIC_URL", "" if env is Environment.PRODUCTION else "http://127.0.0.1:8000").rstrip("/")
    if env is Environment.PRODUCTION and not url.startswith("https://"):
        reader.wrong("PORTAL_PUBLIC_URL is required in production and must begin with https://")
    elif not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[\w./-]*)?", url):
        reader.wrong("PORTAL_PUBLIC_URL must be the portal's address alone, such as https://portal.example.org")
    return url


def _mail_from(reader: _Reader, public_url: str) -> str:
    host = urlsplit(public_url).hostname or "localhost"
    sender = reader.text("PORTAL_MAIL_FROM", f"Reconsent <reconsent@{host}>")
    if "@" not in parseaddr(sender)[1] or any(ord(letter) < 32 for letter in sender):
        reader.wrong("PORTAL_MAIL_FROM must be an e-mail address, such as Reconsent <portal@example.org>")
    return sender


def _providers_dir(reader: _Reader) -> Path | None:
    text = reader.text("PORTAL_PROVIDERS_DIR")
    if text and not Path(text).expanduser().is_dir():
        reader.wrong("PORTAL_PROVIDERS_DIR names a folder that does not exist")
    return Path(text).expanduser().absolute() if text else None


def _allowed_private_hosts(reader: _Reader, env: Environment) -> frozenset[str]:
    entries = {entry.strip().lower() for entry in reader.text("PORTAL_ALLOWED_PRIVATE_HOSTS").split(",") if entry.strip()}
    if entries and env is Environment.PRODUCTION:
        reader.wrong("PORTAL_ALLOWED_PRIVATE_HOSTS is for demo, development and test only: remove it in production")
    for entry in entries:
        if not re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}", entry):
            reader.wrong("PORTAL_ALLOWED_PRIVATE_HOSTS must be a list of host:port, separated by commas")
    return frozenset(entries)


def _number(reader: _Reader, name: str, *, default: int, most: int) -> int:
    text = reader.text(name, str(default))
    if not text.isdecimal() or int(text) > most:
        reader.wrong(f"{name} must be a whole number from 0 to {most}")
        return default
    return int(text)


def _provider_variables(reader: _Reader) -> dict[str, str]:
    names = {name.removesuffix("_FILE") for name in reader.environ if name.startswith("PORTAL_PROVIDER_")}
    return {name: reader.text(name) for name in sorted(names)}
