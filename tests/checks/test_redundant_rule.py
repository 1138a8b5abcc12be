"""Redundant rules that are dear to tell, or nearly copies of others."""

from __future__ import annotations

from pathlib import Path

from router.checks import redundant_rule
from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.source import Source
from router.table import heirs

HEAD = "version: 1\nendpoints: {here: {kind: mock}}\nmodels: {a: {at: here}, b: {at: here}}\nrules:\n"
PAIRS = HEAD + "".join(
    f'  - {{name: r{task}, when: {{task: {task}, tokens: "> 9"}}, use: a}}\n' for task in ("chat", "code")
)
RULES = PAIRS + "  - {name: some, when: {priority: cost, tokens: '> 5'}, use: a}\n  - {use: a}\n"


def redundant(text: str):
    configuration = load_source(Source("x.yaml", text), Path("/n"))
    return [each.rules[0] for each in run_all(configuration) if each.code == "R402"]


def test_each_rule_without_which_nothing_changes_is_told():
    assert redundant(RULES) == ["rchat", "rcode", "some"]


def test_what_cannot_be_told_within_the_budget_is_not_told(monkeypatch):
    monkeypatch.setattr(heirs, "STEPS", 0)
    assert "rchat" not in redundant(RULES)
    monkeypatch.setattr(redundant_rule, "MOST_COMPLEX", 1)
    assert redundant(RULES) == []


def test_a_rule_that_accepts_the_same_and_says_it_otherwise_takes_its_calls():
    every = "[chat, code, analysis, creative]"
    text = HEAD + f"  - {{name: all, when: {{task: {every}, tools: true}}, use: a}}\n"
    assert redundant(text + "  - {name: tools, when: {tools: true}, use: a}\n  - {use: b}\n") == ["all"]
