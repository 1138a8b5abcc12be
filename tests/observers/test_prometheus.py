"""Metrics as Prometheus reads them."""

from __future__ import annotations

import pytest

from router import CallFailed, Notice, load_router
from router.testing import ScriptedProvider, run_virtual

pytest.importorskip("prometheus_client", reason="the Prometheus client is not installed")

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from router.observers.prometheus import PrometheusObserver

FILE = """\
version: 1
endpoints: {a: {kind: mock}, b: {kind: mock}}
models: {ma: {at: a, price: {input: $1, output: $2}}, mb: {at: b, price: {input: $10, output: $20}}}
rules: [{name: all, use: [ma, mb]}]
"""


class Seen:
    def __init__(self):
        self.registry = CollectorRegistry()
        self.observer = PrometheusObserver(self.registry)

    def value(self, name, **labels):
        text = generate_latest(self.registry).decode()
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None


@pytest.fixture
def seen():
    return Seen()


def ask(tmp_path, seen, work, **providers):
    file = tmp_path / "router.yaml"
    file.write_text(FILE, encoding="utf-8")

    async def go():
        return await work(load_router(file, providers=providers, observers=[seen.observer]))

    return run_virtual(go())


def test_calls_and_attempts_are_counted(tmp_path, seen):
    async def work(router):
        for _ in range(2):
            await router.complete("x", user="somebody")
        with pytest.raises(CallFailed):
            await router.complete("x", model="ma")

    ask(
        tmp_path,
        seen,
        work,
        a=ScriptedProvider("ok", "ok", "invalid_request"),
        b=ScriptedProvider("ok"),
    )
    assert seen.value("router_calls_total") == 3
    assert seen.value("router_attempts_total", endpoint="a", outcome="invalid_request") == 1
    assert seen.value("router_attempts_total", endpoint="a", outcome="ok") == 2
    assert "somebody" not in generate_latest(seen.registry).decode()


def test_seconds_tokens_and_dollars_are_measured(tmp_path, seen):
    answer = ask(
        tmp_path,
        seen,
        lambda router: router.complete("hello there"),
        a=ScriptedProvider("ok", delay=2.0, first_token=1.0, pace=0.5),
    )
    where = {"model": "ma", "endpoint": "a"}
    assert seen.value("router_calls_total", rule="all", outcome="ok", **where) == 1
    assert seen.value("router_call_seconds_count", outcome="ok", **where) == 1
    assert seen.value("router_call_seconds_sum", **where) == pytest.approx(answer.ms / 1000)
    assert seen.value("router_first_content_seconds_sum", **where) == pytest.approx(3.0)
    assert seen.value("router_first_content_seconds_bucket", le="2.5", **where) == 0
    assert seen.value("router_first_content_seconds_bucket", le="5.0", **where) == 1
    assert seen.value("router_tokens_total", direction="input", **where) == answer.usage.input_tokens
    assert seen.value("router_tokens_total", direction="output", **where) == answer.usage.output_tokens
    assert seen.value("router_cost_dollars_total", **where) == pytest.approx(float(answer.cost))


def test_a_breaker_is_shown_while_it_is_open(tmp_path, seen):
    async def work(router):
        for _ in range(3):
            await router.complete("x")

    ask(tmp_path, seen, work, a=ScriptedProvider("server_error"), b=ScriptedProvider("ok"))
    assert seen.value("router_breaker_open", subject="`ma` at `a`") == 1
    seen.observer.noticed(Notice("breaker", "`ma` at `a`", "closed"))
    assert seen.value("router_breaker_open", subject="`ma` at `a`") == 0


def test_health_and_reloads_are_shown(seen):
    seen.observer.noticed(Notice("health", "endpoint `a`", "up"))
    seen.observer.noticed(Notice("health", "endpoint `b`", "loading"))
    seen.observer.noticed(Notice("reload", "router.yaml", "refused"))
    assert seen.value("router_endpoint_up", subject="endpoint `a`") == 1
    assert seen.value("router_endpoint_up", subject="endpoint `b`") == 0
    assert seen.value("router_notices_total", what="reload", state="refused") == 1


def test_a_call_without_an_attempt_is_counted(tmp_path, seen):
    async def work(router):
        for _ in range(2):
            with pytest.raises(CallFailed):
                await router.complete("x", model="ma")

    ask(tmp_path, seen, work, a=ScriptedProvider("authentication"))
    assert seen.value("router_calls_total", outcome="all_circuits_open", model="") == 1


def test_one_observer_watches_several_routers(tmp_path, seen):
    for _ in range(2):
        ask(tmp_path, seen, lambda router: router.complete("x"), a=ScriptedProvider("ok"))
    assert seen.value("router_calls_total") == 2
