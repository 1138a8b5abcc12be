"""`router check`: everything wrong with configurations, without touching the world."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router import __version__
from router.checks.reference import reference
from router.checks.registry import ALL
from router.cli.common import UNUSABLE, configuration, ended, status_of
from router.cli.replacing import replace_text
from router.compile.compiler import check_file
from router.diagnostics.diagnostic import SEVERITIES, in_order
from router.diagnostics.fix import all_fixed
from router.diagnostics.output import FORMATS, Report, rendered
from router.diagnostics.sarif import Rule

if TYPE_CHECKING:
    from router.diagnostics.diagnostic import Severity
    from router.diagnostics.output import Format
    from router.diagnostics.source import Source

# A fix may uncover another mistake; a pair of fixes that undo each other must end as well.
ROUNDS = 10


def _outputs(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[Format, Path], ...]:
    """Return what `FMT=FILE` asks for."""
    return tuple(_output(value) for value in values)


def _output(value: str) -> tuple[Format, Path]:
    form, _, name = value.partition("=")
    for known in FORMATS:
        if form == known and name:
            return known, Path(name)
    raise click.BadParameter(f"{value!r} is not FMT=FILE with FMT one of {', '.join(FORMATS)}")


@click.command(name="check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="human",
    show_default=True,
    help="How to print findings.",
)
@click.option(
    "--output",
    "outputs",
    metavar="FMT=FILE",
    multiple=True,
    callback=_outputs,
    help="Also write findings to FILE in the format FMT; may be given several times.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="error",
    show_default=True,
    help="The mildest finding that makes the exit status 1.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print infos too.")
@click.option(
    "--fix", is_flag=True, help="Make the repairs that findings offer, in the files; then report the rest."
)
def command(
    files: tuple[Path, ...],
    form: Format,
    outputs: tuple[tuple[Format, Path], ...],
    fail_on: Severity,
    verbose: bool,
    fix: bool,
) -> None:
    """Report everything wrong with configurations; nothing is contacted, no variable or secret is read.

    Prints nothing and exits 0 when all is well.
    """
    findings = []
    sources: dict[str, Source] = {}
    for path in files or (configuration(None),):
        if fix:
            _mend(path)
        checked, found = check_file(path)
        for each in (checked, *checked.beside):
            sources |= each.sources
        findings += found
    report = Report(
        # Of a file that several are merged with, the same may be found each time.
        findings=tuple(in_order(dict.fromkeys(findings))),
        sources=sources,
        rules=_rules(),
        version=__version__,
        root=Path.cwd(),
        least="info" if verbose else "warning",
        fail_on=fail_on,
    )
    click.echo(rendered(form, report), nl=False)
    for other, path in outputs:
        _write(path, rendered(other, report))
    raise SystemExit(status_of(findings, SEVERITIES[: SEVERITIES.index(fail_on) + 1]))


def _rules() -> tuple[Rule, ...]:
    """Return what the checks say of themselves."""
    return tuple(
        Rule(check.code, check.name, check.severity, _summary(check.run.__module__), reference(check))
        for check in ALL
    )


def _summary(module: str) -> str:
    return (sys.modules[module].__doc__ or "").strip().partition("\n")[0]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ended(f"{path} cannot be written: {why}", UNUSABLE) from error


def _mend(path: Path) -> None:
    """Make repairs in a file and those merged with it until none is left to make."""
    total = 0
    names: dict[str, None] = {}
    for _ in range(ROUNDS):
        checked, findings = check_file(path)
        texts, made = all_fixed(checked.sources, findings)
        changed = {name: text for name, text in texts.items() if text != checked.sources[name].text}
        if not made or not changed:
            break
        for name, text in changed.items():
            replace_text(Path(name), text)
            names[name] = None
        total += made
    if total:
        click.echo(f"{', '.join(names)}: {total} fixed", err=True)
