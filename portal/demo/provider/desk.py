"""Opens the transaction a request works in and tells it where it is."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar, cast

from flask import abort, current_app

from portal import clock
from portal.demo.provider import knobs
from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.store import Store
from portal.demo.provider.visit import Visit, begin

R = TypeVar("R")


@dataclass(frozen=True)
class Desk:
    """What lives as long as the app: the store and the address people know."""

    store: Store
    public_url: str

    def issuer_url(self, slug: str) -> str:
        return f"{self.public_url}/{slug}"


def desk() -> Desk:
    return cast(Desk, current_app.extensions["desk"])


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    with desk().store.transaction() as db:
        yield db


@contextmanager
def visiting(slug: str) -> Iterator[Visit]:
    """One provider, one transaction, one moment; an unknown provider is not found."""
    issuer = ISSUERS.get(slug) or abort(404)
    with transaction() as db:
        turned = knobs.current(db, slug, issuer.knobs)
        yield begin(Visit(db, issuer, desk().issuer_url(slug), turned, clock.now()))


def visited(view: Callable[[Visit], R]) -> Callable[[str], R]:
    """Run a view below `/<slug>` inside a visit, so that all it does is committed before it is answered."""

    @wraps(view)
    def inside(slug: str) -> R:
        with visiting(slug) as visit:
            return view(visit)

    return inside
