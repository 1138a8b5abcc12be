"""Files that stand on each other, written into a folder and loaded."""

from __future__ import annotations

from pathlib import Path

from router.checks.registry import run_all
from router.config.node import plain
from router.diagnostics.output import Report, rendered

BASE = """\
version: 1
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 30s}
  cloud: {kind: openai, url: "https://llm.example.com/v1", key: "${env:LLM_KEY}"}
models:
  small: {at: here, context: 4096, options: {temperature: 0.5, max_tokens: 100}}
  large: {at: cloud}
temperatures: {code: 0.2, default: 0.7}
rules:
  - {name: code, when: {task: code}, use: large}
  - {name: otherwise, use: [small, large]}
"""
TOP = "version: 1\nextends: base.yaml\n"


def values(configuration):
    return plain(configuration.root)


def found(configuration):
    return [(each.code, str(each.span)) for each in run_all(configuration) if each.severity != "info"]


def top(text, base=BASE, **more):
    return {"router.yaml": TOP + text, "base.yaml": base, **more}


def show(configuration, form):
    found = tuple(run_all(configuration))
    return rendered(form, Report(found, configuration.sources, (), "1", Path.cwd(), least="info"))
