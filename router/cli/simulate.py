"""`router simulate`: recorded calls put to a configuration; nothing is sent."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import (
    FAILED,
    UNUSABLE,
    config_option,
    configuration,
    ended,
    ended_by_findings,
)
from router.cli.revision import GIT, load_revision
from router.cli.simulate_page import page
from router.cli.simulate_text import human
from router.compile.compiler import compile_configuration
from router.compile.simulate import simulate
from router.config.load import load_file
from router.core.errors import ConfigError
from router.core.form import json_text, tame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.compile.program import Program

BAR = 30
STEP = 500
_GZIP = b"\x1f\x8b"


@click.command(name="simulate")
@config_option
@click.option(
    "--log",
    "logs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    required=True,
    help="Recorded calls, as `log: {calls: FILE}` writes them, also as .gz; several are read one after the other.",
)
@click.option(
    "--against", metavar="OLD", help="Compare with this configuration, a file or git:REVISION:PATH."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json", "html"]),
    default="human",
    show_default=True,
    help="How to print it.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
@click.option("--exit-code", is_flag=True, help="End with 1 when a decision changes.")
def command(
    config: Path | None,
    logs: tuple[Path, ...],
    against: str | None,
    form: str,
    output: Path | None,
    exit_code: bool,
) -> None:
    """Tell what recorded calls would meet, cost and take in a configuration; nothing is sent.

    It is compared with what the calls met in fact, or with the configuration OLD. Lines that are no calls are
    counted and told.
    """
    file = configuration(config)
    try:
        new = _program(str(file))
        old = _program(against) if against is not None else None
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    reading = _Reading(logs)
    try:
        found = simulate(new, old, reading.lines)
    except (OSError, EOFError) as error:
        raise ended(f"{reading.file} cannot be read: {error}", UNUSABLE) from error
    finally:
        reading.end()
    if not found.calls:
        first = f" (line {found.examples[0][0]}: {found.examples[0][1]})" if found.examples else ""
        raise ended(f"no line of {', '.join(map(str, logs))} is a call{first}", UNUSABLE)
    names = {"config": str(file), "against": against, "log": [str(each) for each in logs]}
    if form == "json":
        shown = json_text({**found.as_json(), **names}, 2)
    else:
        shown = tame((page if form == "html" else human)(found, str(file), against))
    _print(shown, output)
    if exit_code and found.changed:
        raise SystemExit(FAILED)


def _print(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ended(f"{output} cannot be written: {error.strerror}", UNUSABLE) from error


def _program(name: str) -> Program:
    return compile_configuration(load_revision(name) if name.startswith(GIT) else load_file(Path(name)))[0]


class _Reading:
    """Reads logs, as often as they are asked for, up to where they ended at first: they may be written on meanwhile.

    On a terminal a bar tells how far it is. Its changing state: `file`, `_done` and `_shown`.
    """

    def __init__(self, logs: tuple[Path, ...]) -> None:
        self._logs = [(each, each.stat().st_size) for each in logs]
        self._whole = 2 * sum(size for _, size in self._logs)  # they are read twice
        self._done = 0
        self._shown = -1
        self.file = logs[0]

    def lines(self) -> Iterator[bytes]:
        """Yield every line."""
        for name, size in self._logs:
            self.file = name
            with name.open("rb") as file:
                packed = file.read(2) == _GZIP
                file.seek(0)
                text = gzip.GzipFile(fileobj=file) if packed else file
                read = 0
                for number, line in enumerate(text):
                    read += len(line)
                    if not packed and read > size:
                        break
                    yield line
                    if number % STEP == 0:
                        self._show(self._done + file.tell() if packed else self._done + read)
            self._done += size

    def _show(self, done: int) -> None:
        if not on_a_terminal() or not self._whole:
            return
        share = min(1.0, done / self._whole)
        if int(share * 100) != self._shown:
            self._shown = int(share * 100)
            filled = "#" * round(share * BAR)
            click.echo(f"\r[{filled:-<{BAR}}] {self._shown:3} %", nl=False, err=True)

    def end(self) -> None:
        """Take the bar away."""
        if self._shown >= 0:
            click.echo(f"\r{' ' * (BAR + 8)}\r", nl=False, err=True)


def on_a_terminal() -> bool:
    """Whether somebody sees the progress."""
    return sys.stderr.isatty()
