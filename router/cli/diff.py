"""`router diff OLD NEW`: what calls would meet differently."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import FAILED, UNUSABLE, ended, ended_by_findings, print_json
from router.cli.diff_text import human, markdown, replayed
from router.cli.revision import GIT, load_revision
from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.compile.references import references
from router.compile.replay import replay
from router.config.load import load_file
from router.core.errors import ConfigError
from router.table.graph import TooComplex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from router.compile.diff import Difference
    from router.compile.program import Program
    from router.compile.replay import Replay
    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Diagnostic

PROGRESS_EVERY = 5_000


@click.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "markdown", "json"]),
    default="human",
    show_default=True,
    help="How to print the difference.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    help="Recorded calls, a JSON object a line with a `call` (dimension to value): count those decided otherwise.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 when the routing differs.")
def command(old: str, new: str, form: str, log: Path | None, exit_code: bool) -> None:
    """Tell which calls meet other models, another order or other options in NEW than in OLD.

    OLD and NEW are files, or git:REVISION:PATH. Formatting, the order of keys and the names of rules do not count.
    """
    try:
        sides = _configuration(old), _configuration(new)
        (before, old_findings), (after, new_findings) = map(compile_configuration, sides)
        found = diff(before, after)
        found = replace(found, settings=(*found.settings, *references(*sides)))
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except TooComplex as error:
        raise ended("these tables are too complex to be compared exactly", UNUSABLE) from error
    appeared, fixed = _changed(old_findings, new_findings)
    logged = _replayed(before, after, log) if log is not None else None
    if form == "json":
        shown = {**found.as_json(), "new_findings": appeared, "fixed_findings": fixed}
        print_json(
            shown if logged is None else {**shown, "log": {"file": str(log), **logged.as_json()}},
        )
    else:
        tail = [
            *(f"new finding: {each}" for each in appeared),
            *(f"fixed finding: {each}" for each in fixed),
            *(replayed(logged, str(log)) if logged is not None else ()),
        ]
        click.echo("\n".join(_shown(found, tail, form)))
    if exit_code and not found.same:
        raise SystemExit(FAILED)


def _shown(found: Difference, tail: list[str], form: str) -> Iterator[str]:
    if form != "markdown":
        yield from human(found)
        yield from tail
        return
    yield from markdown(found)
    yield from (f"  - {line.strip()}" if line.startswith(" ") else f"- {line}" for line in tail)


def _replayed(old: Program, new: Program, log: Path) -> Replay:
    try:
        with log.open("rb") as file:
            return replay(old, new, _watched(file))
    except OSError as error:
        raise ended(f"{log} cannot be read: {error.strerror}", UNUSABLE) from error


def _on_a_terminal() -> bool:
    return sys.stderr.isatty()


def _watched(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines; a terminal is told how many so far."""
    watched = _on_a_terminal()
    number = 0
    for number, line in enumerate(lines, start=1):
        yield line
        if watched and number % PROGRESS_EVERY == 0:
            click.echo(f"\r{number} calls", nl=False, err=True)
    if watched and number >= PROGRESS_EVERY:
        click.echo(err=True)


def _configuration(name: str) -> Configuration:
    return load_revision(name) if name.startswith(GIT) else load_file(Path(name))


def _changed(old: list[Diagnostic], new: list[Diagnostic]) -> tuple[list[str], list[str]]:
    """Return the findings that came and went, whatever their lines are now."""
    before = {(each.code, each.message) for each in old}
    after = {(each.code, each.message) for each in new}
    return (
        [f"{code} {message}" for code, message in sorted(after - before)],
        [f"{code} {message}" for code, message in sorted(before - after)],
    )
