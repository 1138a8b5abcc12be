"""What `router diff` tells of values that are read from other variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.compile.references import references
from router.config.load import load_source
from router.diagnostics.source import Source

FILE = """\
version: 1
endpoints:
  web: {kind: openai, url: "https://${env:HOST:-one.example}/v1", keys: ["${env:ONE}", "${env:TWO}"]}
models: {a: {at: web}}
rules: [{use: a}]
"""


def told(before="", after="", base=FILE):
    new = base.replace(before, after) if before else base
    sides = (load_source(Source("x.yaml", text), Path("/n")) for text in (base, new))
    return list(references(*sides))


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("ONE", "OTHER", ["endpoints.web.keys[1] is read from ${env:OTHER}, not from ${env:ONE}"]),
        ('"${env:TWO}"', '"${file:/run/secrets/two}"', ["endpoints.web.keys[2] is read from ${file:/run/secrets/two}, not from ${env:TWO}"]),
        (', "${env:TWO}"', "", ["endpoints.web.keys[2] is no longer read from ${env:TWO}"]),
        ("HOST:-one.example}", "HOST:-two.example}", []),
        ("${env:HOST:-one.example}", "two.example", ["endpoints.web.url is no longer read from ${env:HOST}"]),
        ("${env:HOST:-one.example}", "${env:A}.${env:B}", ["endpoints.web.url is read from ${env:A} and ${env:B}, not from ${env:HOST}"]),
        ('"}', '", headers: {x: "${env:X}"}}', []),
    ],
)  # fmt: skip
def test_another_variable_is_told_with_its_place_and_never_its_default(before, after, lines):
    assert told(before, after) == lines


def test_a_variable_of_a_value_that_is_new_is_told():
    line = "endpoints.web.proxy is read from ${env:PROXY}"
    assert told("keys:", 'proxy: "${env:PROXY}", keys:') == [line]


def test_the_same_file_reads_the_same():
    assert told() == []


def test_a_text_that_is_escaped_reads_nothing():
    assert told("a: {at: web}", "a: {at: web, before: [{prefix: '$${env:X}'}]}") == []
