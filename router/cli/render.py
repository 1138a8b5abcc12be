"""`router render`: a configuration and the files it names, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.checks.registry import run_all
from router.cli.common import configuration, ended_by_findings, format_option, print_json
from router.config.load import load_file
from router.config.node import Mapping
from router.config.written import Written
from router.core.errors import ConfigError
from router.core.form import FORMAT_VERSION
from router.diagnostics import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.config.load import Configuration
    from router.config.written import Line

# Places stand in one column, unless lines are very long.
WIDEST = 60
UNMERGED = "R306"


@click.command(name="render")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--origin", is_flag=True, help="Tell at the end of each line where it stands: file:line.")
@format_option
def command(file: Path | None, origin: bool, form: str) -> None:
    """Print FILE merged with the files it extends and those over it, as one file that says the same.

    Comments and aliases are gone; variables and secrets stay references.
    """
    loaded = load_file(configuration(file))
    try:
        values = _values(loaded)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    if form == "json":
        print_json(_as_json(values, loaded))
    else:
        lines = list(values.lines())
        click.echo("\n".join(_with_origins(lines) if origin else (line.text for line in lines)))


def _values(loaded: Configuration) -> Written:
    """Return the values to print.

    Raises:
        ConfigError: A file cannot be read, or is not merged.
    """
    root = loaded.root
    errors = [
        each
        for each in run_all(loaded)
        if each.severity == "error" and (_hides(each.code) or not isinstance(root, Mapping))
    ]
    if errors or not isinstance(root, Mapping):
        raise ConfigError(f"{loaded.source.name}: not readable", errors, text.human(errors, loaded.sources))
    secrets = {span for source in loaded.sources.values() for span in source.secrets}
    return Written(root, secrets)


def _hides(code: str) -> bool:
    """Return whether a finding says that values are not known; what is wrong with them is no matter here."""
    return code < "R2" or code == UNMERGED


def _with_origins(lines: Sequence[Line]) -> Iterator[str]:
    width = max((len(line.text) for line in lines if len(line.text) <= WIDEST), default=0)
    for line in lines:
        yield f"{line.text:<{width}}  # {line.span.file}:{line.span.line}"


def _as_json(values: Written, loaded: Configuration) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "file": loaded.source.name,
        "files": list(loaded.sources),
        "document": values.plain(),
        "values": [
            {
                "path": leaf.path,
                "value": leaf.value,
                "file": leaf.span.file,
                "line": leaf.span.line,
                "column": leaf.span.column,
            }
            for leaf in values.leaves()
        ],
    }
