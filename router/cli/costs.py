"""`router costs`: what was used and spent, as the ledger holds it."""

from __future__ import annotations

import re
import sqlite3
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import FAILED, UNUSABLE, config_option, configuration, ended, ended_by_findings
from router.cli.costs_page import page
from router.cli.costs_text import PRINTED
from router.compile.compiler import compile_file
from router.core.calendar import zone_of
from router.core.errors import ConfigError, InvalidCall
from router.core.units import parse_duration
from router.runtime.ledger import verify
from router.runtime.scribe import read_file
from router.runtime.usage import usage

if TYPE_CHECKING:
    from router.policy.budget import CostPolicy

FORMATS = [*PRINTED, "html"]
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@click.command(name="costs")
@config_option
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    default=None,
    help="A ledger, instead of the configuration's.",
)
@click.option(
    "--by",
    default="model",
    show_default=True,
    metavar="NAME[,NAME]",
    help="What to tell rows apart by: model, endpoint, rule, task, user, outcome, hour, day, month, a dimension.",
)
@click.option("--since", metavar="WHEN", help="From when on: `7d`, `12h`, `2026-11-01`, `2026-11-01T18:00`.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="human",
    show_default=True,
    help="How to print it.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file.")
@click.option("--verify", "verifying", is_flag=True, help="Recompute every cost and every sum instead.")
def command(  # noqa: PLR0913, PLR0917 - click hands each option over
    config: Path | None,
    ledger: Path | None,
    by: str,
    since: str | None,
    form: str,
    output: Path | None,
    verifying: bool,
) -> None:
    """Sum up the ledger: calls, attempts, tokens, dollars, dollars a call, and what kept answers have saved.

    What has no known price is counted apart, never as 0. With `--verify` each cost is worked out again from its
    tokens and its price, each budget from its attempts; it ends with 1 where one does not agree.
    """
    policy, dimensions = _declared(config, ledger)
    path = str(ledger) if ledger is not None else policy.ledger if policy is not None else None
    zone = policy.zone if policy is not None else "UTC"
    if path is None:
        raise ended("the configuration declares no ledger: write `costs: {ledger: costs.sqlite}`", UNUSABLE)
    if not Path(path).is_file():
        raise ended(f"there is no ledger {path} yet: it is made by the first call", UNUSABLE)
    names = [name.strip() for name in by.split(",") if name.strip()]
    known = (*dimensions, *(name for name in names if ledger is not None and _WORD.match(name)))
    start = _moment(since, zone) if since is not None else None
    try:
        if verifying:
            _verify(path)
            return
        found = read_file(path, lambda db: usage(db, names, known, start, zone))
    except InvalidCall as error:
        raise ended(str(error), UNUSABLE) from error
    except sqlite3.Error as error:
        raise ended(f"the ledger {path} cannot be read: {error}", UNUSABLE) from error
    text = page(found, Path(path).name, since) if form == "html" else PRINTED[form](found)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


def _declared(config: Path | None, ledger: Path | None) -> tuple[CostPolicy | None, tuple[str, ...]]:
    """Return what the configuration says of costs, and its dimensions; nothing where a ledger is named alone."""
    if ledger is not None and config is None:
        return None, ()
    try:
        program, _ = compile_file(configuration(config))
    except ConfigError as error:
        raise ended_by_findings(error) from error
    return program.costs, program.spoken


def _verify(path: str) -> None:
    wrong = read_file(path, lambda db: list(verify(db)))
    for line in wrong:
        click.echo(line)
    if wrong:
        raise ended(f"{len(wrong)} sums of the ledger {path} do not agree with its facts", FAILED)
    click.echo("every cost and every sum agrees")


def _moment(text: str, zone: str) -> float:
    """Return seconds since 1970 of a moment, or of so long ago."""
    ago = parse_duration(text)
    if ago is not None:
        return time.time() - ago
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no moment: write `7d`, `12h`, `2026-11-01` or `2026-11-01T18:00`",
            param_hint="--since",
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone_of(zone))).timestamp()
