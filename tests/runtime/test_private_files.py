"""What a router writes of calls is for its owner alone, also in files that were there before with a wider mode."""

from __future__ import annotations

import logging

import pytest

from router import SyncRouter, load_router

TEXT = """\
version: 1
endpoints: {here: {kind: mock}}
models: {m: {at: here, price: {input: $1, output: $1}}}
rules: [{use: m, cache: always}]
cache: {store: {sqlite: kept.sqlite}}
costs: {ledger: costs.sqlite}
log: {calls: calls.jsonl, content: full}
"""
WRITTEN = ("kept.sqlite", "costs.sqlite", "calls.jsonl")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def call(file):
    with SyncRouter(file) as router:
        router.complete("hello")


def modes(folder):
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.name != "router.yaml"}


def test_what_is_made_is_private(file, tmp_path, caplog):
    call(file)
    assert set(modes(tmp_path)) >= set(WRITTEN)
    assert set(modes(tmp_path).values()) == {0o600}
    assert caplog.records == []


def test_what_was_there_before_with_a_wider_mode_becomes_private_and_is_told(file, tmp_path, caplog):
    call(file)
    (tmp_path / "calls.jsonl.1").write_text("{}\n", encoding="utf-8")
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    with caplog.at_level(logging.WARNING, "router"):
        call(file)
        call(file)
    assert set(modes(tmp_path).values()) == {0o600}
    for name in (*WRITTEN, "calls.jsonl.1"):
        told = [
            record.message for record in caplog.records if f"{tmp_path / name} could be" in record.message
        ]
        assert len(told) == 1, name


def test_a_file_that_is_someone_elses_is_told_of_once_and_written(file, tmp_path, caplog, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "calls.jsonl").touch(0o644)
    monkeypatch.setattr("os.chmod", refuse)
    with caplog.at_level(logging.WARNING, "router"), SyncRouter(file) as router:
        for number in range(3):
            router.complete(f"hello {number}")
    told = [record for record in caplog.records if "cannot be changed" in record.message]
    assert len(told) == 1
    assert (tmp_path / "calls.jsonl").read_text(encoding="utf-8").count("\n") == 3


def test_a_database_of_something_else_is_left_as_it_is(file, tmp_path):
    import sqlite3  # noqa: PLC0415 - this test's own

    with sqlite3.connect(tmp_path / "kept.sqlite") as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    (tmp_path / "kept.sqlite").chmod(0o644)
    load_router(file)
    call(file)
    assert modes(tmp_path)["kept.sqlite"] == 0o644
