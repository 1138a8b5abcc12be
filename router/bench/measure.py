"""Asks one place after the other the same prompts: no two at a time, so that local models do not disturb each other."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from router.bench.figures import WARM_UP, Benchmark, Measured, Run, fastest_first
from router.bench.prompts import BUILT_IN, as_prompts
from router.core.errors import CallFailed, InvalidCall
from router.core.frozen import dataclass
from router.core.usage import NO_TOKENS, NOTHING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
    from decimal import Decimal

    from router.bench.prompts import Prompt
    from router.core.messages import Completion
    from router.core.record import AttemptRecord
    from router.runtime.router import Router

REPEAT = 3
MILLI = 1000.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of whom.

    Attributes:
        places: Every place of the models, in the file's order; those that are not available say why.
        prompts: What each is asked.
        repeat: How often.
        warm_up: Whether each answers once before it counts.
        options: Dimensions and options of every call; a prompt's own come before them.
    """

    places: tuple[Measured, ...]
    prompts: tuple[Prompt, ...]
    repeat: int
    warm_up: bool
    options: Mapping[str, object]

    @property
    def each(self) -> int:
        """How many calls a place gets."""
        return self.repeat * len(self.prompts) + self.warm_up

    @property
    def calls(self) -> int:
        """How many calls there are in all."""
        return self.each * sum(place.unavailable is None for place in self.places)


def planned(
    router: Router,
    models: Sequence[str] | None = None,
    prompts: Sequence[Prompt] | None = None,
    repeat: int = REPEAT,
    *,
    warm_up: bool = True,
    options: Mapping[str, object] | None = None,
) -> Plan:
    """Return what a benchmark will ask.

    Args:
        router: The router.
        models: Names of models, or None for all.
        prompts: What they are asked; a small set of short answer, text and code by default.
        repeat: How often each prompt is asked.
        warm_up: Whether each place answers the first prompt once before it counts.
        options: Dimensions and options of every call.

    Raises:
        InvalidCall: A model is not in the file, or `repeat` is no positive number.
    """
    if type(repeat) is not int or repeat < 1:
        raise InvalidCall(f"`repeat` is {str(repeat)[:40]!r}; it must be a whole number, 1 or more")
    known = {each.name: each for each in router.models()}
    unknown = next((name for name in models or () if name not in known), None)
    if unknown is not None:
        raise InvalidCall(f"there is no model {unknown[:60]!r}; the models are {', '.join(known)}")
    places = tuple(
        Measured(
            name,
            place.endpoint,
            place.kind,
            place.locality,
            place.id,
            _away(place.state),
        )
        for name in known
        if models is None or name in models
        for place in known[name].deployments
    )
    return Plan(places, tuple(prompts or BUILT_IN), repeat, warm_up, dict(options or {}))


def _away(state: str) -> str | None:
    if state == "offline":
        return "offline: remote endpoints are not contacted"
    return "its health check says that it is down" if state == "down" else None


async def measure(router: Router, plan: Plan) -> AsyncGenerator[Run, None]:
    """Make the calls of a plan one after the other, and yield what came of each.

    A place whose warm-up fails is asked nothing more.

    Raises:
        InvalidCall: A prompt or an option is malformed: no place could be asked.
    """
    for place in plan.places:
        if place.unavailable is not None:
            continue
        if plan.warm_up:
            run = await _asked(router, place, plan.prompts[0], WARM_UP, plan.options)
            yield run
            if run.error is not None:
                continue
        for number in range(1, plan.repeat + 1):
            for prompt in plan.prompts:
                yield await _asked(router, place, prompt, number, plan.options)


async def _asked(
    router: Router, place: Measured, prompt: Prompt, number: int, options: Mapping[str, object]
) -> Run:
    opts = {**options, **prompt.options}
    where = Run(place.model, place.endpoint, prompt.name, number)
    try:
        async with router.stream_at(place.model, place.endpoint, prompt.messages, opts) as reply:
            async for _ in reply:
                pass
            return _answer(where, reply.completion)
    except CallFailed as error:
        last = error.attempts[-1] if error.attempts else None
        return replace(
            where,
            first=None if last is None or last.first_ms is None else last.first_ms / MILLI,
            seconds=0.0 if last is None else last.ms / MILLI,
            usage=error.usage or NO_TOKENS,
            cost=_cost(error.attempts),
            text=error.partial_text,
            kind=error.kind,
            error=str(error),
        )


def _answer(where: Run, found: Completion) -> Run:
    last = found.attempts[-1]
    return replace(
        where,
        first=None if last.first_ms is None else last.first_ms / MILLI,
        seconds=last.ms / MILLI,
        whole=found.ms / MILLI,
        usage=found.usage,
        cost=found.cost,
        text=found.text,
    )


def _cost(attempts: Iterable[AttemptRecord]) -> Decimal | None:
    total = NOTHING
    for each in attempts:
        if each.cost is None:
            return None
        total += each.cost
    return total


def summed(plan: Plan, runs: Sequence[Run], began: float, *, finished: bool = True) -> Benchmark:
    """Return the figures of the runs so far.

    Args:
        plan: What was to be asked.
        runs: What was.
        began: When, in seconds since 1970.
        finished: Whether that is all.
    """
    measured, away = [], []
    for place in plan.places:
        own = tuple(each for each in runs if (each.model, each.endpoint) == (place.model, place.endpoint))
        if place.unavailable is not None:
            away.append(place)
        elif own and own[0].warm_up and own[0].error is not None:
            away.append(replace(place, unavailable=own[0].error, runs=own))
        elif any(not each.warm_up for each in own):
            measured.append(replace(place, runs=own))
        else:
            away.append(replace(place, unavailable="not reached: the benchmark was interrupted", runs=own))
    names = tuple(each.name for each in plan.prompts)
    return Benchmark(began, plan.repeat, names, plan.warm_up, finished, fastest_first(measured), tuple(away))


async def benchmark(
    router: Router,
    models: Sequence[str] | None = None,
    prompts: Sequence[Prompt | str] | None = None,
    repeat: int = REPEAT,
    *,
    warm_up: bool = True,
    options: Mapping[str, object] | None = None,
) -> Benchmark:
    """Ask every place of every model the same prompts, and return how fast each is.

    One call at a time, each by the place that is measured and none other: no failover, no kept answer, no offline
    ladder. Their costs are the router's like those of any call.

    Args:
        router: The router; its file, its ledger and its limits hold.
        models: Names of models, or None for all.
        prompts: Texts or `Prompt`s; a small set of short answer, text and code by default.
        repeat: How often each prompt is asked.
        warm_up: Whether each place answers the first prompt once before it counts.
        options: Dimensions and options of every call.

    Raises:
        InvalidCall: A model, a prompt or an option is malformed.
    """
    plan = planned(router, models, as_prompts(prompts or ()), repeat, warm_up=warm_up, options=options)
    began = time.time()
    async with aclosing(measure(router, plan)) as found:
        runs = [each async for each in found]
    return summed(plan, runs, began)
