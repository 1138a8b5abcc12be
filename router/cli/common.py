"""What several commands share: where the file is, how findings and errors are shown, how to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.core.form import FORMAT_VERSION, json_text, tame
from router.diagnostics import text
from router.diagnostics.diagnostic import count
from router.diagnostics.machine import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from router.core.errors import ConfigError, InvalidCall
    from router.diagnostics.diagnostic import Diagnostic
    from router.diagnostics.source import Source

DEFAULT = "router.yaml"
FAILED, UNUSABLE = 1, 2
UNREADABLE = "R100"

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="How to print the result.",
)
offline_option = click.option(
    "--offline", is_flag=True, help="Contact no remote endpoint, as ROUTER_OFFLINE=1 does."
)


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-c FILE` to a command."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        default=None,
        help=f"The configuration; {DEFAULT} here or in a folder above by default.",
    )(function)


def configuration(path: Path | None) -> Path:
    """Return the file to use: the one given, else the nearest router.yaml upwards."""
    if path is not None:
        return path
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DEFAULT).is_file():
            found = folder / DEFAULT
            return found.relative_to(here) if found.is_relative_to(here) else found
    raise ended(
        f"no {DEFAULT} here or in a folder above; `router init` writes one, `-c FILE` names another", UNUSABLE
    )


def ended(message: str, status: int) -> SystemExit:
    """Say what is wrong on standard error; return the end of the program, to be raised."""
    click.echo(f"router: {tame(message)}", err=True)
    return SystemExit(status)


def tell(note: str | None) -> None:
    """Say on standard error what does not end the command, if there is anything to say."""
    if note is not None:
        click.echo(f"router: {note}", err=True)


def ended_by_findings(error: ConfigError, form: str = "human") -> SystemExit:
    """Show the findings that keep a file from being used; return the end of the program, to be raised."""
    if form == "json":
        print_json(as_json(error.findings))
    else:
        click.echo(error.report or f"{error}\n", nl=False, err=True)
        click.echo(text.summary(count(error.findings), 0), err=True)
    return SystemExit(status_of(error.findings) or FAILED)


def ended_by_call(error: InvalidCall, form: str) -> SystemExit:
    """Say what a call may not say; return the end of the program, to be raised."""
    if form == "json":
        print_json(
            {"format_version": FORMAT_VERSION, "error": {"kind": "invalid_call", "message": str(error)}}
        )
    return ended(str(error), UNUSABLE)


def status_of(findings: Iterable[Diagnostic], fail_on: Sequence[str] = ("error",)) -> int:
    """Return the exit status: 2 for an unreadable file, 1 for findings that count, else 0."""
    found = list(findings)
    if any(each.code == UNREADABLE for each in found):
        return UNUSABLE
    return FAILED if any(each.severity in fail_on for each in found) else 0


def show_findings(
    findings: Sequence[Diagnostic],
    *,
    sources: Mapping[str, Source] | None = None,
    least: str = "warning",
    concise: bool = False,
    err: bool = True,
) -> None:
    """Print findings down to a severity, and a line that counts all of them; nothing where there are none."""
    order = ("error", "warning", "info")
    shown = [each for each in findings if order.index(each.severity) <= order.index(least)]
    known = sources if sources is not None else _sources(findings)
    body = text.concise(shown) if concise else text.human(shown, known)
    click.echo(body, nl=False, err=err)
    counted = text.summary(count(findings), sum(bool(each.fixes) for each in findings))
    if counted and not concise:
        hidden = "; `--verbose` shows the infos" if len(shown) < len(findings) and least == "warning" else ""
        click.echo(f"{counted}{hidden}", err=err)


def _sources(findings: Iterable[Diagnostic]) -> dict[str, Source]:
    """Return the files of findings again, for their lines; secrets in them are known to the loader alone."""
    from router.config.load import load_file  # noqa: PLC0415 - only a wrong file needs it

    names = {each.span.file for each in findings}
    return {name: load_file(Path(name)).source for name in names}


def print_json(value: object) -> None:
    """Print one JSON object."""
    click.echo(json_text(value, 2))
