"""`router convert`: the configuration of another program as a router.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.checks.registry import run_all
from router.cli.common import FAILED, UNUSABLE, ended, format_option, print_json, show_findings, status_of
from router.config.load import Configuration, load_source, read_source
from router.config.yaml import read
from router.convert.litellm import NothingToConvertError, converted
from router.core.form import FORMAT_VERSION
from router.diagnostics.machine import as_json
from router.diagnostics.source import Source, masked, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.config.node import Node
    from router.convert.old import Left
    from router.diagnostics.diagnostic import Diagnostic

LONGEST = 300


@click.command(name="convert")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "program",
    type=click.Choice(["litellm"]),
    required=True,
    help="The program that FILE configures.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Write there; standard output by default."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@format_option
def command(file: Path, program: str, out: Path | None, force: bool, form: str) -> None:
    """Write FILE, the configuration of another program, as a router.yaml.

    What cannot be carried over is told on standard error and stands at the end of the result; a key that FILE
    holds becomes a variable, and is never printed.
    """
    if out is not None and out.exists() and not force:
        raise ended(f"{out} is there already; --force writes over it", UNUSABLE)
    root = _root(file, form)
    try:
        result = converted(root, file.name)
    except NothingToConvertError as error:
        _tell(file, error.left)
        raise ended(f"{printable(file)} cannot be converted: {error}", FAILED) from error
    source = Source(str(out or "router.yaml"), result.text)
    findings = run_all(load_source(source, (out or file).parent))
    if out is not None:
        _write(out, result.text)
    if form == "json":
        print_json(
            {
                "format_version": FORMAT_VERSION,
                "from": program,
                "file": str(file),
                "out": None if out is None else str(out),
                "text": result.text,
                "left": [_as_json(each) for each in result.left],
                **as_json(findings),
            }
        )
    else:
        click.echo(f"wrote {out}" if out is not None else result.text, nl=out is not None)
        _tell(file, result.left)
        _show(findings, source)
    raise SystemExit(status_of(findings))


def _root(file: Path, form: str) -> Node:
    """Return the values of the old file; keys that it has twice and the like are read as far as they can be."""
    source, problem = read_source(file)
    root, found = read(source) if problem is None else (None, [problem])
    if root is not None:
        return root
    findings = run_all(Configuration(source, file.parent, problems=found))
    if form == "json":
        print_json(as_json(findings))
    else:
        show_findings(findings, sources={source.name: source})
    raise SystemExit(status_of(findings))


def _tell(file: Path, left: Iterable[Left]) -> None:
    told = [
        f"{printable(file)}:{each.line}: {printable(each.path)}: {printable(each.why, LONGEST)}"
        for each in left
    ]
    if told:
        click.echo("\n".join(["not carried over, or not as it was:", *told]), err=True)


def _show(findings: list[Diagnostic], source: Source) -> None:
    """Show what `router check` would say of the result, but for facts."""
    shown = [each for each in findings if each.severity != "info"]
    show_findings(shown, sources={source.name: source})


def _as_json(left: Left) -> dict[str, object]:
    return {"path": masked(left.path), "line": left.line, "why": masked(left.why)}


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ended(f"{out} cannot be written: {error.strerror}", UNUSABLE) from error
