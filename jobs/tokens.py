"""Tokens to be refreshed before they end."""

from uuid import UUID

from portal import clock
from portal.services import app_secrets, failing, tokens, workers


def ring_due() -> int:
    """A job for each batch of connections whose tokens should be refreshed now."""
    now, rung = clock.now(), 0
    while batches := tokens.claim_due_batches(now=now):
        for batch in batches:
            workers.ring("jobs.tokens.refresh_batch", [str(one) for one in batch], at_front=True)
        rung += len(batches)
    return rung


def refresh_batch(connection_ids: list[str]) -> int:
    """One batch, several at a time."""
    now = clock.now()
    refreshed = tokens.refresh_batch([UUID(one) for one in connection_ids], now=now)
    app_secrets.tell_dead(now=now)
    return refreshed


def tidy() -> int:
    """Refresh tokens that no provider honours any more, and incidents of which nobody is left."""
    return tokens.tidy(now=clock.now())


def tell_failing() -> int:
    """Connections whose refreshes have failed for a day."""
    return failing.tell(now=clock.now())
