"""Results of routing tests, printed for people, for programs and for a CI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click

from router.cli.common import UNUSABLE, ended
from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.diagnostics.diagnostic import in_order
from router.diagnostics.machine import as_json
from router.diagnostics.source import masked, printable
from router.suite.coverage import Counted, Coverage, Suggestion, coverage, suggestions
from router.suite.trace import trace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from router.core.errors import ConfigError
    from router.suite.cases import Suite
    from router.suite.run import Result

LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Ran:
    """A file of tests and how its cases went."""

    suite: Suite
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file of tests that could not be run."""

    file: Path
    error: ConfigError


@dataclass(frozen=True, slots=True)
class Covered:
    """What all tests of one configuration look at."""

    first: Suite
    coverage: Coverage

    def suggestions(self) -> list[Suggestion]:
        """Return a test for each rule that none looks at."""
        return suggestions(self.first.program, self.coverage.untested)


def covered(ran: Iterable[Ran]) -> list[Covered]:
    """Return the coverage of each configuration, in the order of its first file of tests."""
    together: dict[Path, list[Ran]] = {}
    for one in ran:
        together.setdefault(one.suite.config.resolve(), []).append(one)
    return [
        Covered(
            group[0].suite, coverage(group[0].suite.program, (each for one in group for each in one.results))
        )
        for group in together.values()
    ]


def show(ran: list[Ran], unusable: list[Unusable], *, verbose: bool) -> None:
    """Print what did not pass, with how it was decided, and a line of counts."""
    for one in ran:
        for each in one.results:
            if each.status != "pass" or verbose:
                click.echo(f"{each.status.upper()}  {one.suite.file}: {printable(each.case.name, 120)}")
            if each.status != "pass":
                click.echo("\n".join(_lines(each)))
    counts = _counts(ran)
    errors = _many(counts["errors"], "error")
    files = f", {_many(len(unusable), 'file')} not usable" if unusable else ""
    click.echo(f"{counts['passed']} passed, {counts['failed']} failed, {errors}{files}")


def show_coverage(found: Iterable[Covered]) -> None:
    """Print how much of each configuration is tested, and what is not."""
    for each in found:
        counted = each.coverage
        shares = ", ".join(
            f"{name} {share.covered} of {share.total} ({share.percent:g} %)"
            for name, share in (
                ("rules", counted.rules),
                ("outcomes", counted.outcomes),
                ("cells", counted.cells),
            )
        )
        click.echo(f"{each.first.config}: {shares}")
        if counted.untested:
            click.echo(f"  untested: {', '.join(printable(name) for name in counted.untested)}")


def show_suggestions(found: Iterable[Covered]) -> None:
    """Print a test for each untested rule, as `tests` may hold it."""
    for each in found:
        tests = each.suggestions()
        if tests:
            click.echo(f"# for {each.first.file}")
            click.echo("\n".join(f"  {one.test}" for one in tests))


def report(
    ran: list[Ran], unusable: list[Unusable], found: list[Covered], *, suggest: bool
) -> dict[str, object]:
    """Return the object that `--format json` prints."""
    nothing = Counted(0, 0)
    shares = {
        name: sum((getattr(each.coverage, name) for each in found), nothing).as_json()
        for name in ("rules", "outcomes", "cells")
    }
    shown: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        **_counts(ran),
        "tests": [_result(one, each) for one in ran for each in one.results],
        "coverage": shares,
        "untested": [
            {"config": str(each.first.config), "rule": masked(rule)}
            for each in found
            for rule in each.coverage.untested
        ],
    }
    if suggest:
        shown["suggestions"] = [
            {
                "config": str(each.first.config),
                "file": str(each.first.file),
                "rule": one.rule,
                "test": one.test,
            }
            for each in found
            for one in each.suggestions()
        ]
    findings = in_order(finding for each in unusable for finding in each.error.findings)
    return {**shown, **as_json(findings)} if unusable else shown


def write_junit(path: Path, ran: list[Ran], unusable: list[Unusable]) -> None:
    """Write every case as a CI reads it; a file that could not be run is one case with an error."""
    root = ET.Element("testsuites")
    for one in ran:
        suite = _suite(root, one.suite.file, [each.status for each in one.results])
        for each in one.results:
            name = printable(each.case.name, 200)
            case = ET.SubElement(suite, "testcase", name=name, classname=str(one.suite.file))
            if each.status != "pass":
                kind = "failure" if each.status == "fail" else "error"
                _problem(case, kind, each.reason, "\n".join(trace(each)))
    for wrong in unusable:
        suite = _suite(root, wrong.file, ["error"])
        case = ET.SubElement(suite, "testcase", name="the file", classname=str(wrong.file))
        _problem(case, "error", "not usable", wrong.error.report)
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ended(f"{path} cannot be written: {why}", UNUSABLE) from error


def _suite(root: ET.Element, file: Path, statuses: list[str]) -> ET.Element:
    return ET.SubElement(
        root,
        "testsuite",
        name=str(file),
        tests=str(len(statuses)),
        failures=str(statuses.count("fail")),
        errors=str(statuses.count("error")),
    )


def _problem(case: ET.Element, kind: str, message: str, text: str) -> None:
    problem = ET.SubElement(case, kind, message=printable(message, LONGEST))
    problem.text = "\n".join(printable(line, LONGEST) for line in text.split("\n"))


def _lines(result: Result) -> Iterable[str]:
    yield f"  {printable(result.reason, LONGEST)}"
    yield from (f"    {printable(line, LONGEST)}" for line in trace(result))


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _counts(ran: Iterable[Ran]) -> dict[str, int]:
    found = [each.status for one in ran for each in one.results]
    return {"passed": found.count("pass"), "failed": found.count("fail"), "errors": found.count("error")}


def _result(one: Ran, each: Result) -> dict[str, object]:
    shown: dict[str, object] = {
        "file": str(one.suite.file),
        "line": each.case.span.line,
        "name": masked(each.case.name),
        "status": each.status,
        "reason": masked(each.reason),
    }
    return {**shown, "trace": [masked(line) for line in trace(each)]} if each.status == "fail" else shown
