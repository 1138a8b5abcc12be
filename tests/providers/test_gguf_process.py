"""GGUF models in child processes: what dies, hangs or is left does no harm, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from router.core.errors import CallFailed, ConfigError, ModelLoading, ServerError, StreamInterrupted
from router.core.messages import Message
from router.core.port import Measured, Probed, Resident
from router.core.request import Endpoint, Request, Timeouts
from router.providers import _gguf_loop, _gguf_spawn, gguf
from router.providers._gguf_memory import memory_of
from router.providers.gguf import GgufProvider
from router.testing.contract import collect, joined

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="what a process has is read from /proc"),
    pytest.mark.skipif(
        find_spec("xllamacpp") is None,
        reason="the llama.cpp engine is not installed: pip install 'pantheon-router[gguf]'",
    ),
]
DEFAULTS = Timeouts()
ENDLESS = {"reply": "never ever ends", "loop": True, "context": 400_000}
LONG = "long " * 8000  # tens of thousands of tokens: seconds to read
PARENT = """
import asyncio, os, sys
from router.core.request import Endpoint, Request
from router.core.messages import Message
from router.providers import create
from router.testing.contract import collect, joined
ask = Request("m", (Message.user("hi"),))
provider = create(Endpoint("here", "gguf", "local", settings={"path": sys.argv[1], "threads": 1}))
def answer(): return joined(asyncio.run(collect(provider, ask)))
def children(pid="self"):
    return [c for task in os.listdir(f"/proc/{pid}/task") for c in open(f"/proc/{pid}/task/{task}/children").read().split()]
"""


def ask(text="hello", model="m", **fields):
    return Request(model, (Message.user(text),), {"temperature": 0}, **fields)


def provider_of(path, load_timeout=300.0, timeouts=DEFAULTS, **settings):
    told = {"path": str(path), "threads": 1, "isolation": "process", **settings}
    endpoint = Endpoint("here", "gguf", "local", settings=told, load_timeout=load_timeout, timeouts=timeouts)
    return GgufProvider(endpoint)


def run(provider, use):
    async def go():
        try:
            return await asyncio.wait_for(use(provider), 30)
        finally:
            await provider.close()

    return asyncio.run(go())


def children():
    """The living and dead children of this process, except those of other tests' fixtures."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= {int(pid) for pid in (task / "children").read_text().split()}
    return {pid for pid in found if b"_gguf_child" in command(pid) or b"fake_child" in command(pid)}


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_gone(pid):
    return not Path(f"/proc/{pid}").exists()


def has_ended(pid):
    """Gone, or waiting for the system to take notice: nobody else can reap the child of a parent that was killed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def size_of_stderr(pid):
    return Path(f"/proc/{pid}/fd/2").stat().st_size


def open_files(pid="self"):
    return [str(os.readlink(fd)) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]  # noqa: PTH115


def open_ports(pid):
    sockets = {name[8:-1] for name in open_files(pid)}
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()]
    return sockets & {line.split()[9] for line in lines}


async def becomes(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it does not come true"
        await asyncio.sleep(0.005)


def parent(program, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT + program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def fake_child(tmp_path, monkeypatch):
    """Put another program in the child's place."""

    def put(program):
        path = tmp_path / "fake_child.py"
        path.write_text("import json, os, sys, time\norder = json.loads(input())\n" + program)
        monkeypatch.setattr(_gguf_spawn, "PROGRAM", str(path))

    return put


READY = "print('{\"ready\": true}', flush=True)\n"


def test_a_child_that_is_killed_in_mid_answer_interrupts_it_and_is_replaced(scripted_model):
    async def use(provider):
        async with provider.open(ask()) as events:
            await anext(events)
            (first,) = children()
            os.kill(first, signal.SIGKILL)
            with pytest.raises(StreamInterrupted, match="killed by SIGKILL"):
                async for _ in events:
                    pass
        assert (await provider.listed())[0].state == "unloaded"
        async with provider.open(ask()) as events:
            assert (await anext(events)).text == "never"
        assert is_gone(first)
        return True

    assert run(provider_of(scripted_model(**ENDLESS)), use)


