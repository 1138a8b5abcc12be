"""`router check`: everything wrong with configurations, without touching the world."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from router.cli.common import UNUSABLE, configuration, ended, print_json, show_findings, status_of
from router.compile.compiler import check_file
from router.diagnostics.diagnostic import SEVERITIES, in_order
from router.diagnostics.fix import fixed
from router.diagnostics.machine import as_json

# A fix may uncover another mistake; a pair of fixes that undo each other must end as well.
ROUNDS = 10


@click.command(name="check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["human", "concise", "json"]),
    default="human",
    show_default=True,
    help="How to print findings.",
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
def command(files: tuple[Path, ...], form: str, fail_on: str, verbose: bool, fix: bool) -> None:
    """Report everything wrong with configurations; nothing is contacted, no variable or secret is read.

    Prints nothing and exits 0 when all is well.
    """
    findings = []
    sources = {}
    for path in files or (configuration(None),):
        if fix:
            _mend(path)
        checked, found = check_file(path)
        sources[checked.source.name] = checked.source
        findings += found
    findings = in_order(findings)
    if form == "json":
        print_json(as_json(findings))
    else:
        least = "info" if verbose else "warning"
        show_findings(findings, sources=sources, least=least, concise=form == "concise", err=False)
    raise SystemExit(status_of(findings, SEVERITIES[: SEVERITIES.index(fail_on) + 1]))


def _mend(path: Path) -> None:
    """Make repairs in a file until none is left to make; it is replaced as a whole, or not at all."""
    total = 0
    for _ in range(ROUNDS):
        checked, findings = check_file(path)
        text, made = fixed(checked.source, findings)
        if not made or text == checked.source.text:
            break
        replacement = path.with_name(f".{path.name}.fixed")
        try:
            replacement.write_text(text, encoding="utf-8", newline="")
            shutil.copymode(path, replacement)
            replacement.replace(path)
        except OSError as error:
            replacement.unlink(missing_ok=True)
            raise ended(f"{path} cannot be written: {error.strerror}", UNUSABLE) from error
        total += made
    if total:
        click.echo(f"{path}: {total} fixed", err=True)
