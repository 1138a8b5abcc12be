"""`router models`: the models of a file, where each is, and what its endpoint says of it now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from router.cli.common import config_option, format_option, print_json
from router.cli.tables import prepared, size_words, table
from router.core.form import FORMAT_VERSION
from router.core.units import show_money
from router.runtime.inspection import PATIENCE
from router.runtime.stock import stock

if TYPE_CHECKING:
    from pathlib import Path

    from router.core.usage import Price
    from router.runtime.inspection import Seen
    from router.runtime.stock import Stocked

HEADS = ("MODEL", "ENDPOINT", "ID", "HEALTH", "STATE", "CONTEXT", "MEMORY", "PRICE PER M")


@click.command(name="models")
@config_option
@click.option("--offline", is_flag=True, help="From the file alone: no endpoint is asked.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0.1, 60),
    default=PATIENCE,
    show_default=True,
    help="Seconds that each endpoint may take to answer; all are asked at a time.",
)
@format_option
def command(config: Path | None, offline: bool, seconds: float, form: str) -> None:
    """List the models of a configuration: where they are, whether they answer, whether they are in memory.

    Endpoints are asked for their list of models, never with a prompt. One that does not answer is no error here:
    `router doctor` looks for what is wrong.
    """
    found = asyncio.run(stock(prepared(config, form), seconds, contact=not offline))
    if form == "json":
        print_json({"format_version": FORMAT_VERSION, "models": [_as_json(each) for each in found]})
        return
    click.echo(table(HEADS, [_row(each) for each in found]))
    for why in dict.fromkeys(_why(each.seen) for each in found if each.seen.why and not offline):
        click.echo(why, err=True)


def _why(seen: Seen) -> str:
    return f"{seen.endpoint.name} is {seen.why}" if seen.standing == "unasked" else seen.why


def _row(each: Stocked) -> tuple[str, ...]:
    deployment, seen = each.deployment, each.seen
    health = "" if seen.standing == "unasked" else seen.standing
    return (
        deployment.model,
        deployment.endpoint.name,
        "" if deployment.id == deployment.model else deployment.id,
        health,
        "" if each.state == "unknown" else each.state,
        _context(each),
        _memory(each),
        _price(deployment.price),
    )


def _context(each: Stocked) -> str:
    """Return the window that the file says, and in brackets what the endpoint says where that is another."""
    said, real = each.deployment.context, each.listed.context if each.listed is not None else None
    if real is None or real == said:
        return "" if said is None else f"{said:,}"
    return f"({real:,})" if said is None else f"{said:,} ({real:,})"


def _memory(each: Stocked) -> str:
    """Return what it occupies; before it is loaded, what the file says that it will."""
    real = each.listed.memory if each.listed is not None else None
    return size_words(real if real is not None else each.deployment.memory)


def _price(price: Price | None) -> str:
    if price is None:
        return "unknown"
    if price.free:
        return "free"
    if price.per_hour is not None:
        return f"{show_money(price.per_hour)} an hour"
    return f"{show_money(price.input)} in, {show_money(price.output)} out"


def _as_json(each: Stocked) -> dict[str, object]:
    deployment, seen, listed = each.deployment, each.seen, each.listed
    price = deployment.price
    return {
        "model": deployment.model,
        "endpoint": deployment.endpoint.name,
        "kind": deployment.endpoint.kind,
        "locality": deployment.endpoint.locality,
        "id": deployment.id,
        "health": seen.standing,
        "state": each.state,
        "context": {"declared": deployment.context, "served": listed.context if listed is not None else None},
        "memory": {"declared": deployment.memory, "used": listed.memory if listed is not None else None},
        "size": listed.size if listed is not None else None,
        "slots": listed.slots if listed is not None else None,
        "price": None
        if price is None
        else {
            "input": f"{price.input:f}",
            "output": f"{price.output:f}",
            "per_hour": None if price.per_hour is None else f"{price.per_hour:f}",
        },
        "why": seen.why or None,
    }
