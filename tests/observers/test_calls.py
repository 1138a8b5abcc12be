"""The file of calls: whole lines, nothing private in them, put aside when it is full, and never a call's trouble."""

from __future__ import annotations

import gc
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from router.core.messages import Completion, Message, ToolCall
from router.core.observer import CallRecord
from router.core.record import AttemptRecord
from router.core.secret import Secret
from router.core.usage import Price, Usage
from router.observers import calls as module
from router.observers.calls import CallLog
from router.observers.content import hashed
from router.policy.calllog import LogPolicy

PRICE = Price(Decimal(3), Decimal(15), Decimal("0.3"))
ATTEMPT = AttemptRecord(
    "big", "cloud", "ok", 12.3456, None, Usage(10, 5, 2, 1), Decimal("0.000105"), 1.5, 3.25, "up-1", PRICE
)
RECORD = CallRecord(
    request_id="abc-1",
    began=1_795_000_000.25,
    rule="hard",
    dimensions={"task": "code", "tokens": 12, "tools": True},
    model="big",
    endpoint="cloud",
    outcome="ok",
    ms=20.0,
    first_ms=4.75,
    usage=Usage(10, 5, estimated=True),
    cost=Decimal("0.000105"),
    attempts=(ATTEMPT,),
    user="ann@example.com",
    tags={"key": "sk-abcdefghijklmnop"},
    messages=(Message("user", "my secret plan"),),
    completion=Completion(role="assistant", content="", tool_calls=(ToolCall("1", "find", "{}"),)),
    params={"temperature": 0.5, "stop": ["private words"]},
    options={"model": "big", "urgency": "high", "tools": [{"name": "private tool"}]},
    chain=(("big", "cloud"), ("small", "laptop")),
    draw=0.75,
    points={"a,b": 0.25},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.jsonl"


def written(path, *records, **policy):
    log = CallLog(LogPolicy(str(path), **policy))
    for record in records:
        log.call_ended(record)
    log.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_tells_what_was_decided_and_met_and_nothing_of_what_was_said(path):
    (line,) = written(path, RECORD)
    assert line == {
        "format_version": "1.0",
        "time": "2026-11-18T11:06:40.250000Z",
        "request_id": "abc-1",
        "rule": "hard",
        "call": {
            "task": "code",
            "tokens": 12,
            "tools": True,
            "temperature": 0.5,
            "model": "big",
            "urgency": "high",
        },
        "chain": [["big", "cloud"], ["small", "laptop"]],
        "attempts": [
            {
                "model": "big",
                "endpoint": "cloud",
                "outcome": "ok",
                "at_ms": 1.5,
                "ms": 12.346,
                "first_ms": 3.25,
                "usage": {
                    "input_tokens": 10,
                    "output_tokens": 5,
                    "cached_input_tokens": 2,
                    "reasoning_tokens": 1,
                },
                "cost": "0.000105",
                "price": {"input": "3", "output": "15", "cached_input": "0.3"},
            }
        ],
        "outcome": "ok",
        "model": "big",
        "endpoint": "cloud",
        "usage": {"input_tokens": 10, "output_tokens": 5, "estimated": True},
        "cost": "0.000105",
        "ms": 20.0,
        "draw": 0.75,
        "user": hashed("ann@example.com"),
        "first_ms": 4.75,
        "points": {"a,b": 0.25},
        "tags": {"key": "***"},
    }
    assert "ann" not in line["user"]
    assert len(line["user"]) == 16


def test_a_call_that_failed_tells_how_and_what_was_never_sent(path):
    attempt = replace(ATTEMPT, outcome="shed", status=503, usage=None, first_ms=None, price=None, sent=False)
    hourly = replace(ATTEMPT, price=Price(Decimal(0), Decimal(0), None, Decimal("0.10")), cost=None)
    (line,) = written(
        path, replace(RECORD, outcome="shed", attempts=(attempt, hourly), user=None, usage=None, cost=None)
    )
    first, second = line["attempts"]
    assert (first["status"], first["sent"], first["price"]) == (503, False, None)
    assert (second["cost"], second["price"]) == (None, {"per_hour": "0.1"})
    assert (line["outcome"], line["cost"], line["usage"]) == ("shed", None, None)
    assert "user" not in line


@pytest.mark.parametrize(
    ("content", "prompt"),
    [("none", None), ("truncated", "user: my *** plan"), ("full", "user: my *** plan")],
)
def test_prompts_are_written_as_the_file_says_without_secrets(path, content, prompt):
    log = CallLog(LogPolicy(str(path), content))
    log.conceal([Secret("secret")])
    log.call_ended(RECORD)
    log.close()
    line = json.loads(path.read_text())
    assert line.get("prompt") == prompt
    assert line.get("answer") == (None if content == "none" else "assistant:  find({})")
    assert (line["user"] == "ann@example.com") == (content == "full")


def test_a_hash_tells_equal_prompts_apart_from_others(path):
    other = replace(RECORD, messages=(Message("user", "another"),))
    first, same, second = written(path, RECORD, RECORD, other, content="hash")
    assert first["prompt"] == same["prompt"] != second["prompt"]


def test_the_file_is_for_its_owner_alone(path):
    written(path, RECORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside_and_the_oldest_goes(path):
    size = len(json.dumps(written(path, RECORD)[0], separators=(",", ":"))) + 1
    path.unlink()
    for number in range(7):
        written(path, replace(RECORD, request_id=f"abc-{number}"), size=2 * size, keep=2)
    files = sorted(each.name for each in path.parent.iterdir())
    assert files == ["calls.jsonl", "calls.jsonl.1", "calls.jsonl.2"]
    ids = [
        json.loads(line)["request_id"]
        for name in reversed(files)
        for line in (path.parent / name).read_text().splitlines()
    ]
    assert ids == ["abc-2", "abc-3", "abc-4", "abc-5", "abc-6"]


def test_what_is_told_after_the_end_is_written_as_well(path):
    log = CallLog(LogPolicy(str(path)))
    log.close()
    for _ in range(3):
        log.call_ended(RECORD)
        log.close()
    assert len(path.read_text().splitlines()) == 3


def test_more_calls_than_fit_a_batch_are_all_written(path, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 3)
    assert len(written(path, *[RECORD] * 20)) == 20


def test_a_file_that_cannot_be_written_is_told_once_and_written_when_it_can(path, monkeypatch, caplog):
    monkeypatch.setattr(module, "AGAIN", 0.01)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "KEPT", 3)
    folder = path.parent / "later"
    log = CallLog(LogPolicy(str(folder / "calls.jsonl")))
    told = threading.Event()
    failing = module._append

    def append(*what):
        try:
            failing(*what)
        except OSError:
            told.count = getattr(told, "count", 0) + 1
            if told.count >= 3:
                told.set()
            raise

    monkeypatch.setattr(module, "_append", append)
    with caplog.at_level(logging.WARNING, "router"):
        for _ in range(5):
            log.call_ended(RECORD)
        assert told.wait(5)
        folder.mkdir()
        log.call_ended(RECORD)
        log.close()
    assert len((folder / "calls.jsonl").read_text().splitlines()) == 3
    first, second = [each.getMessage() for each in caplog.records]
    assert first.endswith("calls.jsonl: No such file or directory")
    assert second.endswith("again; 3 are lost")


def test_half_of_a_line_is_taken_back_when_the_disk_is_full(path, monkeypatch):
    written(path, RECORD)
    before = path.read_bytes()
    real = os.write

    def write(file, data):
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return real(file, bytes(data[: len(data) - 40]))

    monkeypatch.setattr(module.os, "write", write)
    with pytest.raises(OSError, match="No space"):
        module._append(str(path), before, LogPolicy(str(path)))
    assert path.read_bytes() == before


def test_what_is_no_plain_file_is_told_and_not_waited_for(tmp_path, caplog):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        log = CallLog(LogPolicy(str(tmp_path / name)))
        log.call_ended(RECORD)
        log.close()
    assert len(caplog.records) == 2


def test_a_file_that_others_put_aside_while_one_waited_is_opened_anew(path, monkeypatch):
    real = module.FCNTL.flock
    moved = []

    def flock(file, how):
        real(file, how)
        if not moved:
            moved.append(path.rename(path.with_suffix(".moved")))

    monkeypatch.setattr(module.FCNTL, "flock", flock)
    assert len(written(path, RECORD)) == 1
    assert moved[0].read_text() == ""


def test_a_file_that_is_put_aside_for_ever_is_given_up(path, monkeypatch):
    monkeypatch.setattr(module, "_is_at", lambda *_: False)
    with pytest.raises(OSError, match="again and again"):
        module._append(str(path), b"x\n", LogPolicy(str(path)))


def test_a_call_that_cannot_be_written_harms_no_other(path, caplog):
    class Odd:
        def __str__(self):
            raise RuntimeError

    (line,) = written(path, replace(RECORD, tags={"odd": Odd()}), RECORD)
    assert line["request_id"] == "abc-1"
    assert "a call cannot be written" in caplog.text


WRITER = """
import sys
sys.path[:0] = {paths!r}
from test_calls import RECORD
from dataclasses import replace
from router.observers.calls import CallLog
from router.observers.content import hashed
from router.policy.calllog import LogPolicy
log = CallLog(LogPolicy(sys.argv[1], size=20_000, keep=1000))
for number in range(200):
    log.call_ended(replace(RECORD, request_id=f"{{sys.argv[2]}}-{{number}}"))
    if number % 20 == 0:
        log.close()
# What is left is written when the program ends.
"""


def test_several_processes_write_whole_lines_to_one_file_and_put_it_aside(path):
    program = WRITER.format(paths=[str(Path(__file__).parent)])
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), str(number)]) for number in range(3)
    ]
    assert [each.wait(60) for each in writers] == [0, 0, 0]
    files = list(path.parent.iterdir())
    ids = [json.loads(line)["request_id"] for file in files for line in file.read_text().splitlines()]
    assert len(files) > 5
    assert sorted(ids) == sorted(f"{writer}-{number}" for writer in range(3) for number in range(200))


def test_a_child_process_writes_its_own_calls_and_none_of_its_parents(path):
    log = CallLog(LogPolicy(str(path)))
    log.call_ended(RECORD)
    child = os.fork()
    if child == 0:
        log.call_ended(replace(RECORD, request_id="child"))
        log.close()
        os._exit(0)
    os.waitpid(child, 0)
    log.call_ended(RECORD)
    log.close()
    assert [json.loads(line)["request_id"] for line in path.read_text().splitlines()] == [
        "abc-1",
        "child",
        "abc-1",
    ]


def test_a_log_that_nobody_holds_any_more_ends_quietly(path):
    log = CallLog(LogPolicy(str(path)))
    log.call_ended(RECORD)
    log.close()
    del log
    gc.collect()
    module._last_words(lambda: None, os.getpid())
    assert len(path.read_text().splitlines()) == 1
