"""Asking providers about tokens that nothing else would notice dying."""

from uuid import UUID

from portal import clock
from portal.services import app_secrets, probes, workers


def ring_due() -> int:
    """A job for each batch of connections to be asked about now."""
    batches = probes.claim_due_batches(now=clock.now())
    for batch in batches:
        workers.ring("jobs.probes.probe_batch", [str(one) for one in batch])
    return len(batches)


def probe_batch(connection_ids: list[str]) -> int:
    """One batch of one provider."""
    now = clock.now()
    alive = probes.probe_batch([UUID(one) for one in connection_ids], now=now)
    app_secrets.tell_dead(now=now)
    return alive


def plan_missing() -> int:
    """Connections that nobody has planned a probe for."""
    return probes.plan_missing(now=clock.now())