def test_a_child_that_is_killed_before_its_first_word_is_a_lost_connection(scripted_model):
    async def use(provider):
        await provider.load("m", 200_000)
        call = asyncio.create_task(collect(provider, ask(LONG, context=200_000)))
        await becomes(lambda: provider.busy)
        await asyncio.sleep(0.05)
        os.kill(*children(), signal.SIGKILL)
        with pytest.raises(CallFailed) as caught:
            await call
        return caught.value.kind

    assert run(provider_of(scripted_model(**ENDLESS)), use) == "connection_lost"


def test_a_prompt_that_is_left_while_it_is_read_ends_soon_and_keeps_the_model(scripted_model, monkeypatch):
    monkeypatch.setattr(_gguf_spawn, "GRACE", 8.0)

    async def use(provider):
        await provider.load("m", 200_000)
        before = children()
        call = asyncio.create_task(collect(provider, ask(LONG, context=200_000)))
        await becomes(lambda: provider.busy)
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.wait({call}, timeout=0.1)
        assert call.cancelled()
        await becomes(lambda: not provider.busy)
        async with provider.open(ask(context=200_000)) as events:
            await anext(events)
        return children() == before

    assert run(provider_of(scripted_model(**ENDLESS)), use)


def test_an_engine_that_does_not_stop_is_killed_and_who_waits_gets_a_new_one(scripted_model, monkeypatch):
    monkeypatch.setattr(_gguf_spawn, "GRACE", 0.05)

    async def use(provider):
        async with provider.open(ask()) as events:
            await anext(events)
            (stuck,) = children()
            waiting = asyncio.create_task(_first(provider))
            os.kill(stuck, signal.SIGSTOP)
        assert await waiting == "never"
        return is_gone(stuck)

    assert run(provider_of(scripted_model(**ENDLESS)), use)


async def _first(provider):
    async with provider.open(ask()) as events:
        return (await anext(events)).text


def test_unloading_returns_when_the_process_and_its_memory_are_gone(scripted_model):
    async def use(provider):
        await provider.load("m", 300_000)
        (listed,) = await provider.listed()
        (pid,) = children()
        await provider.unload("m")
        assert is_gone(pid)
        return listed

    listed = run(provider_of(scripted_model(**ENDLESS)), use)
    assert listed.state == "loaded"
    assert listed.context == 400_000
    assert listed.memory > 300_000 * 128


def test_unloading_interrupts_an_answer(scripted_model):
    async def use(provider):
        async with provider.open(ask()) as events:
            await anext(events)
            await provider.unload("m")
            with pytest.raises(StreamInterrupted, match="unloaded"):
                async for _ in events:
                    pass
        return True

    assert run(provider_of(scripted_model(**ENDLESS)), use)


def test_two_models_answer_at_once_and_are_listed(tmp_path, scripted_model):
    for name, reply in (("one", "First here."), ("two", "Second here."), ("three", "Third.")):
        (tmp_path / f"{name}.gguf").write_bytes(scripted_model(reply).read_bytes())
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"0" * 20)

    async def use(provider):
        answers = await asyncio.gather(
            *(collect(provider, ask(model=name)) for name in ("one", "two", "one", "two"))
        )
        with pytest.raises(ServerError):
            await provider.load("broken")
        assert len(children()) == 2
        assert provider.loaded == ("one.gguf", "two.gguf")
        return [joined(each) for each in answers], await provider.listed(), await provider.probe()

    answers, listed, vitality = run(provider_of(tmp_path), use)
    assert answers == ["First here.", "Second here."] * 2
    assert {each.id: each.state for each in listed} == {
        "broken.gguf": "failed",
        "one.gguf": "loaded",
        "three.gguf": "unloaded",
        "two.gguf": "loaded",
    }
    assert listed[-1].size == (tmp_path / "two.gguf").stat().st_size
    assert [each.memory is None for each in listed] == [True, False, True, False]
    assert vitality == "up"


