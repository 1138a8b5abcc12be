"""Findings about processors, patterns, families and bounds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from processors.test_registry import installed

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

HEAD = """version: 1
endpoints: {a: {kind: openai, url: "http://127.0.0.1:1/v1"}}
rules: [{use: m}]
"""


def found(model, *, env=None):
    """Return the errors and warnings of a file with one model, each with its column."""
    text = f"{HEAD}models: {{m: {{at: a, {model}}}}}\n"
    configuration = load_source(Source("r.yaml", text), Path(), env)
    lines = text.split("\n")
    return [
        (each.code, lines[each.span.line - 1][each.span.column - 1 : each.span.end_column - 1], each.message)
        for each in run_all(configuration)
        if each.severity != "info"
    ]


GOOD = [
    "before: [{system: hi}, {prefix: x}, {template: '{text}'}, merge_system, {merge_system: {into: user}}]",
    "before: [strip_images, {strip_images: {instead: x}}, {truncate: {tokens: 9, drop: middle}}]",
    "after: [fence_code, {fence_code: {language: c++}}, strip_thinking, strip, json_repair]",
    "after: [{strip_thinking: {to: nowhere, opened: true}}, {json_repair: {otherwise: keep}}]",
    "after: [{regex: {pattern: '(?i)(a)b', replace: '\\1'}}, {regex: {pattern: '^(a+)+$'}}]",
    "before: [], after: []",
    "family: code-llama, context: 8192",
    "truncate: oldest, context: 8192",
    "truncate: none",
    "family: mistral, context: 4096, options: {max_tokens: 1024}",
    'family: mistral, context: 4096, clamp: {max_tokens: "<= 1024"}',
    'clamp: {temperature: "0..1", top_p: ">= 0.5"}, options: {temperature: 1}',
    'options: {seed: 1}, context: 4096, clamp: {max_tokens: "<= 1000"}',
]


@pytest.mark.parametrize("model", GOOD)
def test_what_is_right_is_left_alone(model):
    if "regex" in model:
        pytest.importorskip("re2")
    assert found(model) == []


BAD = [
    ("before: [fence_code]", "R204", "fence_code", "`fence_code` is no processor before a call"),
    ("after: [{system: x}]", "R204", "system", "`system` is no processor after a call"),
    ("after: [regex]", "R204", "regex", "write `{regex: ...}`"),
    ("before: [{system: ''}]", "R204", "''", "is not a text"),
    ("before: [{template: hello}]", "R204", "hello", "holds `{text}` once"),
    ("before: [{template: '{text} {text}'}]", "R204", "'{text} {text}'", "holds `{text}` once"),
    ("before: [{truncate: {drop: oldest}}]", "R202", "{drop: oldest}", "tokens"),
    ("before: [{truncate: {tokens: 5, dorp: oldest}}]", "R201", "dorp", "dorp"),
    ("before: [{truncate: 5}]", "R203", "5", "expected a mapping"),
    ("after: [{strip: {}}]", "R203", "{}", "`strip` alone"),
    ("after: [{fence_code: {}, strip: {}}]", "R203", "{fence_code: {}, strip: {}}", "found 2 entries"),
    ("after: [[strip]]", "R203", "[strip]", "found a list"),
    ("after: strip", "R203", "strip", "expected a list of processors"),
    ("after: [strp]", "R311", "strp", "unknown processor `strp`"),
    ("after: [{strip_thinkin: {to: nowhere}}]", "R311", "strip_thinkin", "unknown processor"),
    ("truncate: oldest", "R514", "truncate", "its context window is not known"),
    ("family: llama2", "R204", "llama2", "family"),
    ('clamp: {temperature: "<= 3"}', "R205", '"<= 3"', "is out of range"),
    ('clamp: {temperature: "1..0.5"}', "R205", '"1..0.5"', "is out of range"),
    ("clamp: {temperature: 1}", "R203", "1", "a range such as"),
    ('clamp: {max_tokens: "<= 1.5"}', "R204", '"<= 1.5"', "a range such as"),
    ('clamp: {seed: "<= 1"}', "R201", "seed", "seed"),
    (
        "family: mistral, context: 4096",
        "R510",
        "mistral",
        "up to 4,096 tokens, and the context window of `m`",
    ),
    ('options: {max_tokens: 9}, clamp: {max_tokens: ">= 10"}', "R517", "max_tokens", "never sent"),
    (
        'options: {temperature: 1.5}, clamp: {temperature: "<= 1"}',
        "R517",
        "temperature",
        "`temperature: 1.5`",
    ),
]


@pytest.mark.parametrize(("model", "code", "text", "message"), BAD, ids=[row[0] for row in BAD])
def test_what_is_wrong_is_told_once_and_where(model, code, text, message):
    ((told, place, words),) = found(model)
    assert (told, place) == (code, text)
    assert message in words


PATTERNS = [
    ("'x(?=a)'", "(?=", "invalid perl operator"),
    ("'(a)\\1'", "\\1", "invalid escape sequence"),
    ('"a(b"', "a(b", "missing )"),
    ("x**", "**", "bad repetition operator"),
    ("'[z-a]'", "z-a", "invalid character class range"),
    ('"\\u0028\\u0028"', '"\\u0028\\u0028"', "missing )"),
]


@pytest.mark.parametrize(("pattern", "place", "why"), PATTERNS, ids=[row[0] for row in PATTERNS])
def test_a_pattern_that_is_none_is_told_with_its_column(pattern, place, why):
    pytest.importorskip("re2")
    ((code, text, message),) = found(f"after: [{{regex: {{pattern: {pattern}}}}}]")
    assert (code, text) == ("R215", place)
    assert why in message


def test_a_pattern_is_at_most_so_long():
    ((code, _, message),) = found(f"after: [{{regex: {{pattern: '{'x' * 513}'}}}}]")
    assert code == "R204"
    assert "at most 512" in message


def test_a_group_that_the_pattern_does_not_have_is_told():
    pytest.importorskip("re2")
    ((code, text, message),) = found("after: [{regex: {pattern: '(a)', replace: '\\2'}}]")
    assert (code, text) == ("R215", "'\\2'")
    assert "names group 2, and the pattern has 1" in message


def test_without_the_extra_a_pattern_keeps_calls_from_being_made(monkeypatch):
    monkeypatch.setitem(sys.modules, "re2", None)
    ((code, text, message),) = found("after: [{regex: {pattern: 'a'}}]")
    assert (code, text) == ("R215", "'a'")
    assert "google-re2 is not installed" in message
    configuration = load_source(
        Source("r.yaml", f"{HEAD}models: {{m: {{at: a, after: [{{regex: {{pattern: a}}}}]}}}}\n"), Path(), {}
    )
    (told,) = (each for each in run_all(configuration) if each.code == "R215")
    assert told.severity == "error"
    assert "pip install 'pantheon-router[regex]'" in told.help


def test_a_processor_of_another_package_is_known_by_its_name_and_takes_any_options(monkeypatch):
    installed(monkeypatch, shout="processors.test_registry:Shout")
    assert found("after: [shout, {shout: {sign: '?', deep: [1, {a: b}]}}], before: [shout]") == []
    ((code, text, _),) = found("after: [{shout: loud}]")
    assert (code, text) == ("R203", "loud")
    ((_, _, message),) = found("after: [shuot]")
    assert "unknown processor `shuot`" in message


def test_images_that_are_stripped_need_no_capability():
    text = f"""{HEAD.replace("[{use: m}]", "[{when: {images: true}, use: m}, {use: m}]")}
models: {{m: {{at: a, capabilities: [tools], before: [strip_images]}}}}
"""
    codes = {each.code for each in run_all(load_source(Source("r.yaml", text), Path()))}
    assert "R505" not in codes
    codes = {
        each.code
        for each in run_all(
            load_source(Source("r.yaml", text.replace(", before: [strip_images]", "")), Path())
        )
    }
    assert "R505" in codes
