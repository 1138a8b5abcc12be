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
        from router.core.errors import ConfigError  # noqa: PLC0415 - pytest loads plugins at every start
        from router.suite.cases import load_suite  # noqa: PLC0415
        from router.suite.run import run_case  # noqa: PLC0415

        try:
            suite = load_suite(self.path)
        except ConfigError as error:
            raise self.CollectError(error.report or str(error)) from error
        for case in suite.cases:
            yield RoutingItem.from_parent(self, name=case.name, run=lambda case=case: run_case(suite, case))


class NotAsExpected(AssertionError):
    """A case failed, or is wrong; the text says how."""


class RoutingItem(pytest.Item):
    """One case."""

    def __init__(self, *, run: Any, **options: Any) -> None:
        super().__init__(**options)
        self._run = run

    def runtest(self) -> None:
        """Hold the case against the table."""
        from router.suite.trace import trace  # noqa: PLC0415

        result: Result = self._run()
        if result.status != "pass":
            lines = (f"{result.status.upper()}  {result.reason}", *(f"    {line}" for line in trace(result)))
            raise NotAsExpected("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the reason, and how the call was decided."""
        if isinstance(excinfo.value, NotAsExpected):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the case is from."""
        return self.path, None, self.name