def test_it_lists_loads_and_tells_how_it_is_and_what_it_needs(scripted_model):
    path = scripted_model("x")
    provider = provider_of(path)
    assert isinstance(provider, Resident)
    assert isinstance(provider, Probed)
    assert isinstance(provider, Measured)
    assert run(provider, lambda provider: provider.needs("m", 8192)) == memory_of(path, 8192)
    (listed,) = run(provider, lambda provider: provider.listed())
    assert (listed.state, listed.memory, listed.slots) == ("unloaded", None, 1)
    assert listed.goes_by(path.name)
    assert listed.goes_by(path.stem)


def test_without_its_folder_it_is_down(tmp_path):
    assert run(provider_of(tmp_path / "none"), lambda provider: provider.probe()) == "down"


def test_a_broken_file_is_told_in_the_engines_words(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + b"0" * 20)
    with pytest.raises(ServerError, match="this GGUF file is version 808464432"):
        run(provider_of(tmp_path), lambda provider: collect(provider, ask()))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sys.stderr.write('0.1 E no card found\\nexiting due to that\\n'); sys.exit(3)", "no card found"),
        ("sys.exit(3)", "exit 3"),
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("print('no json', flush=True); time.sleep(60)", "killed by SIGKILL"),
        ('print(\'{"failed": "MemoryError: "}\')', "MemoryError"),
    ],
)
def test_a_child_that_dies_while_it_loads_is_told(fake_child, scripted_model, program, words):
    fake_child(program)
    with pytest.raises(ServerError, match=words):
        run(provider_of(scripted_model("x")), lambda provider: collect(provider, ask()))


def test_a_model_that_loads_too_long_is_given_up(fake_child, scripted_model):
    fake_child("time.sleep(60)")

    async def use(provider):
        with pytest.raises(ServerError, match=r"not loaded within its load_timeout of 0\.1 s"):
            await provider.load("m")
        assert not children()
        return (await provider.listed())[0].state

    assert run(provider_of(scripted_model("x"), load_timeout=0.1), use) == "failed"


def test_a_call_that_waits_long_for_a_load_hears_so_and_the_load_goes_on(
    fake_child, scripted_model, monkeypatch, tmp_path
):
    monkeypatch.setattr(gguf, "PATIENCE", 0.05)
    fake_child(
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        + READY
        + "asked = json.loads(input())\n"
        'print(json.dumps({"of": 1, "chunk": {"choices": [{"delta": {"content": "hi"}}]}}))\n'
        'print(json.dumps({"of": 1, "chunk": {"choices": [{"delta": {}, "finish_reason": "stop"}]}}))\n'
        'print(json.dumps({"of": 1, "end": True}), flush=True)\n'
        "input()"
    )

    async def use(provider):
        for _ in range(2):
            with pytest.raises(ModelLoading, match=r"is loading \w+\.gguf"):
                await collect(provider, ask())
        assert await provider.probe() == "loading"
        assert len(children()) == 1
        (tmp_path / "go").touch()
        await provider.load("m")
        return joined(await collect(provider, ask()))

    assert run(provider_of(scripted_model("x")), use) == "hi"


def test_a_call_waits_for_a_load_half_of_its_time_at_most(fake_child, scripted_model):
    fake_child("time.sleep(60)")
    provider = provider_of(scripted_model("x"), timeouts=Timeouts(first=0.2))
    began = time.monotonic()
    with pytest.raises(ModelLoading):
        run(provider, lambda provider: collect(provider, ask()))
    assert time.monotonic() - began < 3


def test_unloading_ends_a_load_and_those_who_wait_for_it(fake_child, scripted_model):
    fake_child("time.sleep(60)")

    async def use(provider):
        call = asyncio.create_task(collect(provider, ask()))
        await becomes(children)
        await provider.unload("m")
        with pytest.raises(StreamInterrupted, match="unloaded"):
            await call
        return children()

    assert run(provider_of(scripted_model("x")), use) == set()


