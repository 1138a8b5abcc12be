"""What checks hold for the options of a call is what the compiler makes of them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from router.compile.compiler import compile_configuration
from router.compile.options import file_params
from router.config.load import load_source
from router.config.sampling import asked
from router.diagnostics.source import Source

FAMILIES = ("", ", family: mistral")
MODELS = ("", ", options: {temperature: 0, max_tokens: 900}", ", options: {seed: 7, top_p: 0.5}")
RULES = ("", ", options: {temperature: 1.5, max_tokens: 70}")
CLAMPS = ("", ', clamp: {temperature: "0.1..0.4", max_tokens: "<= 800"}', ', clamp: {top_p: ">= 0.7"}')
TEMPERATURES = ("", "temperatures: {code: 0.9}\n", "temperatures: {code: 0, default: 0.3}\n")


@pytest.mark.parametrize(
    ("family", "model", "rule", "clamp", "temperatures"),
    list(product(FAMILIES, MODELS, RULES, CLAMPS, TEMPERATURES)),
)
def test_an_option_is_what_the_compiled_model_is_asked_with(family, model, rule, clamp, temperatures):
    text = f"""\
version: 1
endpoints: {{here: {{kind: mock}}}}
models: {{m: {{at: here{family}{model}{clamp}}}}}
rules: [{{use: m{rule}}}]
{temperatures}"""
    configuration = load_source(Source("router.yaml", text), Path())
    document = configuration.document
    program, _ = compile_configuration(configuration)
    for task in ("code", "chat", None):
        params = file_params(program.models["m"], program.routes[0], task)
        for name in ("temperature", "top_p", "max_tokens", "seed"):
            found = asked(document, document.rules[0].options, document.models["m"], name, task)
            assert (None if found is None else found.value) == params.get(name)


def test_who_says_an_option_is_told_where_it_is_the_family():
    text = """\
version: 1
endpoints: {here: {kind: mock}}
models: {m: {at: here, family: mistral, options: {temperature: 0.1}}}
rules: [{use: m}]
"""
    document = load_source(Source("router.yaml", text), Path()).document
    told = [
        asked(document, document.rules[0].options, document.models["m"], name)
        for name in ("temperature", "max_tokens")
    ]
    assert [each.family for each in told] == ["", "mistral"]
