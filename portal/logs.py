"""Logs: one JSON line an event, a constant message and fields; whatever looks like a secret is masked on the way out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from portal.config import Config
from portal.crypto import MASK

SECRET_FIELDS = re.compile(r"token|secret|password|authorization|cookie|code_verifier|api_key|link$", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(/login/)[\w.~-]{20,}"  # login links
    r"|((?:access_token|refresh_token|id_token|client_secret|code|code_verifier|state)=)[^&\s\"']+"  # query strings and forms
    r"|(Bearer )[\w.~+/-]{8,}=*"
    r"|(rck_)[\w-]{8,}",  # API keys
)


def configure(config: Config) -> None:
    """Send structlog's and the standard library's records to stderr as JSON lines, masked."""
    shared = [
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
    finishing = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.processors.JSONRenderer(default=str),
    ]
    _replace_handlers(structlog.stdlib.ProcessorFormatter(processors=finishing, foreign_pre_chain=shared))


def _replace_handlers(formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if not isinstance(kept.formatter, type(formatter))] + [handler]
    root.setLevel(logging.INFO)


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask fields by name and texts by shape, whatever their depth."""
    return {name: MASK if SECRET_FIELDS.search(name) else _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET_TEXT.sub(lambda match: next(filter(None, match.groups())) + MASK, value)
    if isinstance(value, dict):
        return mask_secrets(None, "", value)
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value
