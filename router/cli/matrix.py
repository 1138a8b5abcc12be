"""`router matrix`: the decision table of a configuration, exact."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import UNUSABLE, configuration, ended, ended_by_findings
from router.cli.matrix_page import page
from router.cli.matrix_text import markdown, text
from router.compile.compiler import compile_file
from router.compile.matrix import TooLarge, matrix
from router.compile.sides import NotADimension
from router.core.errors import ConfigError
from router.core.form import json_text
from router.table.graph import TooComplex

if TYPE_CHECKING:
    from router.compile.grid import Matrix

WIDTH = 120
ADVICE = "choose dimensions with --rows and --columns"


@click.command(name="matrix")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "html", "json"]),
    default="text",
    show_default=True,
    help="How to print the table.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write to a file instead of printing.",
)
@click.option("--rows", multiple=True, metavar="DIM", help="A dimension for the rows; may be repeated.")
@click.option("--columns", multiple=True, metavar="DIM", help="A dimension for the columns; may be repeated.")
def command(
    file: Path | None, form: str, output: Path | None, rows: tuple[str, ...], columns: tuple[str, ...]
) -> None:
    """Show which calls get which models: the decision table of a configuration, exact.

    By default the two or three dimensions that most rules ask for make rows and columns. Where others decide
    as well, a cell lists each outcome with its conditions.
    """
    try:
        program, _ = compile_file(configuration(file))
        found = matrix(program, rows, columns)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except NotADimension as error:
        raise ended(str(error), UNUSABLE) from error
    except TooLarge as error:
        raise ended(f"{error}; {ADVICE}", UNUSABLE) from error
    except TooComplex as error:
        raise ended(f"this table is too complex to be shown exactly; {ADVICE}", UNUSABLE) from error
    shown = _rendered(found, form, None if output else shutil.get_terminal_size((WIDTH, 24)).columns)
    if output is None:
        click.echo(shown)
        return
    try:
        output.write_text(shown + "\n", encoding="utf-8")
    except OSError as error:
        raise ended(f"{output} cannot be written: {error.strerror}", UNUSABLE) from error


def _rendered(found: Matrix, form: str, width: int | None) -> str:
    if form == "json":
        return json_text(found.as_json(), 2)
    if form == "html":
        return page(found)
    return "\n".join(markdown(found) if form == "markdown" else text(found, width or WIDTH))
