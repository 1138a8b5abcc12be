"""One error gives one finding, and the rest of the file is read as if it had been mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source

WHOLE = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 30s}
  there: {kind: mock, timeout: 10s}
models:
  small: {at: here, options: {temperature: 0.2}}
  large: {at: [there, here], failover: [small]}
temperatures: {chat: 0.7, default: 0.5}
rules:
  - {name: secret, when: {data: private}, use: small}
  - {name: long, when: {tokens: "> 4000"}, use: large}
  - name: table
    matrix: [task, priority, use]
    rows:
      - [code, speed, small]
      - [chat, any, [small, large]]
  - {name: split, when: {stream: true}, use: {split: {small: 1, large: 2}, by: user}}
  - {use: [large, others]}
retry: {attempts: 3}
lint: {R503: off, R809: off}  # what is said of time and of places changes with half of these mistakes
deadline: 60s
"""
CASES = [
    ("endpoints:", "endponts:", "R201"),  # codespell:ignore endponts
    ("endpoints:", "Endpoints:", "R201"),
    ("models:", "model:", "R201"),
    ("rules:", "routes:", "R201"),
    ("dimensions:", "dimension:", "R201"),
    ("values: [public", "vals: [public", "R201"),
    ("kind: openai", "kind: opnai", "R204"),
    ("kind: openai", "kind: 3", "R203"),
    ("kind: openai", "type: openai", "R201"),
    ("kind: openai", "kind: gguf, path: ./x", "R210"),
    ("kind: openai", 'kind: "${env:KIND:-openai}"', "R214"),
    ("{at: here, options", "{options", "R202"),
    ("at: here,", "at: her,", "R301"),
    ("at: here,", "att: here,", "R201"),
    ("at: here,", "at: 5,", "R203"),
    ("at: here,", "at: {},", "R205"),
    ("at: [there, here]", "at: [there, there, here]", "R309"),
    ("models:\n  small:", "models:\n  smal:", "R302"),
    ("use: small}", "use: smll}", "R302"),  # codespell:ignore smll
    ("use: small}", "use: {splt: {small: 1}}}", "R203"),
    ("use: small}", "use: {split: 5}}", "R203"),
    ("use: small}", "use: [[small]]}", "R203"),
    ("use: small}", "use: []}", "R205"),
    ("use: small}", 'use: "${env:MODEL}"}', "R214"),
    ("by: user", "by: usr", "R204"),
    ("by: user", "by: []", "R204"),
    ("use: small}", "use: small, matrix: [task, use], rows: [[chat, small]]}", "R207"),
    ("data: private", "data: privat", "R304"),
    ("data: private", "dta: private", "R303"),
    ("data: private", "data: []", "R205"),
    ("data: private", "data: {no: private}", "R203"),
    ("data: private", "data: 1.5", "R203"),
    ("data: private", 'data: "> 5"', "R310"),
    ("data: private", 'data: "${env:DATA}"', "R214"),
    ("when: {data: private}", "when: code", "R203"),
    ('"> 4000"', "5000000000000000000000", "R110"),
    ('"> 4000"', "50000000000000000000", "R310"),
    ('"> 4000"', "lots", "R310"),
    ("stream: true", "stream: yes", "R310"),
    ("matrix: [task, priority, use]", "matrix: [task, prio, use]", "R303"),
    ("matrix: [task, priority, use]", "matrix: [task, priority, uses]", "R303"),
    ("matrix: [task, priority, use]", "matrix: [task, task, use]", "R309"),
    ("matrix: [task, priority, use]", "matrix: [task, priority, data]", "R202"),
    ("[code, speed, small]", "[code, small]", "R205"),
    ("[code, speed, small]", "[code, speed, null]", "R203"),
    ("[code, speed, small]", "[code, spedd, small]", "R304"),
    ("[code, speed, small]", "code", "R203"),
    ("temperatures: {chat: 0.7", "temperatures: {chatt: 0.7", "R304"),
    ("temperatures: {chat: 0.7", "temperatures: {chat: 7", "R205"),
    ("default: public", "default: pubic", "R304"),
    ("values: [public, private], default: public", "values: [public, private, public]", "R309"),
    ("values: [public, private]", "values: [public, private, any]", "R204"),
    ("values: [public, private]", "values: public", "R203"),
    ("  data:", "  tokens: {type: integer}\n  data:", "R212"),
    ("attempts: 3", "attempts: 3.5", "R203"),
    ("attempts: 3", "attemps: 3", "R201"),  # codespell:ignore attemps
    ("retry: {attempts: 3}", "retries: 3", "R201"),
    ("retry: {attempts: 3}", "attempts: 3", "R210"),
    ("temperature: 0.2", "temp: 0.2", "R201"),
    ("timeout: 30s", "timeout: 30", "R206"),
    ("timeout: 30s", 'timeout: "${env:T:-30}"', "R214"),
    ("timeout: 30s", "queue: {max: 1, timout: 3s}", "R201"),  # codespell:ignore timout
    ("version: 1\n", "", "R202"),
    ("version: 1\n", "version: 2\n", "R208"),
    ("deadline: 60s", "deadline: 60s\nendpoints: {}", "R102"),
    ("deadline: 60s", "deadline: 60s\ndeadline: 61s", "R102"),
    ("name: long", "name: secret", "R309"),
    ("name: long", "name: Secret", "R309"),
    ("  small:", "  others: {at: here}\n  small:", "R212"),
    ("deadline: 60s", "? [a]\n: 1", "R111"),
    ("deadline: 60s", "deadline: !x 60s", "R108"),
    ("deadline: 60s", 'deadline: "60s"\n...\n---\nx: 1', "R106"),
    ("deadline: 60s", "deadline: 60s\n\tx: 1", "R103"),
]


