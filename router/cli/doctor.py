"""`router doctor`: what keeps a configuration from working here and now, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from router.cli.common import FAILED, config_option, format_option, offline_option, print_json
from router.cli.tables import prepared
from router.core.form import FORMAT_VERSION
from router.diagnostics.source import printable
from router.runtime.doctor import examine
from router.runtime.inspection import PATIENCE
from router.runtime.symptoms import count

if TYPE_CHECKING:
    from pathlib import Path

    from router.runtime.symptoms import Symptom

LONGEST = 400


@click.command(name="doctor")
@config_option
@offline_option
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0.1, 60),
    default=PATIENCE,
    show_default=True,
    help="Seconds that each endpoint may take to answer; all are asked at a time.",
)
@click.option("-q", "--quiet", is_flag=True, help="Tell only what is wrong.")
@format_option
def command(config: Path | None, offline: bool, seconds: float, quiet: bool, form: str) -> None:
    """Look at everything a configuration needs: variables, files, endpoints, models, windows, memory, the clock.

    Endpoints are asked for their list of models, never with a prompt; no secret is shown. It ends with 1 where
    something fails, and says of each what to do next.
    """
    found = asyncio.run(examine(prepared(config, form, offline=offline), seconds))
    if form == "json":
        print_json(_as_json(found))
    else:
        for each in found:
            if not quiet or each.verdict in ("warn", "fail"):
                _show(each)
        failures, warnings = count(found, "fail"), count(found, "warn")
        click.echo(
            f"{_counted(failures, 'failure')}, {_counted(warnings, 'warning')}, {count(found, 'ok')} well"
        )
    if count(found, "fail"):
        raise SystemExit(FAILED)


def _show(each: Symptom) -> None:
    took = f" ({each.ms:.0f} ms)" if each.ms is not None and each.verdict == "ok" else ""
    detail = printable(f"{each.subject}: {each.detail}", LONGEST)
    click.echo(f"{each.verdict:<4}  {each.check:<8}  {detail}{took}")
    if each.advice:
        click.echo(f"{'':16}= {printable(each.advice, LONGEST)}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(found: tuple[Symptom, ...]) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "checks": [
            {
                "check": each.check,
                "subject": each.subject,
                "status": each.verdict,
                "detail": each.detail,
                "advice": each.advice or None,
                "ms": each.ms,
            }
            for each in found
        ],
        "summary": {
            "failures": count(found, "fail"),
            "warnings": count(found, "warn"),
            "ok": count(found, "ok"),
            "skipped": count(found, "skip"),
        },
    }