def test_an_engine_that_refuses_without_reason_has_a_status(fake_child, scripted_model):
    fake_child(
        READY
        + 'input(); print(\'{"of": 1, "end": true, "status": 500, "message": "odd"}\', flush=True); input()'
    )
    with pytest.raises(ServerError, match="odd"):
        run(provider_of(scripted_model("x")), lambda provider: collect(provider, ask()))


@pytest.mark.parametrize(
    "said",
    [
        '{"of": 1, "end": true, "status": 400, "message": "no such: my grandmother has moved to Riga"}',
        '{"of": 1, "chunk": {"error": {"message": "no such: my grandmother has moved to Riga"}}}',
    ],
)
def test_an_engine_that_repeats_the_prompt_shows_it_to_nobody(fake_child, scripted_model, said):
    fake_child(f"{READY}input()\nprint({said!r}, flush=True)\ninput()")
    with pytest.raises(CallFailed) as caught:
        run(
            provider_of(scripted_model("x")),
            lambda provider: collect(provider, ask("my grandmother has moved to Riga")),
        )
    assert "…" in str(caught.value)
    assert "grandmother" not in "".join(traceback.format_exception(caught.value))


def test_what_the_engine_complains_of_does_not_fill_the_disk(fake_child, scripted_model, monkeypatch):
    monkeypatch.setattr(_gguf_spawn, "WORDS_CAP", 100)
    fake_child(
        READY + "n = 0\nwhile input():\n n += 1; sys.stderr.write('y' * 300 + '\\n'); sys.stderr.flush()\n"
        ' print(json.dumps({"of": n, "end": True, "status": 500, "message": "odd"}), flush=True)'
    )

    async def use(provider):
        for _ in range(5):
            with pytest.raises(ServerError):
                await collect(provider, ask())
        (pid,) = children()
        return size_of_stderr(pid)

    assert run(provider_of(scripted_model("x")), use) <= 301


def test_a_process_that_cannot_be_started_is_told(scripted_model, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ServerError, match="no process can be started: No such file"):
        run(provider_of(scripted_model("x")), lambda provider: collect(provider, ask()))


def test_where_no_process_can_be_started_there_is_none_unless_it_is_demanded(scripted_model, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    path = scripted_model("No child here.")
    with pytest.raises(ConfigError, match="`isolation: none`"):
        provider_of(path)
    provider = provider_of(path, isolation=None)
    assert joined(run(provider, lambda provider: collect(provider, ask()))) == "No child here."
    assert not children()


class _Unwatched(asyncio.DefaultEventLoopPolicy):
    """Like uvloop's: nobody watches over child processes."""

    def get_child_watcher(self):
        raise NotImplementedError


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="policies have no watchers any more")
def test_it_does_not_matter_which_event_loop_policy_the_program_has(scripted_model):
    asyncio.set_event_loop_policy(_Unwatched())
    try:
        events = run(provider_of(scripted_model("All the same.")), lambda provider: collect(provider, ask()))
    finally:
        asyncio.set_event_loop_policy(None)
    assert joined(events) == "All the same."


def test_an_isolation_that_is_not_known_is_refused():
    with pytest.raises(ConfigError, match="process or none"):
        provider_of("x", isolation="jail")


def test_other_letters_go_in_and_out(scripted_model):
    path = scripted_model("Grüße, 你好 🙂 und Schluß.")
    events = run(
        provider_of(path), lambda provider: collect(provider, ask("Schöne Grüße 🙂 \u2028 \n Schluß"))
    )
    assert joined(events) == "Grüße, 你好 🙂 und Schluß."


def test_half_a_letter_is_a_failed_call_at_worst(scripted_model):
    async def use(provider):
        with suppress(CallFailed):
            await collect(provider, ask("\ud800"))
        return joined(await collect(provider, ask()))

    assert run(provider_of(scripted_model("Still here.")), use) == "Still here."


def test_a_request_that_is_no_json_is_refused(scripted_model):
    with pytest.raises(CallFailed) as caught:
        run(provider_of(scripted_model("x")), lambda provider: collect(provider, ask(extra={"x": object()})))
    assert caught.value.kind == "invalid_request"


