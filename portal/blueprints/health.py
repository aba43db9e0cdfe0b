"""Alive, ready, measured: what monitoring asks. Nothing here tells whose portal this is or who is in it."""

from collections.abc import Iterable

import structlog
from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal import clock
from portal.access import monitoring, now
from portal.rules.moments import whole_seconds
from portal.services import health, storage
from portal.services.health import Measure

blueprint = Blueprint("health", __name__)
log = structlog.get_logger(__name__)


@blueprint.get("/healthz")
@monitoring
def alive() -> ResponseReturnValue:
    """This process answers; it asks nobody else."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@monitoring
def ready() -> ResponseReturnValue:
    """Whether all parts can do their work; 503 and the reasons if not."""
    checks = health.checks(machine_now=clock.machine_now())
    is_ready = all(check.is_ok for check in checks)
    told = {check.name: check.reason or "ok" for check in checks}
    return jsonify(status="ready" if is_ready else "not ready", checks=told), 200 if is_ready else 503


@blueprint.get("/metrics")
@monitoring
def metrics() -> ResponseReturnValue:
    """The numbers of this moment, for Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Measured(health.measures(now=now(), machine_now=clock.machine_now())))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _out_of_reach(error: Exception) -> ResponseReturnValue:
    """What cannot be measured now; a collector reads plain text, and never a page."""
    log.error("measuring failed", exc_info=error)
    wait = str(whole_seconds(storage.BACK_SOON))
    return Response(f"{storage.in_words(error)}\n", 503, {"Retry-After": wait}, mimetype="text/plain")


for failure in storage.FAILURES:
    blueprint.register_error_handler(failure, _out_of_reach)


class _Measured(Collector):
    """Measures as Prometheus wants them: those of one name together."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        self._measures = tuple(measures)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for measure in self._measures:
            names = [name for name, _ in measure.labels]
            family = families.setdefault(measure.name, GaugeMetricFamily(measure.name, measure.meaning, labels=names))
            family.add_metric([value for _, value in measure.labels], measure.value)
        return families.values()
