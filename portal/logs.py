"""Logs: one JSON line an event, a constant message and fields; whatever looks like a secret is masked on the way out.

Nobody is trusted to log only harmless things: libraries put URLs, headers and answers into their messages, and
databases put values into their complaints. So every line is masked last of all, by the names of fields, by the shapes
of our own and of providers' secrets, and by the operator's very own secrets as they were configured.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

import structlog
from structlog.typing import Processor

from portal.config import Config
from portal.crypto import MASK, to_base64url

SECRET_FIELDS = re.compile(r"token|secret|password|authorization|cookie|code_verifier|api_key|link$", re.IGNORECASE)
NAMED = (  # members of queries, forms and JSON that hold secrets
    r"(?:access_|refresh_|id_|session_|csrf_)?token|client_secret|(?:client_)?assertion|code|code_verifier|state|nonce"
    r"|password|secret|authorization|api_key"
)
_SHAPES = {
    r"(?i)((?:/|%2F)login(?:/|%2F))[\w.~-]{16,}": rf"\1{MASK}",  # login links, also as part of another address
    r"\brck_[\w-]{8,}": f"rck_{MASK}",  # our API keys
    r"\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)*": MASK,  # JSON web tokens
    r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}": rf"\1 {MASK}",
    r"(\w://[^\s/:@]*:)[^\s@]+@": rf"\1{MASK}@",  # passwords in URLs
    rf"(?i)\b((?:{NAMED})=)[^&\s\"'<>]+": rf"\1{MASK}",  # query strings and forms
    rf"(?i)([\"'](?:{NAMED})\\?[\"']\s*:\s*\\?[\"'])[^\"'\\]+": rf"\1{MASK}",  # JSON, and dicts in messages
    r"(?<![\w.+%-])(?!reconsent\.\d)[\w.+%-]+(@[\w-]+(?:\.[\w-]+)+)": rf"{MASK}\1",  # people, not our Message-IDs
}
SHAPES = tuple((re.compile(shape), replacement) for shape, replacement in _SHAPES.items())
OWN_SECRET_MIN = 8  # shorter ones are too likely to be part of harmless words


def configure(config: Config) -> None:
    """Send structlog's and the standard library's records to stderr as JSON lines, masked."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    finishing: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        Masking(own_secrets(config)),
        structlog.processors.JSONRenderer(),
    ]
    _replace_handlers(structlog.stdlib.ProcessorFormatter(processors=finishing, foreign_pre_chain=shared))


class Masking:
    """The last step of every line: secrets out of its fields, whatever their depth, and of its texts."""

    def __init__(self, secrets: frozenset[str] = frozenset()) -> None:
        longest_first = sorted(map(re.escape, secrets), key=len, reverse=True)
        self._own = re.compile("|".join(longest_first)) if secrets else None

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {name: self._field(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """The text with every secret in it masked."""
        masked = self._own.sub(MASK, text) if self._own else text
        for shape, replacement in SHAPES:
            masked = shape.sub(replacement, masked)
        return masked

    def _field(self, name: object, value: Any) -> Any:
        is_secret = not isinstance(value, int | float | None) and SECRET_FIELDS.search(str(name))
        return MASK if is_secret else self._value(value)

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(name)): self._field(name, one) for name, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(one) for one in value]
        return self.text(str(value))


def own_secrets(config: Config) -> frozenset[str]:
    """Every secret of this portal's configuration, as it stands in the environment and as it would stand in a URL."""
    urls = (config.database_url, config.redis_url or "")
    secrets = {config.secret_key.reveal(), *(to_base64url(key) for _, key in config.token_keys)}
    secrets |= {unquote(urlsplit(url).password or "") for url in urls}
    secrets |= {config.smtp.password.reveal()} if config.smtp and config.smtp.password else set()
    secrets |= {
        one.strip() for name, value in config.environ.items() if name.endswith("_SECRET") for one in value.split(",")
    }
    known = {secret for secret in secrets if len(secret) >= OWN_SECRET_MIN}
    return frozenset(known | {quote(secret, safe="") for secret in known})


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at that moment."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _stream: TextIO) -> None:
        """Standard error is not ours to replace."""


def _replace_handlers(formatter: logging.Formatter) -> None:
    handler = _Stderr()
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept.formatter, type(formatter))] + [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells every command which plug-ins it has
