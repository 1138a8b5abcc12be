"""`pytest --router`: collects the same `*.test.yaml` files that `router test` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router.suite.run import Result

SUFFIX = ".test.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch: without it nothing is collected."""
    parser.getgroup("router").addoption(
        "--router", action="store_true", help="collect routing tests (*.test.yaml)"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file of routing tests."""
    if parent.config.getoption("--router") and file_path.name.endswith(SUFFIX):
        return RoutingFile.from_parent(parent, path=file_path)
    return None


class RoutingFile(pytest.File):
    """A file of routing tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item per case."""
        from router.compile.compiler import compile_file  # noqa: PLC0415 - pytest loads plugins at every start
        from router.core.errors import ConfigError  # noqa: PLC0415
        from router.suite.cases import load_suite  # noqa: PLC0415
        from router.suite.run import run_case  # noqa: PLC0415

        try:
            suite = load_suite(self.path)
            program, _ = compile_file(suite.config)
        except ConfigError as error:
            raise self.CollectError(str(error)) from error
        for case in suite.cases:
            yield RoutingItem.from_parent(self, name=case.name, run=lambda case=case: run_case(program, case))


class RoutingItem(pytest.Item):
    """One case."""

    def __init__(self, *, run: Any, **options: Any) -> None:
        super().__init__(**options)
        self._run = run

    def runtest(self) -> None:
        """Hold the case against the table."""
        result: Result = self._run()
        if result.status != "pass":
            raise AssertionError(f"{result.status}: {result.reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the reason alone."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the case is from."""
        return self.path, None, self.name
