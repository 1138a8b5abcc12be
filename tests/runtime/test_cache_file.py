"""Answers that are kept in a file: over restarts, between processes, and when the file or the disk is no good."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.faults import run
from support.keeping import WallClock, cache_of, config, keeping
from support.played import Part, says

from router import SyncRouter
from router.runtime.cachefile import CacheFile, Foreign, _lay_out
from router.runtime.kept import Kept
from router.runtime.stores import SqliteStore

WRITER = Path(__file__).parents[1] / "support" / "cache_writer.py"
TEXT = config("{store: {sqlite: kept.sqlite}, ttl: 1h}")
NOW = 1_000.0


def kept(body="x", *, stored=NOW, last=1e12):
    return Kept(body, stored, last, last)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "kept.sqlite")


def rows(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT key, body, uses FROM answers ORDER BY key").fetchall()
    finally:
        connection.close()


def test_answers_survive_a_restart(tmp_path):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            first = await it.ask(task="code")
            assert (await it.ask(task="code")).cached
        async with keeping(tmp_path, TEXT) as it:
            again = await it.ask(task="code")
            assert (again.text, again.cached, again.usage) == (first.text, True, first.usage)
            assert it.last.saved == first.cost
            assert it.calls == (0, 0)
            assert (await it.streamed(task="code"))[1].cached
            assert not (await it.ask(task="code", user="x")).cached

    run(go)


def test_answers_are_shared_by_routers_at_once(tmp_path):
    async def go():
        async with keeping(tmp_path, TEXT) as one, keeping(tmp_path, TEXT) as other:
            await one.ask()
            await asyncio.wrap_future(cache_of(one).store._writer.pool.submit(int))  # it is written
            found = await other.ask()
            assert found.cached
            assert found.text == "answer 1"
            assert other.calls == (0, 0)

    run(go)


def test_an_answer_in_the_file_ends_with_its_time(tmp_path):
    class Ahead(WallClock):
        ahead = 0.0

        def wall(self):
            return super().wall() + self.ahead

    async def go():
        clock = Ahead()
        async with keeping(tmp_path, TEXT, clock=clock) as it:
            await it.ask()
            clock.ahead = 3000.0
            assert (await it.ask()).cached
            clock.ahead = 4200.0
            assert not (await it.ask()).cached

    run(go)


def test_a_fork_of_a_warm_router_begins_anew(tmp_path):
    async def warm():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
            await it.ask()
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    assert cache_of(it).store._reader is None
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0  # noqa: ASYNC222 - it ends at once
            assert (await it.ask()).cached

    run(warm)


def test_nothing_is_made_before_the_first_answer(tmp_path, path):
    async def go():
        async with keeping(tmp_path, TEXT, a=Part(says("")), b=Part(says(""))) as it:
            with pytest.raises(Exception, match="empty"):
                await it.ask()

    run(go)
    assert not Path(path).exists()


def test_the_file_is_for_its_owner_alone_and_holds_no_prompt(tmp_path, path):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask("a very private prompt")

    run(go)
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert b"private" not in Path(path).read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"no database at all, but long enough to be looked at" * 40, b"SQLite format 3\0" + b"\xff" * 5000],
)
def test_a_corrupt_file_is_a_miss_told_once_and_left_as_it_is(tmp_path, path, caplog, content):
    Path(path).write_bytes(content)

    async def go():
        async with keeping(tmp_path, TEXT) as it:
            for number in range(3):
                assert not (await it.ask(str(number))).cached
            cache_of(it).store._rest_until = 0.0
            assert (await it.ask("last")).text == "answer 4"

    run(go)
    assert Path(path).read_bytes() == content
    assert len([each for each in caplog.records if "of no use" in each.message]) == 1
    assert len([each for each in caplog.records if "cannot be kept" in each.message]) <= 1


def test_a_file_of_another_program_is_a_miss_and_left_as_it_is(tmp_path, path, caplog):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE answers (key TEXT)")
    connection.execute("INSERT INTO answers VALUES ('mine')")
    connection.commit()
    connection.close()

    async def go():
        async with keeping(tmp_path, TEXT) as it:
            assert not (await it.ask()).cached
            assert not (await it.ask("other")).cached

    run(go)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM answers").fetchall() == [("mine",)]
    connection.close()
    assert "something else" in caplog.text


def test_a_file_of_another_version_is_refused(path):
    file = CacheFile(path, 10**6)
    file.put({"a": kept()}, {}, NOW)
    file.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(Foreign):
        file.get("a")


@pytest.mark.parametrize("body", ["{}", "junk", '{"version": 9}', b"\x00\xff", 7])
def test_a_row_that_is_no_answer_is_a_miss(tmp_path, path, body):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE answers SET body = ?", (body,))
        connection.commit()
        connection.close()
        async with keeping(tmp_path, TEXT) as it:
            assert not (await it.ask()).cached

    run(go)


@pytest.mark.parametrize("column", ["stored", "until", "last"])
def test_a_row_whose_times_are_none_is_a_miss(tmp_path, path, column):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
        connection = sqlite3.connect(path)
        connection.execute(f"UPDATE answers SET {column} = 'soon'")  # noqa: S608 - a name of this test
        connection.commit()
        connection.close()
        async with keeping(tmp_path, TEXT) as it:
            assert (await it.ask()).text == "answer 1"

    run(go)


@pytest.mark.parametrize("where", ["missing/kept.sqlite", "."])
def test_a_place_that_is_none_costs_no_answer(tmp_path, caplog, where):
    async def go():
        async with keeping(tmp_path, config(f"{{store: {{sqlite: {where}}}}}")) as it:
            for number in range(3):
                assert (await it.ask(str(number))).text == f"answer {number + 1}"
                await asyncio.sleep(0.05)

    run(go)
    assert len([each for each in caplog.records if "cannot be kept" in each.message]) == 1


def test_a_file_that_cannot_be_written_still_answers_what_is_in_it(tmp_path, caplog, monkeypatch):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
        real = sqlite3.connect

        def read_only(name, **options):
            connection = real(name, **options)
            connection.execute("PRAGMA query_only = ON")
            return connection

        monkeypatch.setattr(sqlite3, "connect", read_only)
        async with keeping(tmp_path, TEXT) as it:
            assert (await it.ask()).cached
            assert not (await it.ask("other")).cached
            assert (await it.ask("third")).text == "answer 2"

    run(go)
    assert len([each for each in caplog.records if "cannot be kept" in each.message]) == 1


FULL = """
import asyncio, resource, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from support.keeping import config, keeping
async def main():
    async with keeping(Path(sys.argv[1]), config("{store: {sqlite: kept.sqlite}}")) as it:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
        for number in range(30):
            assert not (await it.ask("x" * (number + 1), model="ma")).cached
            await asyncio.sleep(0.01)
        print(it.calls[0])
