"""A day of one-hour tokens, in a few minutes: ticks as the scheduler's, and backends that ask at any moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from bench.due import LIFE, Due, due_connections
from bench.figures import Figure, Median, at_least, at_most
from bench.site import Site
from bench.slow_provider import ledger, slow_provider
from portal import clock
from portal.rules import freshness
from portal.services import tokens
from portal.services.asker import Asker

TICK = timedelta(minutes=1)
ASKED_A_TICK = 5
MOST_REFRESHES_A_LIFE = 1.15


@dataclass
class Day:
    """What backends were given."""

    answers: int = 0
    living: int = 0


def measure(site: Site) -> Iterator[Figure]:
    size, length = site.size.day_connections, site.size.day
    with (
        slow_provider(site.folder, thinks_s=0.0) as provider,
        site.portal("day", provider.environ) as portal,
        due_connections(portal, size) as rows,
    ):
        with portal.app.app_context():
            day = _lived(rows, clock.now(), length)
        refreshes = sum(ledger(provider.address).values())
    lives = size * (length / (LIFE * freshness.EARLY))  # a token's life is over when its refresh is due
    words = f"of {size:,} connections in {length / timedelta(hours=1):.0f} hours"
    living = Median(f"living tokens handed out {words}", day.living, "tokens")
    yield Figure("day", site.kind, living, Median("answers", day.answers, "tokens"), at_least(1))
    made = Median(f"refreshes {words}", refreshes, "calls")
    yield Figure("day", site.kind, made, Median("lives of a token", lives, "lives"), at_most(MOST_REFRESHES_A_LIFE))


def _lived(rows: Due, begins_at: datetime, length: timedelta) -> Day:
    day, dice, now = Day(), Random(20261120), begins_at
    while now < begins_at + length:
        now += TICK
        while batches := tokens.claim_due_batches(now=now):
            for batch in batches:
                tokens.refresh_batch(batch, now=now)
        for _ in range(ASKED_A_TICK):
            _ask(day, rows, dice, now + TICK * dice.random())
    return day


def _ask(day: Day, rows: Due, dice: Random, now: datetime) -> None:
    asker = Asker.command(rows.organization_id)
    fresh = tokens.fresh_access_token(asker, dice.choice(rows.connection_ids), now=now)
    day.answers += 1
    day.living += fresh.expires_at is not None and fresh.expires_at > now
