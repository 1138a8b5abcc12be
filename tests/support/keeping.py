"""Routers that keep answers: what the tests of the cache have in common."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from support.faults import Watcher
from support.played import Part, says

from router import load_router
from router.core.clock import LoopClock
from router.testing import run_virtual

FILE = """\
version: 1
dimensions: {{data: {{values: [public, private], default: public}}}}
endpoints: {{a: {{kind: openai, url: "http://127.0.0.1:1/v1", health: off}}, b: {{kind: openai, url: "http://127.0.0.1:2/v1", health: off}}}}
models:
  ma: {{at: a, price: {{input: $1, output: $2}}}}
  mb: {{at: b}}
rules:
  - {{name: coding, when: {{task: code}}, use: ma{rule}}}
  - {{name: otherwise, use: [ma, mb]}}
{rest}
"""
CERTAIN = {"temperature": 0}


class WallClock(LoopClock):
    """A clock whose wall hangs on the loop."""

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now()


def config(cache: str = "{}", rule: str = "", rest: str = "") -> str:
    """Return a file; `rule` is what the rule for code says more."""
    return FILE.format(rule=f", {rule}" if rule else "", rest=f"cache: {cache}\n{rest}" if cache else rest)


class Keeping:
    """A router with its two providers, and who watches."""

    def __init__(self, router, a, b, seen) -> None:
        self.router, self.a, self.b, self.seen = router, a, b, seen

    async def ask(self, text="hello", **options):
        return await self.router.complete(text, {**CERTAIN, **options})

    async def streamed(self, text="hello", **options):
        async with self.router.stream(text, {**CERTAIN, **options}) as reply:
            deltas = [each async for each in reply]
        return deltas, reply.completion

    @property
    def last(self):
        return self.seen.calls[-1]

    @property
    def calls(self):
        return (self.a.calls, self.b.calls)


@asynccontextmanager
async def keeping(folder, text, a=None, b=None, clock=None):
    """Load a router for a file's text."""
    file = folder / "router.yaml"
    file.write_text(text, encoding="utf-8")
    a, b, seen = a or numbered(), b or numbered(), Watcher()
    router = load_router(
        file,
        providers={"a": a, "b": b},
        env={},
        observers=[seen],
        clock=clock or WallClock(),
        dice=random.Random(1),
    )
    async with router:
        yield Keeping(router, a, b, seen)


def numbered(first=0.0):
    """Return a provider whose every answer is another."""
    part = Part()
    part.turns = [lambda _: says(f"answer {part.calls + 1}", first=first)]
    return part


def play(folder, text, work, **options):
    """Play a piece on a virtual clock."""

    async def main():
        async with keeping(folder, text, **options) as it:
            await work(it)
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert it.a.running == it.b.running == 0

    run_virtual(main())


def cache_of(it):
    """Return where a router keeps its answers, or None."""
    engine = it.router._engine
    return engine.cache(engine.program)