asyncio.run(main())
"""


def test_a_full_disk_costs_no_answer(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(WRITER.parents[1])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "30"), done.stderr
    assert done.stderr.count("cannot be kept") == 1


def test_a_slow_file_is_a_miss_and_is_left_alone_for_a_while(tmp_path):
    held = threading.Event()

    class Slow(CacheFile):
        def get(self, key):
            held.wait(10)
            return super().get(key)

    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
            store: SqliteStore = cache_of(it).store
            await store.close()
            await it.ask("another")
            store._reader.file.__class__ = Slow
            began = time.monotonic()
            try:
                await it.ask("third")
                first = time.monotonic() - began
                for number in range(20):
                    await it.ask(str(number))
            finally:
                held.set()
            assert 0.2 < first < 3.0
            assert time.monotonic() - began - first < 2.0

    run(go)


def test_the_loop_does_not_wait_for_a_file_that_another_holds(tmp_path, path):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
            await it.router.close()
            holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            holder.execute("BEGIN IMMEDIATE")
            longest = 0.0
            began = time.monotonic()
            for number in range(20):
                before = time.monotonic()
                await it.ask(str(number))
                longest = max(longest, time.monotonic() - before)
                await asyncio.sleep(0)
            assert longest < 1.0
            assert time.monotonic() - began < 2.0
            assert (await it.ask("3")).cached  # it waits to be written
            holder.execute("ROLLBACK")
            holder.close()
        assert len(rows(path)) == 21

    run(go)


def test_two_processes_share_a_file_and_lose_nothing(path):
    words = [sys.executable, str(WRITER), path]
    running = [
        subprocess.Popen([*words, name, "60"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    found = [process.communicate(timeout=60) for process in running]
    assert [out.strip() for out, _ in found] == ["60", "60"], found
    assert len(rows(path)) == 120


def test_a_process_that_is_killed_leaves_a_sound_file(path):
    words = [sys.executable, str(WRITER), path]
    process = subprocess.Popen([*words, "one", "100000"], stdout=subprocess.PIPE)
    until = time.monotonic() + 30
    while not (Path(path).exists() and Path(f"{path}-wal").exists()) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    file = CacheFile(path, 10**9)
    file.put({"after": kept()}, {}, NOW)
    assert file.get("after") == kept()
    file.close()


def test_what_was_not_used_for_longest_goes_when_not_all_fit(path):
    size = kept("x" * 100).size
    file = CacheFile(path, size * 3)
    for number in range(3):
        file.put({str(number): kept("x" * 100, stored=NOW + number)}, {}, NOW + number)
    file.put({}, {"0": 1}, NOW + 10)
    file.put({"3": kept("x" * 100, stored=NOW + 20)}, {}, NOW + 20)
    assert [(key, uses) for key, _, uses in rows(path)] == [("0", 1), ("2", 0), ("3", 0)]
    assert file.counted(NOW).size == size * 3
    file.close()


def test_what_is_too_old_goes(path):
    file = CacheFile(path, 10**6)
    file.put({"old": kept(last=NOW + 5), "young": kept(last=NOW + 50)}, {}, NOW)
    file.put({"new": kept()}, {}, NOW + 10)
    assert [key for key, _, _ in rows(path)] == ["new", "young"]
    file.close()


def test_a_newer_answer_takes_the_place_of_the_older_and_its_uses_stay(path):
    file = CacheFile(path, 10**6)
    file.put({"a": kept("one")}, {}, NOW)
    file.put({"a": kept("two", stored=NOW + 1)}, {"a": 3}, NOW + 1)
    assert rows(path) == [("a", "two", 3)]
    file.close()


def test_a_batch_is_kept_whole_or_not_at_all(path, caplog):
    file = CacheFile(path, 10**6)
    file.put({"a": kept(), "b": kept(["x"])}, {}, NOW)
    assert rows(path) == []
    file.put({"c": kept(["x"])}, {}, NOW)
    file.put({"a": kept()}, {}, NOW)
    assert [key for key, _, _ in rows(path)] == ["a"]
    file.close()
    assert len(caplog.records) == 1


def test_a_file_that_another_holds_is_tried_again_and_then_left(path, caplog, monkeypatch):
    monkeypatch.setattr("router.runtime.cachefile.BUSY", 0.01)
    file = CacheFile(path, 10**6)
    file.put({"a": kept()}, {}, NOW)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    file.put({"b": kept()}, {}, NOW)
    assert "locked" in caplog.text
    holder.execute("ROLLBACK")
    holder.close()
    file.put({"c": kept()}, {}, NOW)
    assert [key for key, _, _ in rows(path)] == ["a", "c"]
    file.close()


def test_two_that_make_the_file_at_once_agree(path):
    for connection in (one := sqlite3.connect(path, isolation_level=None), one):
        _lay_out(connection)
    one.close()
    assert rows(path) == []


def test_a_reader_begins_anew_after_a_fault(path):
    file = CacheFile(path, 10**6)
    file.put({"a": kept()}, {}, NOW)
    assert file.get("a") == kept()
    other = sqlite3.connect(path)
    other.execute("ALTER TABLE answers RENAME TO gone")
    with pytest.raises(sqlite3.OperationalError):
        file.get("a")
    other.execute("ALTER TABLE gone RENAME TO answers")
    other.close()
    assert file.get("a") == kept()
    file.close()


def test_an_empty_file_is_nothing_to_read_and_a_place_to_write(path):
    Path(path).touch()
    file = CacheFile(path, 10**6)
    assert file.get("a") is None
    assert file.clear() == 0
    file.put({"a": kept()}, {}, NOW)
    assert file.get("a") == kept()
    file.close()


def test_a_fault_of_our_own_in_the_writer_does_not_stop_the_next_one(path, monkeypatch):
    async def go():
        store = SqliteStore(path, 10**6, WallClock())
        with monkeypatch.context() as patched:
            patched.setattr(CacheFile, "put", None)
            store.put("a", kept())
            await asyncio.wrap_future(store._writer.pool.submit(int))
        store.put("b", kept())
        await store.close()
        assert [key for key, _, _ in rows(path)] == ["b"]

    run(go)


def test_uses_are_counted(tmp_path, path):
    async def go():
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
        async with keeping(tmp_path, TEXT) as it:
            await it.ask()
            await it.ask()
        assert [uses for _, _, uses in rows(path)] == [2]

    run(go)


def test_more_than_may_wait_is_not_kept(path, monkeypatch):
    monkeypatch.setattr("router.runtime.stores.WAITING", 1000)
    store = SqliteStore(path, 10**6, WallClock())

    async def go():
        gate = threading.Event()
        store.put("first", kept())
        writer = store._writer
        await asyncio.wrap_future(writer.pool.submit(int))
        writer.pool.submit(gate.wait, 10)
        for number in range(10):
            store.put(str(number), kept())
        store.put("huge", kept("x" * 2_000_000))
        found = [await store.get(str(number)) for number in (0, 2, 9)]
        gate.set()
        await store.close()
        assert [each is not None for each in found] == [True, True, False]

    run(go)
    assert [key for key, _, _ in rows(path)] == ["0", "1", "2", "first"]


def test_the_blocking_router_writes_what_it_kept_before_it_ends(tmp_path, path):
    (tmp_path / "router.yaml").write_text(
        "version: 1\nendpoints: {a: {kind: mock}}\nmodels: {m: {at: a}}\nrules: [{use: m}]\n"
        "cache: {store: {sqlite: kept.sqlite}}\n",
        encoding="utf-8",
    )
    for cached in (False, True):
        with SyncRouter(tmp_path / "router.yaml", env={}) as router:
            assert router.complete("hello", temperature=0).cached is cached
    body = json.loads(rows(path)[0][1])
    assert body["content"] == "[Mock m Response] hello"


def test_a_store_that_is_closed_opens_again(path):
    async def go():
        store = SqliteStore(path, 10**6, WallClock())
        await store.close()
        store.put("a", kept())
        await store.close()
        assert await store.get("a") == kept()
        store.put("b", kept())
        await store.close()
        assert len(rows(path)) == 2

    run(go)
