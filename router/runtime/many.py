"""Many calls: so many at once, answered in their order, exact duplicates asked once."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, NamedTuple

from router.core.errors import InvalidCall, RouterError, Shed
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

    from router.core.clock import Clock
    from router.core.messages import Completion

    Ask = Callable[..., Awaitable[Completion]]

# Answers that wait for an earlier one, for each call at once; answers that are remembered for duplicates.
AHEAD, REMEMBERED = 4, 10_000
# Seconds that a call goes on asking for a place where the queues are full, and the least and most it waits at once.
PATIENCE, LEAST, MOST = 600.0, 0.1, 10.0


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one of many calls: an answer, or an error.

    Attributes:
        index: The call's place among all, counted from 0.
        completion: Its answer, or None.
        error: Why it has none, or None.
        same_as: The index of the equal call that was asked in its place, or None.
    """

    index: int
    completion: Completion | None = None
    error: RouterError | None = None
    same_as: int | None = None


async def complete_many(
    ask: Ask, calls: Iterable[object], concurrency: int, clock: Clock
) -> AsyncGenerator[BatchResult, None]:
    """Yield what becomes of calls, in their order; leaving it early cancels those under way.

    Args:
        ask: Makes one call: messages, options, and no keywords.
        calls: Messages, or mappings of `messages` and options; taken as far as they are needed, no further.
        concurrency: How many are made at once.
        clock: Where time comes from.

    Raises:
        InvalidCall: `concurrency` is no positive number.
    """
    if type(concurrency) is not int or concurrency < 1:
        raise InvalidCall(f"`concurrency` is {str(concurrency)[:40]!r}; it must be a whole number, 1 or more")
    asking = _Asking(ask, concurrency, clock)
    waiting: deque[_Asked] = deque()
    try:
        for index, call in enumerate(calls):
            waiting.append(asking.begin(index, call))
            while len(waiting) >= concurrency * AHEAD or (waiting and waiting[0].task.done()):
                yield await _first(waiting)
        while waiting:
            yield await _first(waiting)
    finally:
        left = {each.task for each in waiting if not each.task.done()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


class _Asked(NamedTuple):
    """A call that was begun, the first of its equals, and who will have the answer."""

    number: int
    first: int | None
    task: asyncio.Task[Completion]


class _Asking:
    """Begins calls, an equal of an earlier one not again. Its state: those that are remembered."""

    def __init__(self, ask: Ask, concurrency: int, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._places = asyncio.Semaphore(concurrency)
        self._known: OrderedDict[str, _Asked] = OrderedDict()

    def begin(self, index: int, call: object) -> _Asked:
        key = key_of(call)
        known = self._known.get(key) if key is not None else None
        if known is not None:
            return _Asked(index, known.number, known.task)
        asked = _Asked(index, None, asyncio.create_task(self._one(call)))
        if key is not None:
            self._known[key] = asked
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return asked

    async def _one(self, call: object) -> Completion:
        messages, options = _parts(call)
        async with self._places:
            until = self._clock.now() + PATIENCE
            while True:
                try:
                    return await self._ask(messages, {"urgency": "batch", **options}, {})
                except Shed as error:  # others are more urgent: there is time
                    wait = min(max(error.retry_after or LEAST, LEAST), MOST)
                    if self._clock.now() + wait > until:
                        raise
                    await self._clock.sleep(wait)


def key_of(call: object) -> str | None:
    """Return a text that equal calls have in common; None for one that cannot be compared."""
    try:
        messages, options = _parts(call)
        return json.dumps([messages, options], sort_keys=True, ensure_ascii=False, default=_plain)
    except (InvalidCall, TypeError, ValueError, RecursionError):
        return None


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(getattr(value, field.name) for field in fields(value))]
    raise TypeError


def _parts(call: object) -> tuple[object, dict[str, object]]:
    """Return a call's messages and options."""
    if not isinstance(call, Mapping):
        return call, {}
    options = {str(name): value for name, value in call.items()}
    found = [options.pop(name) for name in ("messages", "prompt") if name in options]
    if len(found) != 1:
        raise InvalidCall(
            "one of many calls is messages, or a mapping with `messages` (or `prompt`) and options"
        )
    return found[0], options


async def _first(waiting: deque[_Asked]) -> BatchResult:
    """Wait for the first of those that wait, and take it out."""
    index, first, task = waiting[0]
    await asyncio.wait({task})
    waiting.popleft()
    error = task.exception()
    if error is None:
        return BatchResult(index, task.result(), same_as=first)
    if not isinstance(error, RouterError):
        raise error
    return BatchResult(index, error=error, same_as=first)
