"""Calls of Python functions for one routed call and one streamed event: what no noise of a machine can move.

A path that grows slower fails here. Who makes it shorter lowers the number; who needs more says why.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import router
from router import load_router
from router.core.events import Done, TextDelta
from router.core.usage import Usage

OURS = str(Path(router.__file__).parent)
FILE = """\
version: 1
endpoints:
  here: {{kind: openai, url: "http://127.0.0.1:{port}/v1", health: off}}
  there: {{kind: openai, url: "http://127.0.0.1:{port}/v2", health: off}}
models: {{main: {{at: here}}, spare: {{at: there}}}}
rules:
  - {{name: code, when: {{task: code}}, use: [main, spare]}}
  - {{name: otherwise, use: [spare, main]}}
"""
SAID = [{"role": "user", "content": "What is the capital of France?"}]
EVENTS, CALLS = 100, 50
# What they were when this was written, and a little more for other versions of Python.
ENGINE_CALL, ENGINE_EVENT, WIRE_CALL, WIRE_EVENT = 106, 14, 177, 9
KEPT_CALL = 33
ANSWER = (
    b'{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Paris."},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}'
)
PIECES = b"".join(
    b'data: {"choices":[{"index":0,"delta":{"content":"word%d "}}]}\n\n' % number for number in range(EVENTS)
) + (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":100}}\n\ndata: [DONE]\n\n'
)


@contextmanager
def counted():
    """Count the functions of the package that are called."""
    seen = [0]

    def look(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            seen[0] += 1

    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(None)


class At:
    """A provider whose answers are there at once: the engine alone."""

    def __init__(self, pieces):
        self.pieces = pieces

    def open(self, request):
        del request
        return Answer(self.pieces)

    async def close(self):
        pass


class Answer:
    def __init__(self, pieces):
        self.events = iter([*(TextDelta("word") for _ in range(pieces)), Done("stop", Usage(9, pieces))])

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    def __aiter__(self):
        return self

    async def __anext__(self):
        return next(self.events)


async def whole(llm):
    await llm.complete(SAID, task="code")


async def streamed(llm):
    async with llm.stream(SAID, task="code") as reply:
        async for _ in reply:
            pass


async def each(llm, work):
    """Return how many functions one call takes."""
    for _ in range(5):
        await work(llm)
    with counted() as seen:
        for _ in range(CALLS):
            await work(llm)
    return seen[0] / CALLS


async def kept(llm):
    assert (await llm.complete(SAID, task="code", cache="always")).text == "word"


def written(folder, port=1, more=""):
    file = folder / "router.yaml"
    file.write_text(FILE.format(port=port) + more, encoding="utf-8")
    return file


async def alone(folder, pieces, work, more=""):
    async with load_router(
        written(folder, more=more), providers={"here": At(pieces), "there": At(pieces)}, env={}
    ) as llm:
        return await each(llm, work)


class Server(asyncio.Protocol):
    """Answers every request at once."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        kind, body = (
            (b"text/event-stream", PIECES) if b'"stream":true' in data else (b"application/json", ANSWER)
        )
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, len(body))
        self.transport.write(head + body)


async def served(folder, work):
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    try:
        async with load_router(written(folder, server.sockets[0].getsockname()[1]), env={}) as llm:
            return await each(llm, work)
    finally:
        server.close()


def test_the_engine_makes_a_call_in_so_many_steps(tmp_path):
    assert asyncio.run(alone(tmp_path, 1, whole)) <= ENGINE_CALL


def test_a_kept_answer_is_given_in_so_many_steps(tmp_path):
    assert asyncio.run(alone(tmp_path, 1, kept, "cache: {}\n")) <= KEPT_CALL


def test_the_engine_hands_out_an_event_in_so_many_steps(tmp_path):
    few, many = (asyncio.run(alone(tmp_path, pieces, streamed)) for pieces in (10, 110))
    assert (many - few) / 100 <= ENGINE_EVENT


def test_a_call_over_the_wire_takes_so_many_steps(tmp_path):
    assert asyncio.run(served(tmp_path, whole)) <= WIRE_CALL


def test_an_event_over_the_wire_takes_so_many_steps(tmp_path):
    assert asyncio.run(served(tmp_path, streamed)) / EVENTS <= WIRE_EVENT


@pytest.mark.parametrize("work", [whole, streamed])
def test_a_call_leaves_nothing_to_the_garbage_collector(work, tmp_path):
    async def made(llm):
        for _ in range(5):
            await work(llm)
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await work(llm)
            return gc.collect()
        finally:
            gc.enable()

    async def main():
        async with load_router(written(tmp_path), providers={"here": At(3), "there": At(3)}, env={}) as llm:
            return await made(llm)

    assert asyncio.run(main()) == 0
