"""A file to a program, or to its findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.registry import run_all
from router.compile.collector import collector_paused
from router.compile.lower import lower
from router.compile.program import without_network
from router.config.load import load_file
from router.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.compile.program import Program
    from router.config.load import Configuration
    from router.diagnostics.diagnostic import Diagnostic

OFFLINE = "ROUTER_OFFLINE"
WORDS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
}


@collector_paused()
def check_file(path: Path, env: Mapping[str, str] | None = None) -> tuple[Configuration, list[Diagnostic]]:
    """Read a configuration, or a file of routing tests, and run every check on it.

    With an environment it is read as it is loaded for calls: its tests are not looked at.
    """
    from router.config.load_tests import is_tests, load_tests, tests_beside  # noqa: PLC0415 - calls need no tests

    configuration = load_tests(path) if is_tests(path) else load_file(path, env)
    if env is None and configuration.document is not None:
        configuration.beside = tests_beside(configuration)
    return configuration, run_all(configuration)


@collector_paused()
def compile_file(path: Path, env: Mapping[str, str] | None = None) -> tuple[Program, list[Diagnostic]]:
    """Return a file's program and its other findings.

    Args:
        path: The file.
        env: The environment, for a program that makes calls; None for one that only decides, which errors
            other than of syntax, shape and names (R1 to R3) do not keep from deciding.

    Raises:
        ConfigError: The file has errors; all its findings are inside.
    """
    program, findings = compile_configuration(load_file(path, env))
    return program_under(program, env or {}), findings


def program_under(program: Program, env: Mapping[str, str]) -> Program:
    """Return a program as it is under an environment: `ROUTER_OFFLINE=1` forbids remote endpoints.

    Raises:
        ConfigError: It cannot be told what the variable says.
    """
    return without_network(program) if _told_offline(env) else program


def _told_offline(env: Mapping[str, str]) -> bool:
    word = env.get(OFFLINE, "").strip().lower()
    if word in WORDS:
        return WORDS[word]
    raise ConfigError(f"the variable {OFFLINE} is {word[:40]!r}; it may be 1 or 0")


@collector_paused()
def compile_configuration(configuration: Configuration) -> tuple[Program, list[Diagnostic]]:
    """Return the program of a file that is read already, and its other findings.

    Raises:
        ConfigError: The file has errors; all its findings are inside.
    """
    findings = run_all(configuration)
    errors = [
        each
        for each in findings
        if each.severity == "error" and (configuration.for_calls or each.code < "R4")
    ]
    source = configuration.source
    if errors or configuration.document is None:
        from router.diagnostics import text  # noqa: PLC0415 - most files have no errors
        from router.diagnostics.diagnostic import count  # noqa: PLC0415

        shown = text.human(errors, configuration.sources)
        raise ConfigError(f"{source.name}: {text.summary(count(errors), 0)}", findings, shown)
    return lower(configuration.document, configuration.linked, source.name, configuration.folder), findings
