"""What `router load` and `router unload` share: where, how far, and how it went."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from router.cli.common import FAILED, UNUSABLE, config_option, ended, format_option, print_json
from router.cli.tables import prepared
from router.core.errors import ConfigError
from router.core.form import FORMAT_VERSION
from router.runtime.inspection import why_unasked
from router.runtime.loading import USUALLY, Moved, move, places

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from router.compile.program import Deployment
    from router.runtime.inspection import Prepared

TICK = 0.5


def moving_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what both commands take: MODEL, the configuration, where, how long, and how to print it."""
    at = click.option(
        "--at",
        "endpoint",
        metavar="ENDPOINT",
        help="Only there; else at every place of its own that is a server.",
    )
    timeout = click.option(
        "--timeout",
        "seconds",
        type=click.FloatRange(0.1),
        default=USUALLY,
        show_default=True,
        help="Seconds that it may take.",
    )
    return click.argument("model")(config_option(at(timeout(format_option(function)))))


def moved(
    model: str, config: Path | None, endpoint: str | None, seconds: float, form: str, *, load: bool
) -> None:
    """Load or unload a model, tell how it went, and end with 1 where it did so nowhere."""
    file = prepared(config, form)
    try:
        where = places(file, model, endpoint)
    except ConfigError as error:
        raise ended(str(error), UNUSABLE) from error
    outcomes = asyncio.run(_everywhere(file, where, seconds, load=load))
    if form == "json":
        print_json(
            {
                "format_version": FORMAT_VERSION,
                "model": model,
                "places": [_as_json(each) for each in outcomes],
            }
        )
    else:
        for each in outcomes:
            if each.done:
                click.echo(
                    f"{_place(each.deployment)}: {'loaded' if load else 'unloaded'} after {each.seconds * 1000:.0f} ms"
                )
            else:
                click.echo(f"{_place(each.deployment)}: {each.why}", err=True)
    if not any(each.done for each in outcomes):
        raise SystemExit(FAILED)


async def _everywhere(
    file: Prepared, where: tuple[Deployment, ...], seconds: float, *, load: bool
) -> list[Moved]:
    """Go from place to place: two loads at a time would share one machine's memory and disk."""
    outcomes = []
    for deployment in where:
        why = why_unasked(file, deployment.endpoint)
        if why is not None:
            outcomes.append(Moved(deployment, done=False, why=why))
            continue
        doing = asyncio.create_task(move(deployment, load=load, seconds=seconds))
        await _watched(doing, f"{'loading' if load else 'unloading'} {_place(deployment)}")
        outcomes.append(doing.result())
    return outcomes


async def _watched(doing: asyncio.Task[Moved], what: str) -> None:
    """Tell on a terminal how long it has been at it."""
    waited = 0.0
    while not (await asyncio.wait({doing}, timeout=TICK))[0]:
        waited += TICK
        if sys.stderr.isatty():
            click.echo(f"\r{what} ... {waited:.0f} s", err=True, nl=False)
    if waited and sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _place(deployment: Deployment) -> str:
    return f"{deployment.model} at {deployment.endpoint.name}"


def _as_json(each: Moved) -> dict[str, object]:
    return {
        "endpoint": each.deployment.endpoint.name,
        "id": each.deployment.id,
        "done": each.done,
        "why": each.why or None,
        "ms": round(each.seconds * 1000, 3),
    }
