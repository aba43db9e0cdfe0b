"""The Flask extensions, and the parts of the running portal that lower layers ask for by name."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_wtf import CSRFProtect
from redis import Redis

from portal.config import Config
from portal.crypto import Keyring, Signer
from portal.providers.catalog import Catalog

KEY = "reconsent"

Item = TypeVar("Item")
Result = TypeVar("Result")


class ViewLimiter(Limiter):
    """Limits stand on views; looking for others before every request would take a fifth of the quickest one's time."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's own signature
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


login_manager = LoginManager()
csrf = CSRFProtect()
limiter = ViewLimiter(get_remote_address, headers_enabled=False, swallow_errors=True, in_memory_fallback_enabled=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """What one running portal is made of."""

    config: Config
    keyring: Keyring
    signer: Signer
    catalog: Catalog
    redis: Redis


def parts() -> Parts:
    """The parts of the portal whose application context we are in."""
    found: Parts = current_app.extensions[KEY]
    return found


def config() -> Config:
    return parts().config


def keyring() -> Keyring:
    return parts().keyring


def signer() -> Signer:
    return parts().signer


def catalog() -> Catalog:
    return parts().catalog


def redis() -> Redis:
    return parts().redis


def run_side_by_side(work: Callable[[Item], Result], items: Sequence[Item], *, width: int) -> list[Result]:
    """The results of `work` for all items, at most `width` at a time, each in an application context of its own."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own name

    def in_context(item: Item) -> Result:
        with app.app_context():
            return work(item)

    with ThreadPoolExecutor(max_workers=max(1, min(width, len(items)))) as pool:
        return list(pool.map(in_context, items))
