"""`router test`: what files expect of calls, held against the table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click

from router.cli.common import FAILED, UNUSABLE, ended, ended_by_findings, print_json
from router.cli.explain import lines
from router.compile.compiler import compile_file
from router.core.errors import ConfigError
from router.core.form import FORMAT_VERSION
from router.diagnostics.source import printable
from router.suite.cases import load_suite
from router.suite.coverage import Coverage, coverage, suggestions
from router.suite.run import Result, run_case

if TYPE_CHECKING:
    from router.compile.program import Program
    from router.suite.cases import Suite

PATTERN = "*.test.yaml"


@dataclass(frozen=True, slots=True)
class _Ran:
    suite: Suite
    program: Program
    results: list[Result]


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
    help="Tell how many rules and cells of the table the tests look at.",
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
def command(
    files: tuple[Path, ...],
    form: str,
    counted: bool,
    fail_under: float | None,
    suggest: bool,
    junit: Path | None,
) -> None:
    """Hold the expectations of FILES (every *.test.yaml here by default) against their configurations. Nothing is sent.

    A test passes, fails (the table does otherwise) or is an error (the test itself is wrong).
    """
    paths = files or tuple(sorted(Path.cwd().glob(PATTERN)))
    if not paths:
        raise ended(f"there is no {PATTERN} here; name the files", UNUSABLE)
    ran = [_run(path, form) for path in paths]
    covered = [coverage(each.program, each.results) for each in ran]
    if junit is not None:
        _write_junit(junit, ran)
    if form == "json":
        print_json(_as_json(ran, covered))
    else:
        _print(ran, covered if counted or fail_under is not None else [])
        if suggest:
            _suggest(ran, covered)
    failed = any(each.status != "pass" for one in ran for each in one.results)
    under = fail_under is not None and any(each.rules.percent < fail_under for each in covered)
    if failed or under:
        raise SystemExit(FAILED)


def _run(path: Path, form: str) -> _Ran:
    try:
        suite = load_suite(path)
        program, _ = compile_file(suite.config)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    return _Ran(suite, program, [run_case(program, case) for case in suite.cases])


def _print(ran: list[_Ran], covered: list[Coverage]) -> None:
    for one in ran:
        for each in one.results:
            if each.status == "pass":
                continue
            click.echo(f"{each.status.upper()}  {one.suite.file}: {printable(each.case.name, 120)}")
            click.echo(f"  {each.reason}")
            if each.explanation is not None:
                click.echo("\n".join(f"    {line}" for line in lines(each.explanation)))
    counts = _counts(ran)
    click.echo(f"{counts['passed']} passed, {counts['failed']} failed, {counts['errors']} errors")
    for one, found in zip(ran, covered, strict=False):
        shares = f"rules {found.rules.covered} of {found.rules.total} ({found.rules.percent:g} %)"
        cells = f"cells {found.cells.covered} of {found.cells.total} ({found.cells.percent:g} %)"
        click.echo(f"{one.suite.config}: {shares}, {cells}")
        if found.untested:
            click.echo(f"  untested: {', '.join(found.untested)}")


def _suggest(ran: list[_Ran], covered: list[Coverage]) -> None:
    for one, each in zip(ran, covered, strict=True):
        found = suggestions(one.program, each.untested)
        if found:
            click.echo(f"# for {one.suite.file}")
            click.echo("\n".join(found))


def _counts(ran: list[_Ran]) -> dict[str, int]:
    found = [each.status for one in ran for each in one.results]
    return {"passed": found.count("pass"), "failed": found.count("fail"), "errors": found.count("error")}


def _as_json(ran: list[_Ran], covered: list[Coverage]) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        **_counts(ran),
        "tests": [
            {
                "file": str(one.suite.file),
                "name": each.case.name,
                "status": each.status,
                "reason": each.reason,
            }
            for one in ran
            for each in one.results
        ],
        "coverage": {
            "rules": {
                "covered": sum(each.rules.covered for each in covered),
                "total": sum(each.rules.total for each in covered),
            },
            "cells": {
                "covered": sum(each.cells.covered for each in covered),
                "total": sum(each.cells.total for each in covered),
            },
        },
    }


def _write_junit(path: Path, ran: list[_Ran]) -> None:
    root = ET.Element("testsuites")
    for one in ran:
        suite = ET.SubElement(root, "testsuite", name=str(one.suite.file), tests=str(len(one.results)))
        for each in one.results:
            case = ET.SubElement(
                suite, "testcase", name=printable(each.case.name, 200), classname=str(one.suite.file)
            )
            if each.status != "pass":
                kind = "failure" if each.status == "fail" else "error"
                ET.SubElement(case, kind, message=printable(each.reason, 500))
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ended(f"{path} cannot be written: {error.strerror}", UNUSABLE) from error
