"""`router check`: everything wrong with configurations, without touching the world."""

from __future__ import annotations

from pathlib import Path

import click

from router.cli.common import configuration, print_json, show_findings, status_of
from router.compile.compiler import check_file
from router.diagnostics.diagnostic import SEVERITIES, in_order
from router.diagnostics.machine import as_json


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
def command(files: tuple[Path, ...], form: str, fail_on: str, verbose: bool) -> None:
    """Report everything wrong with configurations; nothing is contacted, no variable or secret is read.

    Prints nothing and exits 0 when all is well.
    """
    findings = []
    sources = {}
    for path in files or (configuration(None),):
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
