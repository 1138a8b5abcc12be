"""A router in front of walls: what the tests of faults have in common."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.wall import Wall, piece, wall

from router import load_router
from router.core.clock import LoopClock
from router.core.observer import Observer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from support.wall import Reply

    from router import Completion, Router
    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord

# What a loaded machine may add to a time that the design bounds.
SLACK = 0.35
# Four letters are one estimated token.
TOKEN = "tok "
ENOUGH = 120.0


class Watcher(Observer):
    """Remembers what a router tells."""

    def __init__(self) -> None:
        self.attempts: list[AttemptRecord] = []
        self.calls: list[CallRecord] = []
        self.notices: list[Notice] = []

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:  # noqa: ARG002
        self.attempts.append(record)

    def call_ended(self, record: CallRecord) -> None:
        self.calls.append(record)

    def noticed(self, notice: Notice) -> None:
        self.notices.append(notice)

    def turns(self, state: str) -> list[str]:
        """Return whose breakers went to a state, in order."""
        return [each.subject for each in self.notices if each.what == "breaker" and each.state == state]


class HastyClock(LoopClock):
    """The loop's clock, whose waits are twenty times shorter: for what looks around every few seconds."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)


class JumpClock(LoopClock):
    """The loop's clock, which jumps instead of sleeping: sockets are real, long waits are not.

    For one call at a time: what runs beside it would not see the time go by.
    """

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.ahead += max(seconds, 0.0)
        await asyncio.sleep(0)

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        return super().timeout_at(None if when is None else when - self.ahead)

    def call_at(self, when: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return super().call_at(when - self.ahead, callback)


@dataclass(slots=True)
class World:
    """A router, the walls behind its endpoints, and who watches.

    Attributes:
        router: The router.
        walls: The wall of each endpoint, by name.
        file: The router's file.
        seen: What the router told.
        clock: Its clock.
    """

    router: Router
    walls: dict[str, Wall]
    file: Path
    seen: Watcher = field(default_factory=Watcher)
    clock: LoopClock = field(default_factory=LoopClock)

    @property
    def attempts(self) -> tuple[int, ...]:
        """Requests that each wall has seen."""
        return tuple(each.attempts for each in self.walls.values())

    async def ask(self, text: str = "hello", **options: object) -> Completion:
        """Make a call."""
        return await self.router.complete(text, **options)

    def skip(self, seconds: float) -> None:
        """Let time pass, on a clock that can jump."""
        self.clock.ahead += seconds


@asynccontextmanager
async def world(
    folder: Path,
    *,
    endpoint: str = "",
    model: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
    rest: str = "",
    rules: str | None = None,
    clock: LoopClock | None = None,
    watch: bool = False,
    seed: int = 1,
    **replies: Reply | list[Reply],
) -> AsyncIterator[World]:
    """Load a router whose endpoints a, b ... are walls; on leaving nothing of any call may be left.

    Args:
        folder: Where the file goes.
        endpoint: Further settings of every endpoint.
        model: Further settings of single models: `m` and the endpoint's name.
        keys: Credentials of the endpoints; by default each has its own.
        rest: Further keys of the file.
        rules: The rules; by default the models in order.
        clock: The router's clock.
        watch: Whether the router watches its file.
        seed: For its dice.
        **replies: For each endpoint what it answers.
    """
    names = list(replies)
    async with AsyncExitStack() as stack:
        walls = {}
        for name, given in replies.items():
            walls[name] = await stack.enter_async_context(
                wall(*(given if isinstance(given, list) else [given]))
            )
        lines = ["version: 1", "endpoints:"]
        for name in names:
            fixed = f'kind: openai, url: "{walls[name].url}/v1", key: "${{env:KEY_{name}}}", health: off'
            lines.append(f"  {name}: {{{fixed}{', ' if endpoint else ''}{endpoint}}}")
        lines.append("models:")
        for name in names:
            more = (model or {}).get(f"m{name}", "")
            lines.append(f"  m{name}: {{at: {name}, price: {{input: $1, output: $2}}{more}}}")
        lines.append(
            f"rules: {rules}" if rules else f"rules: [{{use: [{', '.join('m' + n for n in names)}]}}]"
        )
        file = folder / "router.yaml"
        file.write_text("\n".join([*lines, rest, ""]), encoding="utf-8")
        env = {f"KEY_{name}": (keys or {}).get(name, f"key-of-{name}") for name in names}
        seen, clock = Watcher(), clock or LoopClock()
        dice = random.Random(seed)
        router = load_router(file, env=env, observers=[seen], clock=clock, dice=dice, watch=watch)
        standing = asyncio.all_tasks()
        async with router:
            yield World(router, walls, file, seen, clock)
        for name, each in walls.items():
            assert await each.empties(1.0), f"connections to {name} are left"
        left = {task for task in asyncio.all_tasks() - standing if not task.done()}
        served = {task for each in walls.values() for task in each.tasks}
        assert not left - served, f"tasks are left: {left - served}"


def run(work, *arguments: object, **options: object):
    """Run a test's coroutine function, and give up on one that hangs."""

    async def bounded() -> object:
        async with asyncio.timeout(ENOUGH):
            return await work(*arguments, **options)

    return asyncio.run(bounded())


def tokens(count: int, finish: str | None = None) -> list[object]:
    """Return the chunks of an answer of so many estimated tokens."""
    chunks: list[object] = [piece(TOKEN) for _ in range(count)]
    return [*chunks, piece(finish=finish)] if finish else chunks


def outcomes(attempts) -> list[tuple[str, str]]:
    """Return where each attempt went and how it ended."""
    return [(each.endpoint, each.outcome) for each in attempts]
