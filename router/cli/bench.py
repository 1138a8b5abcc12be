"""`router bench`: how fast the models of a configuration answer, each measured by itself."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.bench.measure import REPEAT, measure, planned, summed
from router.bench.prompts import read_prompts
from router.bench.report import as_mapping, run_as_mapping
from router.cli.bench_page import page
from router.cli.bench_text import human
from router.cli.common import (
    FAILED,
    UNUSABLE,
    config_option,
    configuration,
    ended,
    ended_by_call,
    ended_by_findings,
    offline_option,
    tell,
)
from router.cli.progress import Bar
from router.cli.tables import prepared
from router.cli.values import pairs
from router.compile.compiler import OFFLINE
from router.core.errors import ConfigError, InvalidCall
from router.core.form import json_text
from router.core.private import MODE, keep_private
from router.runtime.inspection import UNSET, inspect, used
from router.runtime.load import load_router
from router.runtime.stock import answers_any_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.bench.figures import Benchmark, Measured, Run
    from router.bench.measure import Plan
    from router.bench.prompts import Prompt
    from router.runtime.inspection import Prepared, Seen
    from router.runtime.router import Router

INTERRUPTED = 130


@click.command(name="bench")
@click.argument("models", nargs=-1)
@config_option
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    help="Ask these instead: a line each, of JSON in a `.jsonl`, else of text.",
)
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=REPEAT, show_default=True, help="Times each is asked."
)
@click.option("--no-warm-up", "cold", is_flag=True, help="Count the first call of a model like the others.")
@click.option(
    "--set", "more", multiple=True, metavar="NAME=VALUE", help="A dimension or option of each call."
)
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Write every answer to a file, a line of JSON each."
)
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write the figures to a file that `speeds:` can name."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json", "html"]),
    default="human",
    show_default=True,
    help="How to print the result.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
@offline_option
def command(  # noqa: PLR0913, PLR0917 - click hands each option over
    models: tuple[str, ...],
    config: Path | None,
    prompts: Path | None,
    repeat: int,
    cold: bool,
    more: tuple[str, ...],
    keep: Path | None,
    save: Path | None,
    form: str,
    output: Path | None,
    offline: bool,
) -> None:
    """Measure MODELS, or all of them: tokens per second, time to the first content, time in all, tokens, cost.

    Each place of each model answers the same prompts, one call at a time, and nothing else answers in its stead.
    The calls are real: they cost what calls cost, and are in the ledger. Ctrl-C ends it with what was measured.
    """
    asked = _prompts(prompts)
    for each in (save, output):
        _writable(each)
    path = configuration(config)
    file = prepared(path, form, offline=offline)
    router = _router(path, file, form, offline=offline)
    try:
        # Asked first without the reasons: a wrong name is told at once.
        plan = planned(router, models or None, asked, repeat, warm_up=not cold, options=pairs(more))
        kept = _Kept(keep)
        found = asyncio.run(_measured(router, file, plan, kept))
    except InvalidCall as error:
        raise ended_by_call(error, form) from error
    _show(found, form, path, output)
    if save is not None and found.measured:
        _write(save, f"{_json(found)}\n")
    if kept.wrong is not None:
        raise ended(kept.wrong, UNUSABLE)
    if not found.finished:
        raise SystemExit(INTERRUPTED)
    if _failed(found, named=bool(models)):
        raise SystemExit(FAILED)


def _prompts(path: Path | None) -> tuple[Prompt, ...] | None:
    try:
        return None if path is None else read_prompts(path)
    except ValueError as error:
        raise ended(str(error), UNUSABLE) from error


def _router(path: Path, file: Prepared, form: str, *, offline: bool) -> Router:
    """Return a router of the file; endpoints whose variables are not set are there, and are not asked."""
    env = {**os.environ, **({OFFLINE: "1"} if offline else {})}
    try:
        return load_router(path, env={**env, **dict.fromkeys(file.missing, UNSET)})
    except ConfigError as error:
        raise ended_by_findings(error, "json" if form == "json" else "human") from error


class _Kept:
    """The file of `--keep`: each run is written when it is over. What goes wrong later ends no measuring."""

    # Mutable: what went wrong first; one task writes.

    def __init__(self, path: Path | None) -> None:
        self.wrong: str | None = None
        self._path = path
        if path is not None:
            _write(path, "", mode=MODE)
            tell(keep_private(str(path), str(path)))

    def __call__(self, run: Run) -> None:
        if self._path is None or self.wrong is not None:
            return
        line = json_text(run_as_mapping(run))
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{line}\n")
        except OSError as error:
            self.wrong = _unwritable(self._path, error)


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror or error}"


async def _measured(router: Router, file: Prepared, plan: Plan, write: Callable[[Run], None]) -> Benchmark:
    """Make the calls; an interruption ends them, and what was measured stays."""
    plan = await _looked(file, plan)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    runs: list[Run] = []
    began = time.time()
    try:
        async with router:
            work = asyncio.ensure_future(_ask(router, plan, runs, write))
            ending = asyncio.ensure_future(stopped.wait())
            await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
            finished = work.done()
            if finished:
                work.result()
            else:
                work.cancel()
                await asyncio.wait({work})
        return summed(plan, runs, began, finished=finished)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _looked(file: Prepared, plan: Plan) -> Plan:
    """Return a plan that says which places cannot be had: their endpoints are not asked, or do not answer."""
    names = {each.endpoint for each in plan.places}
    seen = await inspect(file, [each for each in used(file.program) if each.name in names])
    return replace(plan, places=tuple(_as_seen(each, seen[each.endpoint]) for each in plan.places))


def _as_seen(place: Measured, seen: Seen) -> Measured:
    if seen.standing in ("unasked", "down"):
        return replace(place, unavailable=seen.why)
    if answers_any_name(seen) and seen.listed(place.id) is None:
        return replace(place, served=(seen.models or ())[0].id)
    return place


async def _ask(router: Router, plan: Plan, runs: list[Run], write: Callable[[Run], None]) -> None:
    done = 0
    with Bar("calls", plan.calls) as bar:
        async with aclosing(measure(router, plan)) as found:
            async for run in found:
                runs.append(run)
                write(run)
                done += plan.each if run.warm_up and run.error is not None else 1
                bar.moved(done)


def _show(found: Benchmark, form: str, config: Path, output: Path | None) -> None:
    if form == "html":
        text = page(found, config.name)
    elif form == "json":
        text = _json(found)
    else:
        text = human(found)
    if output is None:
        click.echo(text)
    else:
        _write(output, f"{text}\n")


def _json(found: Benchmark) -> str:
    return json_text(as_mapping(found), 2)


def _writable(path: Path | None) -> None:
    """End the command before calls are made if what they yield can be written nowhere; nothing is made."""
    if path is None:
        return
    if path.is_dir():
        raise ended(f"{path} cannot be written: {os.strerror(errno.EISDIR)}", UNUSABLE)
    if not path.parent.is_dir():
        raise ended(f"{path} cannot be written: {os.strerror(errno.ENOENT)}", UNUSABLE)


def _write(path: Path, text: str, mode: int = 0o666) -> None:
    try:
        path.touch(mode)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ended(_unwritable(path, error), UNUSABLE) from error


def _failed(found: Benchmark, *, named: bool) -> bool:
    """Whether a call failed, nothing was measured, or a model that was named was not."""
    failed = any(each.failed for each in found.measured)
    return failed or not found.measured or (named and bool(found.unavailable))
