"""The Flask extensions, and the parts of the running portal that lower layers ask for by name."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
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
from portal.use_counts import UseCounts

KEY = "reconsent"

Item = TypeVar("Item")
Result = TypeVar("Result")


class ViewLimiter(Limiter):
    """Limits stand on views; looking for others before every request would take a fifth of the quickest one's time."""

    def init_app(self, app: Flask) -> None:
        """Begin with this app's own storage: an earlier one's may have been found dead."""
        self._storage_dead = False
        super().init_app(app)

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
    use_counts: UseCounts = field(default_factory=UseCounts)


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


def in_own_context(work: Callable[[Item], Result]) -> Callable[[Item], Result]:
    """`work` for other threads, which may outlive this request: each call has an application context of its own."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own name

    def in_context(item: Item) -> Result:
        with app.app_context():
            return work(item)

    return in_context


def run_side_by_side(work: Callable[[Item], Result], items: Sequence[Item], *, width: int) -> list[Result]:
    """The results of `work` for all items, at most `width` at a time, in an application context a thread.

    Raises what the first failing one raised, after all have been done.
    """
    outcomes: list[Future[Result]] = [Future() for _ in items]
    left = deque(zip(outcomes, items, strict=True))
    lanes = max(1, min(width, len(items)))
    with ThreadPoolExecutor(lanes) as pool:
        list(pool.map(in_own_context(lambda _lane: _work_off(work, left)), range(lanes)))
    return [outcome.result() for outcome in outcomes]


def _work_off(work: Callable[[Item], Result], left: "deque[tuple[Future[Result], Item]]") -> None:
    while left:
        try:
            outcome, item = left.popleft()
        except IndexError:
            return  # another thread was faster
        try:
            outcome.set_result(work(item))
        except Exception as error:  # noqa: BLE001 - whoever asked for all of it gets it
            outcome.set_exception(error)
