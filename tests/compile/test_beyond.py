"""What `explain` tells of policies beyond retries."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import load_router
from router.compile.compiler import compile_configuration
from router.compile.explain import explain
from router.config.load import load_source
from router.diagnostics.source import Source
from router.runtime.said import explained_values

HEAD = """version: 1
endpoints:
  a: {kind: openai, url: "http://127.0.0.1:1/v1", limits: {requests_per_minute: 300, tokens_per_minute: 200000}, keys: ["${env:ONE}", "${env:TWO}"]}
  b: {kind: openai, url: "http://127.0.0.1:2/v1"}
models: {both: {at: [a, b], balance: least_busy}, plain: {at: b}}
rules: [{when: {task: code}, use: [both, plain], urgency: batch}, {use: [both, plain]}]
"""


def policies(tmp_path, text, **call):
    file = tmp_path / "router.yaml"
    file.write_text(text, encoding="utf-8")
    return dict(load_router(file, env={"ONE": "k1", "TWO": "k2"}).explain(**call).policies)


def test_what_is_declared_is_told_by_its_key(tmp_path):
    found = policies(
        tmp_path,
        HEAD + "hedge: {after: 4s}\nbreaker: off\nstream: {delivery: buffered, on_interrupt: restart}\n",
    )
    assert found == {
        "balance": "both: least_busy of a, b",
        "hedge": "a second attempt at another endpoint after 4s, for 5% of calls",
        "breaker": "off: no failure is remembered",
        "rates": "a: 300 requests and 200,000 tokens a minute",
        "keys": "a: 2, rotated by kind of failure",
        "stream": "answers are handed out whole, begun again elsewhere when they break off",
    }


def test_batch_calls_are_not_hedged(tmp_path):
    assert (
        policies(tmp_path, HEAD + "hedge: {after: 4s}\n", task="code")["hedge"]
        == "never: its urgency is batch"
    )


@pytest.mark.parametrize(
    ("tail", "names"), [("", {"balance", "rates", "keys"}), ("breaker: off\n", {"breaker"})]
)
def test_only_what_is_declared_is_told(tmp_path, tail, names):
    assert names <= set(policies(tmp_path, HEAD + tail))
    assert not {"hedge", "stream"} & set(policies(tmp_path, HEAD + tail))


def test_a_call_that_names_a_plain_model_has_none(tmp_path):
    assert policies(tmp_path, HEAD, model="plain") == {}


def test_how_many_calls_model_files_answer_at_once_is_told():
    text = """\
version: 1
endpoints: {box: {kind: gguf, path: models}}
models: {a: {at: box}, b: {at: box}}
rules: [{use: a}]
"""
    program, _ = compile_configuration(load_source(Source("router.yaml", text), Path()))
    found = dict(explain(program, explained_values(program, {}), {}).policies)
    assert found["at once"] == "box: 2 calls; a model answers one at a time"
    plain, _ = compile_configuration(
        load_source(Source("router.yaml", text.replace(", b: {at: box}", "")), Path())
    )
    assert "at once" not in dict(explain(plain, explained_values(plain, {}), {}).policies)


def test_what_is_declared_of_memory_is_told(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(
        """version: 1
machine: {memory: 16GiB}
endpoints:
  a: {kind: ollama, url: "http://127.0.0.1:1", memory: 8GiB, when_full: next, strategy: spillover, idle_unload: 5m}
  b: {kind: ollama, url: "http://127.0.0.1:2", strategy: ordered}
models:
  m: {at: a, memory: 5GiB, pin: true}
  o: {at: a, memory: 2GiB}
  n: {at: b, preload: true, evict_cost: 3}
rules: [{when: {task: code}, use: o}, {use: [m, n]}]
""",
        encoding="utf-8",
    )
    found = load_router(file).explain().policies
    assert found == (
        ("machine", "16GiB for all local models"),
        (
            "memory",
            (
                "a: 8GiB for its models; when full, calls go to the next candidate; "
                "calls for other models go to candidates that can answer at once; unused ones go after 5m"
            ),
        ),
        ("memory", "m at a: 5GiB, pinned"),
        (
            "memory",
            "b: no limit of its own; when full, what was not used for longest goes; calls go strictly by urgency and age",
        ),
        ("memory", "n at b: its size is computed or asked for, loaded at the start, evict_cost 3"),
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", None),
        (", ca: /c/ours.pem", "a: trusts /c/ours.pem"),
        (", cert: /c/me.pem", "a: shows /c/me.pem"),
        (
            ", ca: /c/ours.pem, cert: {file: /c/me.pem, keyfile: /c/me.key}",
            "a: trusts /c/ours.pem, shows /c/me.pem",
        ),
        (", ca: /c/ours.pem, verify: false", "a: certificates are not checked"),
    ],
)
def test_whom_a_connection_trusts_and_what_it_shows_is_told(keys, told):
    text = f"""version: 1
endpoints: {{a: {{kind: openai, url: "https://llm.example.com/v1"{keys}}}}}
models: {{m: {{at: a}}}}
rules: [{{use: m}}]
"""
    program, _ = compile_configuration(load_source(Source("x.yaml", text), Path("/n"), {}))
    found = explain(program, explained_values(program, {}), {}, None, None)
    assert dict(found.policies).get("tls") == told
