"""What Prometheus is told: requests by route, tiers answered, what is in force, and drift.

Requests are told apart by the route that answered, never by their address: an address can hold the code of
an individual business, and there would be as many series as enterprises. BentoML's own counts go by address,
so they are switched off. Where the server gives the workers a folder to share (it does under BentoML), all
of them are counted together.
"""

from __future__ import annotations

import os
from collections import Counter as Counted
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from serving import drift
from serving.problems import Problem
from serving.scope import today

if TYPE_CHECKING:
    from serving.endpoints import Call, Context

MEDIA_TYPE = CONTENT_TYPE_LATEST
#: Folder that the workers share; the server sets it before they start.
SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: Methods that are told apart; a caller may send any word.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
#: Seconds: from a look-up to a long batch.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
#: Origins of a tier: from the published classification, or scored from records in the request.
PUBLISHED, SCORED = "published", "scored"

_REGISTRY = CollectorRegistry()
_REQUESTS = Counter(
    "risk_model_requests", "Requests answered.", ["method", "route", "status"], registry=_REGISTRY
)
_SECONDS = Histogram(
    "risk_model_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ["method", "route"],
    buckets=BUCKETS,
    registry=_REGISTRY,
)
_IN_PROGRESS = Gauge(
    "risk_model_requests_in_progress",
    "Requests being answered.",
    registry=_REGISTRY,
    multiprocess_mode="livesum",
)
_TIERS = Counter(
    "risk_model_tiers_answered",
    "Tiers that the interface answered, by model.",
    ["model", "tier", "origin"],
    registry=_REGISTRY,
)


def began() -> None:
    """Count a request that came in."""
    _IN_PROGRESS.inc()


def ended(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that was answered.

    Parameters
    ----------
    method
        Of the request.
    route
        Its route with the names of its parameters, not their values.
    status
        Of the answer.
    seconds
        What it took.
    """
    _IN_PROGRESS.dec()
    count, duration = _of_route(method if method in METHODS else "other", route, status)
    count.inc()
    duration.observe(seconds)


@cache
def _of_route(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the series of a route: to look for them by label takes longer than to count."""
    return _REQUESTS.labels(method, route, str(status)), _SECONDS.labels(method, route)


def answered(origin: str, tiers: Iterable[tuple[str, str]]) -> None:
    """Count tiers that are answered.

    Parameters
    ----------
    origin
        :data:`PUBLISHED` or :data:`SCORED`.
    tiers
        Model and tier of each.
    """
    for (model, tier), count in Counted(tiers).items():
        _TIERS.labels(model, tier, origin).inc(count)


def exposed(call: Call) -> Response:
    """Answer in the text format of Prometheus."""
    registry = _REGISTRY
    if os.environ.get(SHARED):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    state = CollectorRegistry()
    state.register(_State(call.context))
    return Response(generate_latest(registry) + generate_latest(state), headers={"Content-Type": MEDIA_TYPE})


class _State:
    """What is in force, looked up when Prometheus asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not look anything up."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the figures of now; none where nothing is published or registered."""
        return [*self._of_classification(), *self._of_champions()]

    def _of_classification(self) -> Iterable[Metric]:
        try:
            publication = self._context.current.publication()
        except Problem:
            return
        age = GaugeMetricFamily(
            "risk_model_classification_age_days", "Days since the date of the classification in force."
        )
        age.add_metric([], (today() - publication.as_of).days)
        yield age
        classified = GaugeMetricFamily(
            "risk_model_classified_enterprises",
            "Enterprises of the classification in force, by model and tier.",
            labels=["model", "tier"],
        )
        for model, told in publication.document["models"].items():
            for tier, count in told["tiers"].items():
                classified.add_metric([model, tier], count)
        yield classified
        found = drift.kept(self._context.home, publication, self._context.computed)
        if found is None:
            return
        moved = GaugeMetricFamily(
            "risk_model_drift_psi",
            "Population stability index of the margins against training, as last worked out.",
            labels=["model"],
        )
        alarms = GaugeMetricFamily(
            "risk_model_drift_alarms", "Alarms of the monitoring, as last worked out.", labels=["model"]
        )
        for model, told in found.facts["models"].items():
            moved.add_metric([model], told["score"]["psi"])
            alarms.add_metric([model], len(told["alarms"]))
        yield moved
        yield alarms

    def _of_champions(self) -> Iterable[Metric]:
        try:
            versions = self._context.current.champions().versions
        except Problem:
            return
        champions = GaugeMetricFamily(
            "risk_model_champion", "1 for the version of each model that scores.", labels=["model", "version"]
        )
        for model, version in versions.items():
            champions.add_metric([model, version], 1)
        yield champions
