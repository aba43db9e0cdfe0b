"""Tokens to be refreshed before they end."""

from uuid import UUID

from portal import clock
from portal.services import tokens, workers


def ring_due() -> int:
    """A job for each batch of connections whose tokens should be refreshed now."""
    batches = tokens.claim_due_batches(now=clock.now())
    for batch in batches:
        workers.ring("jobs.tokens.refresh_batch", [str(one) for one in batch], at_front=True)
    return len(batches)


def refresh_batch(connection_ids: list[str]) -> int:
    """One batch, several at a time."""
    return tokens.refresh_batch([UUID(one) for one in connection_ids], now=clock.now())
