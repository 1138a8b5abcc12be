"""`router diff OLD NEW`: what calls would meet differently."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.checks.table_facts import in_words
from router.cli.common import FAILED, UNUSABLE, ended, ended_by_findings, print_json
from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.config.load import load_file, load_source
from router.core.errors import ConfigError
from router.diagnostics.source import Source
from router.table.graph import TooComplex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.compile.diff import Decision, Difference
    from router.compile.program import Program
    from router.diagnostics.diagnostic import Diagnostic

GIT = "git:"
SHOWN = 40


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
@click.option("--exit-code", is_flag=True, help="End with 1 when the routing differs.")
def command(old: str, new: str, form: str, exit_code: bool) -> None:
    """Tell which calls meet other models, another order or other options in NEW than in OLD.

    OLD and NEW are files, or git:REVISION:PATH. Formatting, the order of keys and the names of rules do not count.
    """
    try:
        before, old_findings = _program(old)
        after, new_findings = _program(new)
        found = diff(before, after)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except TooComplex as error:
        raise ended("these tables are too complex to be compared exactly", UNUSABLE) from error
    appeared, fixed = _changed(old_findings, new_findings)
    if form == "json":
        print_json({**found.as_json(), "new_findings": appeared, "fixed_findings": fixed})
    else:
        lines = _markdown(found) if form == "markdown" else _human(found)
        tail = [*(f"new finding: {each}" for each in appeared), *(f"fixed finding: {each}" for each in fixed)]
        mark = "- " if form == "markdown" else ""
        click.echo("\n".join([*lines, *(f"{mark}{each}" for each in tail)]))
    if exit_code and not found.same:
        raise SystemExit(FAILED)


def _program(name: str) -> tuple[Program, list[Diagnostic]]:
    if not name.startswith(GIT):
        return compile_configuration(load_file(Path(name)))
    revision, _, path = name.removeprefix(GIT).partition(":")
    if not revision or not path or revision.startswith("-"):
        raise ended(f"{name!r} is not of the form git:REVISION:PATH", UNUSABLE)
    command = ["git", "show", f"{revision}:./{path}"]
    try:
        shown = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - one argument, no shell
        text = shown.stdout.decode("utf-8")
    except OSError as error:
        raise ended("git is not installed", UNUSABLE) from error
    except (subprocess.CalledProcessError, UnicodeDecodeError) as error:
        raise ended(f"git has no text file {path!r} at {revision!r}", UNUSABLE) from error
    return compile_configuration(load_source(Source(name, text), Path(path).parent))


def _changed(old: list[Diagnostic], new: list[Diagnostic]) -> tuple[list[str], list[str]]:
    """Return the findings that came and went, whatever their lines are now."""
    before = {(each.code, each.message) for each in old}
    after = {(each.code, each.message) for each in new}
    return (
        [f"{code} {message}" for code, message in sorted(after - before)],
        [f"{code} {message}" for code, message in sorted(before - after)],
    )


def _human(found: Difference) -> Iterator[str]:
    if found.same:
        yield "no change in routing"
    else:
        yield f"routing changes for {_percent(found.share)} of the table"
    for change in found.regions[:SHOWN]:
        yield f"  when {in_words(change.when)}  ({_percent(change.share)})"
        if change.options:
            yield f"    {_decision(change.before)}, with other options"
        else:
            yield f"    before  {_decision(change.before)}"
            yield f"    after   {_decision(change.after)}"
    if len(found.regions) > SHOWN:
        yield f"  and {len(found.regions) - SHOWN} more regions"
    yield from (f"{line}" for line in (*found.endpoints, *found.policies))


def _markdown(found: Difference) -> Iterator[str]:
    if found.same:
        yield "**No change in routing.**"
    else:
        yield f"**Routing changes for {_percent(found.share)} of the table.**"
        yield ""
        yield "| calls | share | before | after |"
        yield "|---|---|---|---|"
        for change in found.regions[:SHOWN]:
            after = "the same, with other options" if change.options else _decision(change.after)
            cells = (in_words(change.when), _percent(change.share), _decision(change.before), after)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        if len(found.regions) > SHOWN:
            yield f"| and {len(found.regions) - SHOWN} more regions | | | |"
    if found.endpoints or found.policies:
        yield ""
        yield from (f"- {line}" for line in (*found.endpoints, *found.policies))


def _decision(decision: Decision) -> str:
    if decision.refused:
        return "refused: not a value there"
    if decision.rule is None:
        return "no rule matches"
    return f"{', then '.join(decision.models)}  (rule {decision.rule})"


def _percent(share: float) -> str:
    """Return a share that is never rounded to nothing or to everything."""
    percent = share * 100
    if 0 < percent < 0.1:  # noqa: PLR2004
        return "< 0.1 %"
    return "> 99.9 %" if 99.9 < percent < 100 else f"{percent:.1f} %".replace(".0 %", " %")  # noqa: PLR2004
