"""A router whose endpoints play a part on a virtual clock: what the tests of single settings have in common."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.faults import Watcher

from router import CallFailed, TextDelta, load_router
from router.core.events import Done
from router.core.usage import Usage
from router.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from router import Completion, Router
    from router.core.events import Event
    from router.core.request import Request

DONE = Done("stop", Usage(10, 5))
OK: list[object] = [TextDelta("fine"), DONE]


def says(*words: str, pace: float = 0.0, first: float = 0.0) -> list[object]:
    """Return the steps of an answer."""
    steps: list[object] = [first]
    for word in words:
        steps += [TextDelta(word), pace]
    return [*steps, DONE]


class Part:
    """A provider that plays one turn per request, the last one for ever.

    A turn is a list of events, of errors to raise and of pauses in seconds; or a function that makes one of the
    request.

    Attributes:
        asked: When each request came, and the request.
        left: When each was left.
        running: Requests under way.
        most: The largest number of them.
        closed: How often it was closed.
    """

    def __init__(self, *turns: object) -> None:
        self.turns = list(turns) or [OK]
        self.asked: list[tuple[float, Request]] = []
        self.left: list[float] = []
        self.running = 0
        self.most = 0
        self.closed = 0

    @property
    def calls(self) -> int:
        return len(self.asked)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.asked]

    @property
    def keys(self) -> list[int]:
        return [request.key for _, request in self.asked]

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
        turn = self.turns[min(self.calls, len(self.turns) - 1)]
        steps = turn(request) if callable(turn) else turn
        self.asked.append((now(), request))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            async with aclosing(self._events(steps if isinstance(steps, list) else [steps])) as events:
                yield events
        finally:
            self.running -= 1
            self.left.append(now())

    async def _events(self, steps: list[object]) -> AsyncGenerator[Event, None]:
        for step in steps:
            if isinstance(step, float | int):
                await asyncio.sleep(step)
            elif isinstance(step, CallFailed):
                raise type(step)(str(step), retry_after=step.retry_after, status=step.status)
            else:
                yield step

    async def close(self) -> None:
        self.closed += 1


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Stage:
    """A router with its parts, and who watches."""

    router: Router
    parts: Mapping[str, Part]
    seen: Watcher
    file: Path
    extra: dict[str, object] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Part:
        return self.parts[name]

    async def ask(self, text: str = "hello", **options: object) -> Completion:
        return await self.router.complete(text, **options)

    async def many(self, count: int, **options: object) -> list[Completion | BaseException]:
        """Make calls at once."""
        return await asyncio.gather(*(self.ask(**options) for _ in range(count)), return_exceptions=True)

    async def fails(self, **options: object) -> CallFailed:
        """Make a call that fails, and return its error."""
        try:
            answer = await self.ask(**options)
        except CallFailed as error:
            return error
        raise AssertionError(f"it was answered by {answer.endpoint}")


def config(
    names: str = "ab",
    *,
    each: str = "",
    models: str | None = None,
    rules: str | None = None,
    rest: str = "",
    **own: str,
) -> str:
    """Return a file: an endpoint for each letter, with further settings for each or for one of them."""
    lines = ["version: 1", "endpoints:"]
    for port, name in enumerate(names, start=1):
        settings = ", ".join(part for part in (each, own.get(name, "")) if part)
        url = "" if "url:" in settings else f'url: "http://127.0.0.1:{port}/v1"'
        health = "" if "health:" in settings else "health: off"
        parts = [part for part in ("kind: openai", url, health, settings) if part]
        lines.append(f"  {name}: {{{', '.join(parts)}}}")
    lines += (
        ["models:", *(f"  m{name}: {{at: {name}}}" for name in names)]
        if models is None
        else [f"models: {models}"]
    )
    listed = ", ".join(f"m{name}" for name in names)
    lines.append(f"rules: {rules}" if rules else f"rules: [{{use: [{listed}]}}]")
    return "\n".join([*lines, rest, ""])


def played(
    folder: Path,
    text: str,
    work: Callable[[Stage], Awaitable[object]],
    *,
    seed: int = 1,
    env: Mapping[str, str] | None = None,
    **parts: Part,
) -> object:
    """Play a piece on a virtual clock, and see to it that nothing is left of it."""
    file = folder / "router.yaml"
    file.write_text(text, encoding="utf-8")

    async def main() -> object:
        seen = Watcher()
        router = load_router(file, providers=parts, dice=random.Random(seed), observers=[seen], env=env or {})
        async with router:
            found = await work(Stage(router, parts, seen, file))
            await asyncio.sleep(0)
        for limiter in router._engine.here().limiters.values():
            assert (limiter.held, limiter.waiting) == (0, 0)
        assert {name: part.running for name, part in parts.items()} == dict.fromkeys(parts, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found

    return run_virtual(main())