def test_the_child_has_no_secret_of_the_environment_no_port_and_no_folder(
    scripted_model, monkeypatch, tmp_path
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    async def use(provider):
        await provider.load("m")
        (pid,) = children()
        return Path(f"/proc/{pid}/environ").read_bytes(), open_ports(pid), list(tmp_path.iterdir())  # noqa: ASYNC240

    environment, ports, files = run(provider_of(scripted_model("x")), use)
    assert b"sk-secret" not in environment
    assert b"CUDA_VISIBLE_DEVICES=0" in environment
    assert not ports
    assert not files


def test_loading_and_closing_again_and_again_leaves_nothing_open(scripted_model):
    provider = provider_of(scripted_model("Once more."))

    async def cycle():
        assert joined(await collect(provider, ask())) == "Once more."
        await provider.close()

    asyncio.run(cycle())
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(4):
        asyncio.run(cycle())
    gc.collect()
    assert (len(list(Path("/proc/self/fd").iterdir())), threading.active_count()) == before
    assert not children()


def test_a_provider_that_nobody_holds_any_more_ends_its_child(scripted_model):
    provider = provider_of(scripted_model("x"))
    asyncio.run(collect(provider, ask()))
    (pid,) = children()
    del provider
    gc.collect()
    assert is_gone(pid)


def test_many_threads_with_loops_of_their_own_share_a_model(scripted_model):
    provider = provider_of(scripted_model("Shared by all."))
    answers = []

    def work():
        answers.extend(joined(asyncio.run(collect(provider, ask()))) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == ["Shared by all."] * 20
    assert len(children()) == 1
    asyncio.run(provider.close())


def test_what_a_fork_forsakes_is_its_parents(scripted_model, monkeypatch):
    monkeypatch.setattr(_gguf_loop, "LAST", 0.05)
    provider = provider_of(scripted_model("Twice."))
    asyncio.run(collect(provider, ask()))
    around, before = provider._around, children()
    provider.forsake()
    assert provider.loaded == ()
    assert joined(asyncio.run(collect(provider, ask()))) == "Twice."
    assert children() - before
    asyncio.run(provider.close())
    around.stop()
    until = time.monotonic() + 5
    while children() and time.monotonic() < until:
        time.sleep(0.01)
    assert not children()


def test_a_provider_that_was_not_used_has_nothing_to_forsake():
    provider = provider_of("x")
    provider.forsake()
    asyncio.run(provider.close())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_parent_that_ends_in_any_way_leaves_no_child(scripted_model, how):
    process = parent(
        "answer(); print(*children(), flush=True); input()", scripted_model("x"), stdin=subprocess.PIPE
    )
    pid = int(process.stdout.readline())
    assert not is_gone(pid)
    if how is not None:
        process.send_signal(how)
    process.stdin.close()
    process.wait(10)
    until = time.monotonic() + 5
    while not has_ended(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert has_ended(pid)
    process.stdout.close()


def test_a_parent_that_is_killed_while_a_fork_of_it_lives_leaves_no_child(scripted_model):
    program = """
answer()
child, = children()
if os.fork() == 0:
    print(child, os.getpid(), flush=True)
    __import__("time").sleep(30)
os.wait()
"""
    process = parent(program, scripted_model("x"))
    pid, fork = map(int, process.stdout.readline().split())
    process.kill()
    process.wait(10)
    until = time.monotonic() + 5
    while not has_ended(pid) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(fork, signal.SIGKILL)
    process.stdout.close()
    assert has_ended(pid)


def test_a_fork_begins_anew_and_its_parent_notices_nothing(scripted_model):
    program = """
import gc
answer()
before = children()
if os.fork() == 0:
    print("fork", answer(), children() != before, flush=True)
    asyncio.run(provider.close())
    gc.collect()
    sys.exit()
os.wait()
print("parent", answer(), children() == before, flush=True)
"""
    process = parent(program, scripted_model("Well and good."))
    out, _ = process.communicate(timeout=30)
    assert out.splitlines() == ["fork Well and good. True", "parent Well and good. True"]
    assert process.returncode == 0
