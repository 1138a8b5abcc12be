"""What a file says of memory: R801 per place, R811 to R815 and R512, and where each stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

CODES = {"R512", "R801", "R811", "R812", "R813", "R814", "R815"}
OLLAMA = 'kind: ollama, url: "http://127.0.0.1:11434"'
OPENAI = 'kind: openai, url: "http://127.0.0.1:8080/v1"'
CLOUD = 'kind: openai, url: "https://x.example/v1"'


def found(endpoints, models, rest=""):
    text = f"version: 1\nendpoints: {{{endpoints}}}\nmodels: {{{models}}}\nrules: [{{use: others}}]\n{rest}"
    text = text.replace(
        "use: others", f"use: [{', '.join(each.split(':')[0] for each in models.split(' ; '))}]"
    )
    text = text.replace(" ; ", ", ")
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    assert not [each for each in every if each.code in ("R201", "R203", "R210", "R302")], every
    return [(each.code, each.message) for each in every if each.code in CODES]


def test_the_size_at_one_place_counts_there():
    assert found(f"a: {{{OLLAMA}, memory: 4GiB}}", "m: {at: {a: {memory: 5GiB}}, memory: 1GiB}") == [
        ("R801", "`m` does not fit at `a`")
    ]
    assert found(f"a: {{{OLLAMA}, memory: 4GiB}}", "m: {at: {a: {memory: 3GiB}}, memory: 9GiB}") == []


@pytest.mark.parametrize(
    ("endpoints", "models", "rest"),
    [
        # A limit that models may reach makes everything act.
        (f"a: {{{OLLAMA}, memory: 4GiB, when_full: next, strategy: warm, max_wait: 2s}}", "m: {at: a}", ""),
        (f"a: {{{OLLAMA}, memory: 4GiB}}", "m: {at: a, pin: true} ; n: {at: a, evict_cost: 2}", ""),
        (f"a: {{{OLLAMA}, when_full: next}}", "m: {at: a, evict_cost: 2}", "machine: {memory: 8GiB}\n"),
        (f"a: {{{OLLAMA}, idle_unload: 5m}}", "m: {at: a, pin: true} ; n: {at: a}", ""),
        (f"a: {{{OLLAMA}}}", "m: {at: a, preload: true, memory: 4GiB}", ""),
        (f"a: {{{OPENAI}}}", "m: {at: a, preload: true}", ""),
        # What is not known is no finding.
        (
            f'a: {{{OLLAMA}, memory: "${{env:SIZE}}", max_wait: 2s}}',
            "m: {at: a, pin: true, memory: 99GiB}",
            "",
        ),
        (
            'a: {kind: openai, url: "${env:URL}", when_full: wait}',
            "m: {at: a, pin: true}",
            "machine: {memory: 1GiB}\n",
        ),
        (f'a: {{{OLLAMA}, memory: 8GiB, max_wait: "${{env:WAIT}}"}}', "m: {at: a}", ""),
        # Together they fit, or are not to be there together.
        (
            f"a: {{{OLLAMA}, memory: 8GiB}}",
            "m: {at: a, memory: 4GiB, pin: true} ; n: {at: a, memory: 4GiB, preload: true} ; o: {at: a, memory: 8GiB}",
            "",
        ),
        (f"a: {{{OLLAMA}, memory: 8GiB}}", "m: {at: a, memory: 5GiB, pin: true} ; n: {at: a, pin: true}", ""),
        (
            f"a: {{{OLLAMA}, memory: 8GiB}}",
            "m: {at: a, id: x, memory: 5GiB, pin: true} ; n: {at: a, id: x, memory: 5GiB, pin: true}",
            "",
        ),
        (
            f"a: {{{CLOUD}, memory: 80GiB}}",
            "m: {at: a, memory: 60GiB} ; n: {at: b}",
            "machine: {memory: 8GiB}\n",
        ),
        # Sizes that somebody else tells.
        (f"a: {{{OLLAMA}, memory: 8GiB}}", "m: {at: a} ; n: {at: a}", ""),
        (f"a: {{{OPENAI}, memory: 8GiB}}", "m: {at: a}", ""),
        # Calls wait, and room comes.
        (
            f"a: {{{OLLAMA}, memory: 8GiB, when_full: wait, idle_unload: 1m}}",
            "m: {at: a, memory: 5GiB} ; n: {at: a, memory: 5GiB}",
            "",
        ),
        (
            f"a: {{{OLLAMA}, memory: 8GiB, when_full: wait}}",
            "m: {at: a, memory: 3GiB} ; n: {at: a, memory: 5GiB}",
            "",
        ),
        # The router has it loaded: that is not the attempt's time.
        (f"a: {{{OLLAMA}, load_timeout: 2h}}", "m: {at: a}", ""),
        (f"a: {{{OPENAI}, memory: 8GiB, load_timeout: 2h}}", "m: {at: a}", ""),
    ],
)
def test_what_acts_or_is_not_known_is_fine(endpoints, models, rest):
    endpoints += ", b: {kind: mock}"
    assert found(endpoints, models, rest) == []


@pytest.mark.parametrize(
    ("endpoints", "models", "rest", "code", "message"),
    [
        (
            f"a: {{{CLOUD}, strategy: ordered}}",
            "m: {at: a}",
            "machine: {memory: 1GiB}\n",
            "R811",
            "`strategy` of `a` never acts: nothing limits its memory",
        ),
        (
            f"a: {{{OLLAMA}, memory: 1GiB, max_wait: 10s}}",
            "m: {at: a}",
            "",
            "R811",
            "`max_wait` never acts: a call that waits so long is sent away",
        ),
        (
            f"a: {{{OLLAMA}, memory: 1GiB}}",
            "m: {at: a, pin: true, evict_cost: 2}",
            "",
            "R811",
            "`evict_cost` of `m` never acts: a pinned model is never unloaded",
        ),
        (
            "a: {kind: mock}",
            "m: {at: a, preload: true}",
            "",
            "R811",
            "`preload` of `m` never acts: its endpoint cannot be told to load a model",
        ),
        (
            f"a: {{{CLOUD}}}",
            "m: {at: a}",
            "machine: {memory: 1GiB}\n",
            "R811",
            "`machine` never acts: no model is served by a local endpoint that loads models",
        ),
        (
            f"a: {{{OLLAMA}, idle_unload: 1m}}",
            "m: {at: a, preload: true}",
            "",
            "R811",
            "`idle_unload` of `a` never acts: every model there is pinned or preloaded",
        ),
        (
            f"a: {{{OLLAMA}, memory: 9GiB}}",
            "m: {at: a}",
            "machine: {memory: 8GiB}\n",
            "R813",
            "endpoint `a` may hold more than the machine",
        ),
    ],
)
def test_what_never_acts_is_told(endpoints, models, rest, code, message):
    assert (code, message) in found(endpoints, models, rest)


def test_the_keys_are_refused_where_nobody_loads_models():
    text = "version: 1\nendpoints: {a: {kind: anthropic, memory: 8GiB}}\nmodels: {m: {at: a}}\nrules: [{use: m}]\n"
    every = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    assert [each.severity for each in every if "`memory`" in each.message] == ["error"]


def test_several_large_models_on_one_machine_are_told_once():
    endpoints = f"a: {{{OLLAMA}}}, b: {{kind: gguf, path: ./x}}"
    models = "m: {at: a, memory: 5GiB, preload: true} ; n: {at: b, id: n.gguf, memory: 5GiB, pin: true}"
    assert found(endpoints, models, "machine: {memory: 8GiB}\n") == [
        ("R812", "what is pinned or preloaded does not fit together into this machine")
    ]
