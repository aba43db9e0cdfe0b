"""The request being answered: when it came, at which provider, and the transaction it works in."""

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from flask import g

from portal.demo.provider.issuers import Issuer
from portal.demo.provider.knobs import Knobs
from portal.demo.provider.ledger import Facts


@dataclass
class Visit:
    """Authlib calls back without arguments of ours; what its callbacks need waits here while a request lasts."""

    db: sqlite3.Connection
    issuer: Issuer
    issuer_url: str
    knobs: Knobs
    now: datetime
    outcome: str = "ok"
    facts: Facts = field(default_factory=Facts)


def begin(visit: Visit) -> Visit:
    g.visit = visit
    return visit


def current() -> Visit:
    return cast(Visit, g.visit)
