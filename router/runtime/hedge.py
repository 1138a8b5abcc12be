"""A second attempt beside a slow first one: the first content wins, the other is left at once."""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING

from router.core.errors import CallFailed, DeadlineExceeded
from router.core.frozen import dataclass
from router.policy.kinds import NEVER, TREATMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.runtime.attempt import Attempt


@dataclass(slots=True)
class Race:
    """How it ended.

    Attributes:
        winner: The attempt with the first content, or None.
        failures: The attempts that failed by themselves, in the order in which they did.
    """

    winner: Attempt | None = None
    failures: list[tuple[Attempt, Exception]] = field(default_factory=list)


async def race(first: Attempt, after: float, second: Callable[[], Attempt | None]) -> Race:
    """Bring the first attempt to its content; when that takes longer than `after` seconds, a second one beside it."""
    found = Race()
    running = {asyncio.create_task(first.begin()): first}
    try:
        done, _ = await asyncio.wait(running, timeout=after)
        other = None if done else second()
        if other is not None:
            running[asyncio.create_task(other.begin())] = other
        while running and found.winner is None and not _final(found):
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda each: running[each] is not first):
                if _takes(found, task, running[task]):
                    del running[task]
        await _leave(running, lost=True)
    except BaseException as error:
        try:
            await _leave(running, lost=False)
        finally:
            if found.winner is not None:  # whom nobody takes any more
                await found.winner.close(error)
        raise
    return found


def _takes(found: Race, task: asyncio.Task[None], attempt: Attempt) -> bool:
    """Take in how an attempt went; return False for a good one that came too late."""
    if task.cancelled():
        raise asyncio.CancelledError
    error = task.exception()
    if error is None:
        if found.winner is not None:
            return False
        found.winner = attempt
    elif isinstance(error, Exception):
        found.failures.append((attempt, error))
    else:
        raise error
    return True


def _final(found: Race) -> bool:
    """Whether a failure is the call's own fault: no other endpoint would answer it."""
    return any(
        isinstance(error, CallFailed)
        and not isinstance(error, DeadlineExceeded)  # in a queue: too late to begin, not to end
        and TREATMENTS.get(error.kind, NEVER).failover == "no"
        for _, error in found.failures
    )


def _seen(task: asyncio.Task[None]) -> None:
    """Mark how a task ended as known: nobody waits for one that is left while it is being left."""
    if not task.cancelled():
        task.exception()


async def _leave(running: dict[asyncio.Task[None], Attempt], *, lost: bool) -> None:
    for task, attempt in running.items():
        attempt.lost = lost
        task.add_done_callback(_seen)
        task.cancel()
    try:
        if running:
            await asyncio.gather(*running, return_exceptions=True)
    finally:
        for task, attempt in running.items():
            if task.done():  # else it is being left, and frees what it holds by itself
                await attempt.close()
