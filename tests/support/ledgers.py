"""Ledgers for tests: a file with prices and budgets, and a program that spends until it is killed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from router import load_router
from router.core.observer import Observer
from router.runtime import ledger
from router.runtime.scribe import read_file
from router.testing.scripted import ScriptedProvider

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
version: 1
dimensions: {{team: {{values: [red, blue], default: red}}}}
endpoints: {{here: {{kind: mock}}, cloud: {{kind: mock, locality: remote}}}}
models:
  small: {{at: here}}
  large: {{at: cloud, price: {{input: $1, output: $2}}, options: {{max_tokens: 10}}}}
rules: [{{use: {use}}}]
retry: {{backoff: {{first: 1ms}}}}
costs: {costs}
"""


def write(folder: Path, costs: str = "{ledger: costs.sqlite}", use: str = "large", **changes: str) -> Path:
    """Write a configuration and return its path."""
    path = folder / "router.yaml"
    text = CONFIG.format(use=use, costs=costs)
    for old, new in changes.values():
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


class Watcher(Observer):
    def __init__(self) -> None:
        self.notices = []
        self.records = []

    def noticed(self, notice) -> None:
        self.notices.append(notice)

    def call_ended(self, record) -> None:
        self.records.append(record)

    def attempt_ended(self, request_id, record) -> None: ...


def loaded(path: Path, *script: object, **options: object):
    """Return a router over scripted endpoints, and the one of `cloud`."""
    cloud = options.pop("cloud", None) or ScriptedProvider(*(script or ({"say": "two words"},)))
    providers = {"cloud": cloud, "here": ScriptedProvider({"say": "small"})}
    return load_router(path, providers=providers, **options), cloud


def rows(path: Path, query: str) -> list[tuple]:
    """Return rows of a ledger's file."""
    return read_file(str(path), lambda db: db.execute(query).fetchall())


def complaints(path: Path) -> list[str]:
    """Return what does not agree in a ledger's file."""
    return read_file(str(path), lambda db: list(ledger.verify(db)))


def memory() -> sqlite3.Connection:
    """Return an empty ledger."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    ledger.prepare(db)
    return db