@pytest.mark.parametrize(("old", "new", "code"), CASES, ids=[f"{case[2]} {case[1]}" for case in CASES])
def test_one_error_gives_one_finding(old, new, code):
    assert old in WHOLE
    found = run_all(load_source(Source("x.yaml", WHOLE.replace(old, new, 1)), Path("/nowhere")))
    bad = [
        f"{each.code} {each.span.line}:{each.span.column} {each.message}"
        for each in found
        if each.severity != "info"
    ]
    assert [each.split()[0] for each in bad] == [code], bad


def test_each_of_two_uses_of_an_undefined_name_is_told():
    text = WHOLE.replace("use: small}", "use: zzz}", 1).replace("use: large}", "use: zzz}", 1)
    found = run_all(load_source(Source("x.yaml", text), Path("/nowhere")))
    assert [(each.code, each.span.line) for each in found] == [("R302", 12), ("R302", 13)]
    assert "the models are: small, large" in found[0].notes


def test_the_file_without_errors_gives_nothing():
    assert run_all(load_source(Source("x.yaml", WHOLE), Path("/nowhere"))) == []


def applied(text, diagnostic):
    """The text with the first repair of a finding made."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines) + 1)]
    for edit in sorted(diagnostic.fixes[0].edits, key=lambda edit: edit.span, reverse=True):
        begin = starts[edit.span.line - 1] + edit.span.column - 1
        end = starts[edit.span.end_line - 1] + edit.span.end_column - 1
        text = text[:begin] + edit.text + text[end:]
    return text


FIXED = [
    ("deadline: 60s\n", "deadline: 60s\ndeadline: 60s\n"),
    ("version: 1\n", ""),
    ("retry: {attempts: 3}", "retry:\n\tattempts: 3"),
    ("retry: {attempts: 3}", "retry: {attempts: 010}"),
    ("name: long", "name: yes"),
    ("name: long", "name: 12"),
    ("timeout: 30s", "timeout: 30"),
    ("temperatures: {", "temperatures: {true: 1, "),
    ("version: 1", "version: 3"),
    ("at: here,", "at: her,"),
    ("data: private", "data: privat"),
    ("data: private", "dta: private"),
    ("use: small}", "use: smal}"),
    ("timeout: 30s", "tmeout: 30s"),
    ('"http://127.0.0.1:8080/v1"', 'http://example.com/v1, key: "${env:K:-}"'),
]


@pytest.mark.parametrize(("old", "new"), FIXED, ids=[case[1] for case in FIXED])
def test_a_repair_removes_its_finding(old, new):
    text = WHOLE.replace(old, new, 1)
    (found, *_) = [each for each in run_all(load_source(Source("x.yaml", text), Path("/n"))) if each.fixes]
    again = run_all(load_source(Source("x.yaml", applied(text, found)), Path("/n")))
    assert found.code not in [each.code for each in again]
