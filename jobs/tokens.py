"""Tokens to be refreshed before they end."""

from uuid import UUID

from portal import clock
from portal.services import tokens


def ring_due() -> int:
    """A job for each batch of connections whose tokens should be refreshed now."""
    return tokens.ring_due(now=clock.now())


def refresh_batch(connection_ids: list[str]) -> int:
    """One batch, several at a time."""
    return tokens.refresh_batch([UUID(one) for one in connection_ids], now=clock.now())
