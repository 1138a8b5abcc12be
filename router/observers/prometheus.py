"""Metrics for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.observer import Observer

try:
    from prometheus_client import REGISTRY, Counter, Gauge, Histogram
except ImportError as error:  # pragma: no cover - tested in a process of its own
    raise ImportError(
        "PrometheusObserver needs its client: pip install 'pantheon-router[prometheus]'"
    ) from error

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)


class PrometheusObserver(Observer):
    """Counts calls, attempts, tokens and dollars, and measures seconds. One may watch several routers.

    Labels are names of the file and kinds of outcome, nothing of what callers say.

    Args:
        registry: Where the metrics are registered; the client's own by default.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        where = ("model", "endpoint")
        self._calls = Counter(
            "router_calls", "Calls that ended.", (*where, "rule", "outcome"), registry=registry
        )
        self._attempts = Counter(
            "router_attempts", "Attempts that ended.", (*where, "outcome"), registry=registry
        )
        self._seconds = Histogram(
            "router_call_seconds",
            "Seconds of a call, its retries and failovers included.",
            (*where, "outcome"),
            registry=registry,
            buckets=SECONDS,
        )
        self._first = Histogram(
            "router_first_content_seconds",
            "Seconds from an attempt's start to its first content.",
            where,
            registry=registry,
            buckets=SECONDS,
        )
        self._tokens = Counter("router_tokens", "Tokens used.", (*where, "direction"), registry=registry)
        self._cost = Counter(
            "router_cost_dollars", "Dollars spent, as far as known.", where, registry=registry
        )
        self._breakers = Gauge(
            "router_breaker_open",
            "1 while a breaker is open, 0 once it closed.",
            ("subject",),
            registry=registry,
        )
        self._health = Gauge(
            "router_endpoint_up",
            "What health checks say: 1 up, 0 loading or down.",
            ("subject",),
            registry=registry,
        )
        self._notices = Counter(
            "router_notices", "What happened beside the calls.", ("what", "state"), registry=registry
        )

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:  # noqa: ARG002 - an id is no label
        """Count one attempt, its tokens and its cost."""
        where = (record.model, record.endpoint)
        self._attempts.labels(*where, record.outcome).inc()
        if record.first_ms is not None:
            self._first.labels(*where).observe(record.first_ms / 1000)
        if record.usage is not None:
            self._tokens.labels(*where, "input").inc(record.usage.input_tokens)
            self._tokens.labels(*where, "output").inc(record.usage.output_tokens)
        if record.cost is not None:
            self._cost.labels(*where).inc(float(record.cost))

    def call_ended(self, record: CallRecord) -> None:
        """Count one call."""
        where = (record.model or "", record.endpoint or "")
        self._calls.labels(*where, record.rule or "", record.outcome).inc()
        self._seconds.labels(*where, record.outcome).observe(record.ms / 1000)

    def noticed(self, notice: Notice) -> None:
        """Count it, and show the state of a breaker or of an endpoint."""
        self._notices.labels(notice.what, notice.state).inc()
        if notice.what == "breaker":
            self._breakers.labels(notice.subject).set(notice.state == "open")
        elif notice.what == "health":
            self._health.labels(notice.subject).set(notice.state == "up")
