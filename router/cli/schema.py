"""`router schema`: the language for editors, and for people."""

from __future__ import annotations

import click

from router.cli.common import print_json


@click.command(name="schema")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "markdown"]),
    default="json",
    show_default=True,
    help="The JSON Schema, or the reference.",
)
def command(form: str) -> None:
    """Print the JSON Schema of the language, or its reference.

    An editor with the YAML language server completes and checks a file whose first line is

        # yaml-language-server: $schema=PATH
    """
    if form == "json":
        from router.config.schema import json_schema  # noqa: PLC0415

        print_json(json_schema())
    else:
        from router.config.reference import reference  # noqa: PLC0415

        click.echo(reference(), nl=False)
