"""`router fmt`: files in the house form."""

from __future__ import annotations

import codecs
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.checks.registry import run_all
from router.cli.common import (
    FAILED,
    UNUSABLE,
    configuration,
    ended,
    format_option,
    print_json,
    show_findings,
    status_of,
)
from router.cli.replacing import replace_text
from router.config.language import DOCUMENT
from router.config.load import Configuration, read_source
from router.config.node import Mapping
from router.config.routing_tests import TEST_FILE
from router.config.yaml import MAX_BYTES, read
from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.diagnostics.machine import as_json
from router.diagnostics.source import Source
from router.layout.form import MeaningChangedError, formatted

if TYPE_CHECKING:
    from router.diagnostics.diagnostic import Diagnostic

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class _Done:
    """One file: its text, the house form of it if there is one, and what keeps it from having one."""

    path: Path
    source: Source
    new: str | None
    findings: list[Diagnostic]
    defect: str = ""

    @property
    def changed(self) -> bool:
        return self.new is not None and self.new != self.source.text

    @property
    def diff(self) -> str:
        """What would change, as a unified diff; secrets in it are masked."""
        if not self.changed:
            return ""
        new = Source(self.source.name, self.new or "")
        read(new)  # marks what must not be shown
        lines = difflib.unified_diff(_lines(self.source), _lines(new), new.name, new.name)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )

    @property
    def status(self) -> int:
        return UNUSABLE if self.defect else status_of(self.findings)


def _lines(source: Source) -> list[str]:
    shown = [f"{source.line(number)}\n" for number in range(1, len(source.lines) + 1)]
    last = shown.pop().removesuffix("\n")
    return [*shown, last] if last else shown


@click.command(name="fmt")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Write nothing; end with 1 when a file is not in the house form.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change, and end as with --check.")
@format_option
def command(files: tuple[Path, ...], check: bool, diff: bool, form: str) -> None:
    """Lay FILES out in the house form: configurations, and files of routing tests. `-` is standard input.

    Every value stays as it is written and every comment where it belongs; keys of the document are put in order.
    """
    done = [_formatted(path) for path in files or (configuration(None),)]
    if not check and not diff:
        for each in done:
            if each.changed and each.path != STDIN:
                replace_text(each.path, each.new or "")
    if form == "json":
        print_json(_as_json(done, texts=not check and not diff))
    else:
        for each in done:
            _show(each, check=check, diff=diff)
    changed = (check or diff) and any(each.changed for each in done)
    raise SystemExit(max(FAILED if changed else 0, *(each.status for each in done)))


def _formatted(path: Path) -> _Done:
    source, findings, keys = _sound(path)
    if findings:
        return _Done(path, source, None, findings)
    try:
        return _Done(path, source, formatted(source.text, keys), [])
    except MeaningChangedError as error:
        return _Done(path, source, None, [], str(error))


def _sound(path: Path) -> tuple[Source, list[Diagnostic], tuple[str, ...]]:
    """Return a file, what is wrong with its syntax, and the keys of its document in order."""
    if path == STDIN:
        source, problem = Source("-", _stdin()), None
    else:
        source, problem = read_source(path)
    root, found = read(source) if problem is None else (None, [problem])
    file = Configuration(source, path.parent, root, problems=found)
    tests = isinstance(root, Mapping) and "tests" in root.entries and "endpoints" not in root.entries
    errors = [each for each in run_all(file) if each.severity == "error"]
    return source, errors, tuple((TEST_FILE if tests else DOCUMENT).keys)


def _stdin() -> str:
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ended(f"standard input is larger than {MAX_BYTES:,} bytes", UNUSABLE)
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ended(f"standard input is no UTF-8 text: byte {error.start + 1}", UNUSABLE) from error


def _show(done: _Done, *, check: bool, diff: bool) -> None:
    if done.findings:
        show_findings(done.findings, sources={done.source.name: done.source})
    elif done.defect:
        why = f"{done.defect}, a defect of `router fmt`; please report it"
        click.echo(f"router: {done.path} is left as it was: {why}", err=True)
    elif diff:
        click.echo(done.diff, nl=False)
    elif check:
        click.echo(f"{done.path} is not in the house form" if done.changed else "", nl=done.changed)
    elif done.path == STDIN:
        click.echo(done.new, nl=False)
    elif done.changed:
        click.echo(f"formatted {done.path}")


def _as_json(done: list[_Done], *, texts: bool) -> dict[str, object]:
    found = as_json([finding for each in done for finding in each.findings])
    files = [
        {
            "file": str(each.path),
            "changed": each.changed,
            "diff": each.diff,
            "error": each.defect or None,
            **({"text": each.new} if texts and each.path == STDIN else {}),
        }
        for each in done
    ]
    return {"format_version": FORMAT_VERSION, "files": files, **found}
