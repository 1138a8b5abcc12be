"""Spans and metrics of calls."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from router import CallFailed, Notice, load_router
from router.observers.content import hashed
from router.testing import ScriptedProvider, run_virtual

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from router.observers.otel import OtelObserver

FILE = """\
version: 1
dimensions: {data: {values: [public, private], default: public}}
endpoints: {a: {kind: mock}, b: {kind: mock}}
models: {ma: {at: a, price: {input: $1, output: $2}}, mb: {at: b}}
rules: [{name: all, use: [ma, mb]}]
"""


class Seen:
    def __init__(self):
        self.spans_in = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans_in))
        self.reader = InMemoryMetricReader()
        self.observer = OtelObserver(self.tracers, MeterProvider([self.reader]))

    @property
    def spans(self):
        return {span.name + "/" + span.kind.name.lower(): span for span in self.spans_in.get_finished_spans()}

    def points(self, name):
        found = self.reader.get_metrics_data()
        metrics = [
            metric
            for each in found.resource_metrics
            for scope in each.scope_metrics
            for metric in scope.metrics
        ]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def ask(file, seen, work=None, **providers):
    async def go():
        router = load_router(file, providers=providers, observers=[seen.observer])
        return await (work(router) if work else router.complete("hello there", data="private", user="u"))

    return run_virtual(go())


def test_a_call_is_a_span_over_one_for_each_attempt(file, seen):
    answer = ask(file, seen, a=ScriptedProvider("authentication"), b=ScriptedProvider("ok"))
    call, failed, good = (
        seen.spans[name] for name in ("chat mb/internal", "chat ma/client", "chat mb/client")
    )
    assert [span.parent.span_id for span in (failed, good)] == [call.context.span_id] * 2
    assert call.parent is None
    assert call.attributes["gen_ai.operation.name"] == "chat"
    assert call.attributes["gen_ai.request.model"] == "mb"
    assert call.attributes["gen_ai.provider.name"] == "b"
    assert call.attributes["gen_ai.usage.input_tokens"] == answer.usage.input_tokens
    assert call.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert call.attributes["router.rule"] == "all"
    assert call.attributes["router.request_id"] == answer.request_id
    assert call.attributes["router.dimension.data"] == "private"
    assert call.attributes["user.hash"] == hashed("u")
    assert "u" not in call.attributes.values()
    assert call.attributes["router.attempts"] == 2
    assert call.status.status_code is StatusCode.UNSET
    assert failed.attributes["error.type"] == "authentication"
    assert failed.status.status_code is StatusCode.ERROR
    assert good.status.status_code is StatusCode.UNSET
    assert good.kind is SpanKind.CLIENT


def test_spans_have_the_true_times(file, seen):
    slow = ScriptedProvider("ok", delay=1.0, first_token=0.5, pace=0.25)

    async def work(router):
        return await router.complete("hello there", model="mb")

    ask(file, seen, work, b=slow)
    call, attempt = seen.spans["chat mb/internal"], seen.spans["chat mb/client"]
    seconds = (attempt.end_time - attempt.start_time) / 1e9
    assert seconds == pytest.approx((call.end_time - call.start_time) / 1e9, abs=1e-5)
    assert seconds >= 1.749
    (event,) = attempt.events
    assert (event.timestamp - attempt.start_time) / 1e9 == pytest.approx(1.5, abs=1e-5)


def test_a_later_attempt_begins_when_it_did(file, seen):
    ask(file, seen, a=ScriptedProvider("timeout"), b=ScriptedProvider("ok"))
    call = seen.spans["chat mb/internal"]
    first, second = seen.spans["chat ma/client"], seen.spans["chat mb/client"]
    assert first.end_time <= second.start_time + 1000
    assert (first.end_time - call.start_time) / 1e9 == pytest.approx(60, abs=0.01)


def test_a_call_lies_below_the_callers_own_span(file, seen):
    async def work(router):
        with seen.tracers.get_tracer("test").start_as_current_span("mine"):
            return await router.complete("x")

    ask(file, seen, work, a=ScriptedProvider("ok"))
    assert seen.spans["chat ma/internal"].parent.span_id == seen.spans["mine/internal"].context.span_id


def test_a_failed_call_is_an_error_and_one_that_was_left_is_none(file, seen):
    async def work(router):
        with pytest.raises(CallFailed):
            await router.complete("x", model="ma")
        async with router.stream("x", model="mb") as reply:
            await anext(reply)

    ask(file, seen, work, a=ScriptedProvider("invalid_request"), b=ScriptedProvider({"say": "one two"}))
    failed, left = seen.spans["chat ma/internal"], seen.spans["chat mb/internal"]
    assert (failed.status.status_code, failed.attributes["error.type"]) == (
        StatusCode.ERROR,
        "invalid_request",
    )
    assert (left.status.status_code, left.attributes["error.type"]) == (StatusCode.UNSET, "cancelled")


def test_tokens_and_seconds_are_measured(file, seen):
    slow = ScriptedProvider("ok", delay=2.0)
    answer = ask(file, seen, a=ScriptedProvider("authentication"), b=slow)
    tokens = {
        point.attributes["gen_ai.token.type"]: point for point in seen.points("gen_ai.client.token.usage")
    }
    assert tokens["input"].sum == answer.usage.input_tokens
    assert tokens["output"].sum == answer.usage.output_tokens
    assert tokens["input"].attributes["gen_ai.request.model"] == "mb"
    (seconds,) = seen.points("gen_ai.client.operation.duration")
    assert seconds.sum == pytest.approx(2.0, abs=0.01)
    assert 2.56 in seconds.explicit_bounds
    (first,) = seen.points("gen_ai.client.operation.time_to_first_chunk")
    assert first.count == 1


def test_cost_is_on_the_span(file, seen):
    answer = ask(file, seen, a=ScriptedProvider("ok"))
    assert Decimal(str(seen.spans["chat ma/client"].attributes["router.cost"])) == answer.cost


def test_a_call_without_an_attempt_is_a_span_too(file, seen):
    async def work(router):
        for _ in range(4):
            with pytest.raises(CallFailed):
                await router.complete("x", model="ma", deadline=1)

    ask(file, seen, work, a=ScriptedProvider("authentication"))
    (alone,) = [span for name, span in seen.spans.items() if name.startswith("chat/")]
    assert alone.attributes["error.type"] == "all_circuits_open"


def test_notices_are_counted(seen):
    seen.observer.noticed(Notice("breaker", "host x", "open"))
    seen.observer.noticed(Notice("breaker", "host x", "open"))
    (point,) = seen.points("router.notices")
    assert point.value == 2
    assert point.attributes["router.subject"] == "host x"


@pytest.mark.parametrize(
    ("name", "hidden", "extra"),
    [("otel", "opentelemetry", "otel"), ("prometheus", "prometheus_client", "prometheus")],
)
def test_a_missing_extra_is_told_by_name(name, hidden, extra):
    code = f"import sys; sys.modules['{hidden}'] = None\nimport router.observers.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"pip install 'pantheon-router[{extra}]'" in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("ImportError")
