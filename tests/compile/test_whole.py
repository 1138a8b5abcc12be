"""What `router diff` tells of what holds for a whole file."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.config.load import load_source
from router.diagnostics.source import Source

FILE = """\
version: 1
endpoints: {one: {kind: mock}, two: {kind: mock}}
models: {a: {at: one}, b: {at: two}}
rules: [{use: [a, b], deadline: 9s}]
"""
BUDGETS = """\
costs:
  budgets:
    - {name: team, limit: $5}
    - {name: all, limit: $50, per: month, then: warn}
"""
OFFLINE = "offline: {use: [a, b], stale_cache: 1d, replies: [{say: x}]}\n"
INVARIANT = "invariants: [{name: all, for_all: {}, every_hop: {locality: local}}]\n"


def program(text):
    return compile_configuration(load_source(Source("x.yaml", text), Path("/n")))[0]


def told(before, after):
    return list(diff(program(FILE + before), program(FILE + after)).settings)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("", "deadline: 9s\n", ["calls that name their model changed: deadline"]),
        ("", "temperatures: {code: 0.2}\n", ["temperatures changed: code unset -> 0.2"]),
        ("temperatures: {code: 0.2}\n", "", ["temperatures changed: code 0.2 -> unset"]),
        ("", "breaker: off\n", ["breaker is off"]),
        ("breaker: off\n", "", ["breaker is on"]),
        ("", "breaker: {failures: 9, ratio: 25%, open: 1m}\n", ["breaker changed: failures 3 -> 9, ratio 50% -> 25%, open 5s -> 1m"]),
        ("", "hedge: {after: 2s}\n", ["hedge is new"]),
        ("hedge: {after: 2s}\n", "hedge: {after: 2s, max: 12.5%}\n", ["hedge changed: max 5% -> 12.5%"]),
        ("", "cache: {}\n", ["cache is new"]),
        ("cache: {}\n", "cache: {ttl: 2h, tools: true}\n", ["cache changed: ttl 1h -> 2h, tools false -> true"]),
        ("", BUDGETS, ["costs is new", "budget `team` is new", "budget `all` is new"]),
        (BUDGETS, "", ["costs is gone", "budget `team` is gone", "budget `all` is gone"]),
        (BUDGETS, BUDGETS.replace("$50", "$60"), ["budget `all` changed: limit $50 -> $60"]),
        (BUDGETS, BUDGETS.replace("costs:", "costs:\n  timezone: Europe/Paris"), ["costs changed: timezone UTC -> Europe/Paris"]),
        (BUDGETS, BUDGETS.replace("costs:", "costs:\n  on_ledger_error: allow"), ["costs changed: on_ledger_error deny -> allow"]),
        ("", OFFLINE, ["offline is new"]),
        (OFFLINE, OFFLINE.replace("use: [a", "mode: only, use: [a"), ["offline changed: mode auto -> only"]),
        (OFFLINE, OFFLINE.replace("1d", "2d"), ["offline changed: stale_cache 1d -> 2d"]),
        (OFFLINE, OFFLINE.replace("[a, b]", "[b]").replace("say: x", "say: y"), ["offline changed: use a, b -> b, replies"]),
        ("", INVARIANT, ["invariant `all` is new"]),
        (INVARIANT, INVARIANT.replace("locality: local", "kind: mock"), ["invariant `all` changed: every_hop"]),
        ("", "machine: {memory: 8GiB}\n", ["machine is new"]),
        ("machine: {memory: 8GiB}\n", "machine: {memory: 512MiB}\n", ["machine changed: memory 8GiB -> 512MiB"]),
        ("", "log: {calls: calls.jsonl}\n", ["log is new"]),
        ("log: {calls: a.jsonl}\n", "log: {calls: a.jsonl, size: 1MiB}\n", ["log changed: size 64MiB -> 1MiB"]),
        ("", "dimensions: {data: {values: [x, y], default: x}}\n", ["dimension `data` is new"]),
        ("dimensions: {data: {values: [x, y], default: x}}\n", "dimensions: {data: {values: [x, y], default: y}}\n", ["dimension `data` changed: default x -> y"]),
        ("dimensions: {data: {values: [x, y], default: x}}\n", "dimensions: {data: {values: [x, y]}}\n", ["dimension `data` changed: default x -> unset"]),
    ],
)  # fmt: skip
def test_what_changes_of_the_whole_file_is_told_with_what_it_was(before, after, lines):
    assert told(before, after) == lines


def test_budgets_that_stand_in_another_order_are_told_so():
    first, _, second = BUDGETS.partition("    - {name: all")
    head, _, team = first.partition("    - ")
    turned = f"{head}    - {{name: all{second}    - {team}"
    assert told(BUDGETS, turned) == ["budgets stand in another order"]


def test_measured_speeds_are_told_as_times(tmp_path):
    text = FILE.replace("a: {at: one}", "a: {at: [one, two], balance: fastest}") + "speeds: speeds.json\n"

    def measured(seconds):
        places = f'{{"places": [{{"model": "a", "endpoint": "two", "first_seconds": {seconds}}}]}}'
        (tmp_path / "speeds.json").write_text(places, encoding="utf-8")
        return compile_configuration(load_source(Source("git:HEAD:x.yaml", text), tmp_path))[0]

    assert diff(measured(0.2), measured(1.5)).settings == ("speeds changed: `a` at `two` 200ms -> 1.5s",)
    assert diff(measured(0.2), measured("null")).settings == ("speeds changed: `a` at `two` 200ms -> unset",)
