"""A file of routing tests, ready to be run: its cases, the program they are held against, and which of them are wrong."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from router.checks.registry import run_all
from router.compile.compiler import compile_configuration
from router.config.load_tests import load_tests
from router.core.errors import ConfigError
from router.core.frozen import dataclass
from router.diagnostics import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.compile.program import Program
    from router.config.cases import Case
    from router.diagnostics.diagnostic import Diagnostic
    from router.diagnostics.source import Source, Span

MEANT = "did you mean"
ALSO = "; also: "
NOTHING = "it expects nothing: whatever happens, there is nothing to compare"


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file.

    Attributes:
        file: The test file.
        config: The configuration it is about.
        program: The same, compiled.
        cases: Its cases, in order.
        faults: What is wrong with a value of a case, by the value's place.
    """

    file: Path
    config: Path
    program: Program
    cases: tuple[Case, ...] = ()
    faults: Mapping[Span, str] = field(default_factory=dict)

    def wrong(self, case: Case) -> str:
        """Return what is wrong with a case, which keeps it from being run; "" when nothing is."""
        found = dict.fromkeys(self.faults[place] for place in case.places() if place in self.faults)
        return ALSO.join(found) or ("" if case.expect else NOTHING)


def load_suite(path: Path) -> Suite:
    """Return the cases of a test file.

    Raises:
        ConfigError: It, or the configuration it names, cannot be read or is malformed; the findings are inside. A name or a
            value that is wrong in single cases is no such error: it is among the suite's faults.
    """
    configuration = load_tests(path)
    errors = [each for each in run_all(configuration) if each.severity == "error"]
    tests = configuration.tests
    cases = tests.cases if tests is not None else ()
    single = {place for case in cases for place in case.places()}
    fatal = [each for each in errors if each.span not in single]
    if tests is None or tests.tested is None:
        raise _unusable(path, fatal, configuration.source)
    program, _ = compile_configuration(tests.tested)
    if fatal:
        raise _unusable(path, fatal, configuration.source)
    return Suite(
        path,
        path.parent / tests.file.config,
        program,
        cases,
        {each.span: _fault(each) for each in errors},
    )


def _unusable(path: Path, findings: list[Diagnostic], source: Source) -> ConfigError:
    return ConfigError(f"{path}: not usable", findings, text.human(findings, {source.name: source}))


def _fault(found: Diagnostic) -> str:
    """Return a finding in one line: with what was surely meant, else with what is legal, else with why."""
    hint = found.help if found.help and found.help.startswith(MEANT) else next(iter(found.notes), found.label)
    return f"{found.message}; {hint}" if hint else found.message
