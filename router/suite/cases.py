"""A test file, read and unfolded: one case for each value of each list, one for each row."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from router.checks.registry import run_all
from router.config import problems
from router.config.expand import Decoding
from router.config.load import Configuration, read_source
from router.config.yaml import read
from router.core.errors import ConfigError
from router.diagnostics import text
from router.suite.language import ARROW, TEST_FILE, TestFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from router.diagnostics.diagnostic import Diagnostic
    from router.suite.language import TestSettings


@dataclass(frozen=True, slots=True)
class Case:
    """One call and what is expected of it.

    Attributes:
        name: The test's name, with the values a list or a row gave it.
        given: The call.
        expect: What is compared.
        script: What each endpoint does, where the call is really made.
    """

    name: str
    given: Mapping[str, object]
    expect: Mapping[str, object]
    script: Mapping[str, tuple[object, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file.

    Attributes:
        file: The test file.
        config: The configuration it is about.
        cases: Its cases, in order.
    """

    file: Path
    config: Path
    cases: tuple[Case, ...] = field(default=())


def load_suite(path: Path) -> Suite:
    """Return the cases of a test file.

    Raises:
        ConfigError: It cannot be read or is malformed; its findings are inside.
    """
    source, problem = read_source(path)
    configuration = Configuration(source, path.parent, problems=[problem] if problem else [])
    file: TestFile | None = None
    if problem is None:
        root, configuration.problems = read(source)
        configuration.root = root
        if root is not None:
            decoding = Decoding(source, path.parent, None, configuration.problems)
            file = TEST_FILE.decode(root, decoding, "the file")
            configuration.problems += [wrong for test in file.tests for wrong in _wrong_rows(test)]
    findings: list[Diagnostic] = [each for each in run_all(configuration) if each.severity == "error"]
    if findings or file is None:
        raise ConfigError(f"{path}: not usable", findings, text.human(findings, {source.name: source}))
    cases = [case for settings in file.tests for case in _unfolded(settings, file.defaults or {})]
    return Suite(path, path.parent / file.config, tuple(cases))


def _wrong_rows(settings: TestSettings) -> Iterator[problems.Problem]:
    rows = getattr(settings.node.entries.get("rows"), "items", ())
    for row, node in zip(settings.rows, rows, strict=False):
        if settings.columns and len(row) != len(settings.columns):
            wanted = f"{len(settings.columns)} cells, one for each of `columns`"
            yield problems.OutOfRange(node.span, f"a row of {len(row)}", wanted)


def _unfolded(settings: TestSettings, defaults: Mapping[str, object]) -> Iterator[Case]:
    if settings.columns:
        yield from _rows(settings, defaults)
        return
    given = {**defaults, **(settings.given or {})}
    lists = [name for name, value in given.items() if isinstance(value, list)]
    for values in product(*(given[name] for name in lists)):  # type: ignore[call-overload]  # lists, just looked at
        chosen = dict(zip(lists, values, strict=True))
        shown = ", ".join(f"{name}={value}" for name, value in chosen.items())
        name = f"{settings.name} [{shown}]" if shown else settings.name
        yield Case(name, {**given, **chosen}, settings.expect or {}, settings.script)


def _rows(settings: TestSettings, defaults: Mapping[str, object]) -> Iterator[Case]:
    for row in settings.rows:
        cells = dict(zip(settings.columns, row, strict=True))
        given = {name: value for name, value in cells.items() if not name.startswith(ARROW)}
        expect = {
            name.removeprefix(ARROW).strip(): value for name, value in cells.items() if name.startswith(ARROW)
        }
        shown = ", ".join(f"{name}={value}" for name, value in given.items())
        yield Case(f"{settings.name} [{shown}]", {**defaults, **given}, expect)
