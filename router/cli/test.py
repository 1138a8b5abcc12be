"""`router test`: what files expect of calls, held against the table."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.common import FAILED, UNUSABLE, ended, print_json, status_of
from router.cli.test_report import (
    Ran,
    Unusable,
    covered,
    report,
    show,
    show_coverage,
    show_suggestions,
    write_junit,
)
from router.config.routing_tests import SUFFIX
from router.core.errors import ConfigError
from router.diagnostics import text
from router.diagnostics.diagnostic import count
from router.suite.cases import load_suite
from router.suite.run import run_case

PATTERN = f"*{SUFFIX}"


@click.command(name="test")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="How to print the results.",
)
@click.option(
    "--coverage",
    "counted",
    is_flag=True,
    help="Tell how many rules, outcomes and cells of the table the passing tests look at.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    default=None,
    help="End with 1 when fewer percent of the rules are tested.",
)
@click.option("--suggest", is_flag=True, help="Print a test for each rule that none looks at.")
@click.option(
    "--junit", type=click.Path(path_type=Path), default=None, help="Write the results as JUnit XML, too."
)
@click.option("-v", "--verbose", is_flag=True, help="Print what passes, too.")
def command(  # noqa: PLR0913 - a command has as many as it has options
    *,
    files: tuple[Path, ...],
    form: str,
    counted: bool,
    fail_under: float | None,
    suggest: bool,
    junit: Path | None,
    verbose: bool,
) -> None:
    """Hold the expectations of FILES (every *.test.yaml here by default) against their configurations. Nothing is sent.

    A test passes, fails (the table does otherwise) or is an error (the test itself is wrong).
    """
    paths = files or tuple(sorted(Path().glob(PATTERN)))
    if not paths:
        raise ended(f"there is no {PATTERN} here; name the files", UNUSABLE)
    tried = [_run(path) for path in paths]
    ran = [each for each in tried if isinstance(each, Ran)]
    unusable = [each for each in tried if isinstance(each, Unusable)]
    found = covered(ran)
    if junit is not None:
        write_junit(junit, ran, unusable)
    if form == "json":
        print_json(report(ran, unusable, found, suggest=suggest))
    else:
        for each in unusable:
            _show_findings(each.error)
        show(ran, unusable, verbose=verbose)
        show_coverage(found if counted or fail_under is not None else [])
        show_suggestions(found if suggest else [])
    under = fail_under is not None and any(each.coverage.rules.percent < fail_under for each in found)
    raise SystemExit(_status(ran, unusable, under=under))


def _run(path: Path) -> Ran | Unusable:
    try:
        suite = load_suite(path)
    except ConfigError as error:
        return Unusable(path, error)
    return Ran(suite, [run_case(suite, case) for case in suite.cases])


def _show_findings(error: ConfigError) -> None:
    click.echo(error.report or f"{error}\n", nl=False, err=True)
    click.echo(text.summary(count(error.findings), 0), err=True)


def _status(ran: list[Ran], unusable: list[Unusable], *, under: bool) -> int:
    failed = under or any(each.status != "pass" for one in ran for each in one.results)
    worst = [status_of(each.error.findings) or FAILED for each in unusable]
    return max([FAILED if failed else 0, *worst])
