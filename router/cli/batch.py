"""`router batch`: ask many calls from a file, in order, and go on where a run before was ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from router.cli.batch_files import BadFile, Results, asked_in, count
from router.cli.call import as_json
from router.cli.common import (
    FAILED,
    UNUSABLE,
    config_option,
    configuration,
    ended,
    ended_by_findings,
    format_option,
    offline_option,
    print_json,
    tell,
)
from router.cli.progress import Bar
from router.cli.values import pairs
from router.compile.compiler import OFFLINE
from router.core.errors import CallFailed, ConfigError
from router.core.form import FORMAT_VERSION
from router.runtime.load import load_router

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.cli.batch_files import Asked
    from router.runtime.many import BatchResult
    from router.runtime.router import Router

INTERRUPTED = 130


@click.command(name="batch")
@click.argument("calls", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Where to write what became of them."
)
@config_option
@click.option("--concurrency", type=click.IntRange(1), default=4, show_default=True, help="Calls at once.")
@click.option(
    "--set", "more", multiple=True, metavar="NAME=VALUE", help="Any dimension or option, for every call."
)
@offline_option
@format_option
def command(  # noqa: PLR0913, PLR0917 - its options
    calls: Path,
    out: Path,
    config: Path | None,
    concurrency: int,
    more: tuple[str, ...],
    offline: bool,
    form: str,
) -> None:
    """Ask the calls in CALLS, a line of JSON each, and write what becomes of them to --out, a line each, in order.

    A line is an object with `messages` (or `prompt`), any options and dimensions, and an `id` of your own. A call that
    fails is a line with its `error`; the others go on. Said again after an interruption, the command goes on after the
    last line that was written. Exact duplicates are asked once. The calls queue behind all others (`urgency: batch`).
    """
    env = {**os.environ, OFFLINE: "1"} if offline else None
    try:
        router = load_router(configuration(config), env=env)
        with Results.opened(out) as results:
            tell(results.note)
            before = results.progress.done
            finished = asyncio.run(_run(router, calls, results, pairs(more), concurrency))
            progress = results.progress
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except BadFile as error:
        raise ended(str(error), UNUSABLE) from error
    if form == "json":
        counts = {"calls": progress.done, "failed": progress.failed, "before": before, "finished": finished}
        print_json({"format_version": FORMAT_VERSION, **counts})
    else:
        click.echo(_summary(progress.done, progress.failed, before), err=True)
    if not finished:
        raise ended("interrupted: the same command goes on where it stopped", INTERRUPTED)
    if progress.failed:
        raise SystemExit(FAILED)


def _summary(done: int, failed: int, before: int) -> str:
    earlier = f", {before} of them before" if before else ""
    return f"{done} {'call' if done == 1 else 'calls'}{earlier}: {done - failed} answered, {failed} failed"


async def _run(
    router: Router, calls: Path, results: Results, options: Mapping[str, object], concurrency: int
) -> bool:
    """Ask what is left, and return whether all is done: an interruption ends it after the line under way."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with router:
            work = asyncio.ensure_future(_ask(router, calls, results, options, concurrency))
            ending = asyncio.ensure_future(stopped.wait())
            await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
                return False
            work.result()
            return True
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _ask(
    router: Router, calls: Path, results: Results, options: Mapping[str, object], concurrency: int
) -> None:
    turns: deque[tuple[Asked, bool]] = deque()  # each with whether it was handed over to be asked

    def wanted() -> Iterator[object]:
        lines, before, taken = asked_in(calls), results.progress.done, 0
        for turn, asked in enumerate(islice(lines, before)):
            results.agree(turn, asked)
            taken = turn + 1
        if taken < before:
            raise BadFile(f"{calls} has fewer lines than were answered before: name another file with --out")
        for asked in lines:
            sent = isinstance(asked.call, dict) and asked.key not in results.progress.answers
            turns.append((asked, sent))
            if sent:
                yield {**options, **asked.call}  # type: ignore[dict-item]  # it is a mapping

    with Bar("calls", count(calls), results.progress.done) as bar:
        async with aclosing(router.complete_many(wanted(), concurrency)) as found:
            async for result in found:
                _settle(turns, results)
                results.write(_line(turns.popleft()[0], result, results))
                bar.moved(results.progress.done)
        _settle(turns, results)


def _settle(turns: deque[tuple[Asked, bool]], results: Results) -> None:
    """Write the lines that come first and are not asked: they are no calls, or their equals are answered."""
    while turns and not turns[0][1]:
        asked, _ = turns.popleft()
        if isinstance(asked.call, str):
            error = {"kind": "invalid_call", "message": f"line {asked.line}: {asked.call}"}
            results.write({**_frame(asked), "error": error})
        else:
            results.write(results.copied(asked))


def _frame(asked: Asked) -> dict[str, Any]:
    return {"line": asked.line, "id": asked.id, "key": asked.key}


def _line(asked: Asked, result: BatchResult, results: Results) -> dict[str, Any]:
    if result.completion is None:
        error = result.error
        kind = error.kind if isinstance(error, CallFailed) else "invalid_call"
        return {**_frame(asked), "error": {"kind": kind, "message": str(error)}}
    if asked.key in results.progress.answers:
        return results.copied(asked)
    answer = as_json(result.completion)
    del answer["format_version"]
    return {**_frame(asked), **answer}
