"""Traces and metrics by OpenTelemetry, under the `gen_ai.*` names of its semantic conventions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.observer import Observer
from router.core.record import LOST
from router.observers.content import hashed

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as error:  # pragma: no cover - tested in a process of its own
    raise ImportError("OtelObserver needs OpenTelemetry: pip install 'pantheon-router[otel]'") from error

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord
    from router.core.usage import Usage

SCOPE = "router"
OPERATION = "gen_ai.operation.name"
# The buckets that the conventions advise.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(float(4**power) for power in range(14))
_Attributes = dict[str, "AttributeValue"]


class OtelObserver(Observer):
    """Makes a span of each call, below it one of each attempt, with their true times; counts tokens and seconds.

    A call's span lies below the span that is current where the call is made. No prompt and no answer is recorded,
    and of a user a hash.

    Args:
        tracers: Where spans go; the global provider by default.
        meters: Where metrics go; the global provider by default.
    """

    def __init__(self, tracers: TracerProvider | None = None, meters: MeterProvider | None = None) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracers)
        meter = metrics.get_meter(SCOPE, meter_provider=meters)
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens of one attempt.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )
        self._seconds = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Seconds of one call, its retries and failovers included.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._first = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Seconds from a call to the first content of its answer.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._notices = meter.create_counter(
            "router.notices", description="Breakers, health checks and reloads that changed."
        )

    def call_ended(self, record: CallRecord) -> None:
        """Make the spans of a call, and count it."""
        asked: _Attributes = {OPERATION: "chat"}
        if record.model is not None and record.endpoint is not None:
            asked |= {"gen_ai.request.model": record.model, "gen_ai.provider.name": record.endpoint}
        failed: _Attributes = {} if record.outcome == "ok" else {"error.type": record.outcome}
        span = self._tracer.start_span(
            f"chat {record.model}" if record.model is not None else "chat",
            kind=SpanKind.INTERNAL,
            start_time=_ns(record.began),
            attributes={**asked, **_of_call(record), **failed},
        )
        below = trace.set_span_in_context(span)
        for attempt in record.attempts:
            self._attempted(record, attempt, below)
        _end(span, record.outcome, record.began + record.ms / 1000)
        self._seconds.record(record.ms / 1000, {**asked, **failed}, context=below)
        if record.first_ms is not None:
            self._first.record(record.first_ms / 1000, asked, context=below)

    def noticed(self, notice: Notice) -> None:
        """Count what happened beside the calls."""
        where = {"router.what": notice.what, "router.subject": notice.subject, "router.state": notice.state}
        self._notices.add(1, where)

    def _attempted(self, record: CallRecord, attempt: AttemptRecord, below: Context) -> None:
        asked: _Attributes = {
            OPERATION: "chat",
            "gen_ai.request.model": attempt.model,
            "gen_ai.provider.name": attempt.endpoint,
        }
        began = record.began + attempt.at_ms / 1000
        span = self._tracer.start_span(
            f"chat {attempt.model}",
            context=below,
            kind=SpanKind.CLIENT,
            start_time=_ns(began),
            attributes={**asked, **_of_attempt(attempt)},
        )
        if attempt.first_ms is not None:
            span.add_event("gen_ai.first_content", timestamp=_ns(began + attempt.first_ms / 1000))
        _end(span, attempt.outcome, began + attempt.ms / 1000)
        if attempt.usage is not None:
            counts = {"input": attempt.usage.input_tokens, "output": attempt.usage.output_tokens}
            for kind, count in counts.items():
                self._tokens.record(count, {**asked, "gen_ai.token.type": kind}, context=below)


def _end(span: Span, outcome: str, at: float) -> None:
    """End a span; one that was only left, or lost a race, is no error."""
    if outcome not in {"ok", "cancelled", LOST}:
        span.set_status(Status(StatusCode.ERROR, outcome))
    span.end(_ns(at))


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _of_usage(usage: Usage | None) -> _Attributes:
    if usage is None:
        return {}
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
    }


def _of_call(record: CallRecord) -> _Attributes:
    found: dict[str, AttributeValue | None] = {
        "router.request_id": record.request_id,
        "router.rule": record.rule,
        "router.outcome": record.outcome,
        "router.attempts": len(record.attempts),
        "router.stream": record.stream,
        "router.cached": record.cached,
        "router.degraded": record.degraded,
        "router.cost": None if record.cost is None else float(record.cost),
        "user.hash": None if record.user is None else hashed(record.user),
    }
    if record.completion is not None:
        found["gen_ai.response.finish_reasons"] = (record.completion.finish_reason,)
    known = {name: value for name, value in found.items() if value is not None}
    dimensions = {f"router.dimension.{name}": value for name, value in record.dimensions.items()}
    return {**known, **dimensions, **_of_usage(record.usage)}


def _of_attempt(attempt: AttemptRecord) -> _Attributes:
    found: dict[str, AttributeValue | None] = {
        "router.outcome": attempt.outcome,
        "router.cost": None if attempt.cost is None else float(attempt.cost),
        "http.response.status_code": attempt.status,
        "gen_ai.response.id": attempt.upstream_id,
        "error.type": None if attempt.outcome == "ok" else attempt.outcome,
    }
    known = {name: value for name, value in found.items() if value is not None}
    return {**known, **_of_usage(attempt.usage)}
