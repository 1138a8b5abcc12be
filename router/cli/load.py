"""`router load`: has a model in memory before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from router.cli.common import config_option, format_option
from router.cli.moving import moved
from router.runtime.loading import USUALLY

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="load")
@click.argument("model")
@config_option
@click.option(
    "--at",
    "endpoint",
    metavar="ENDPOINT",
    help="Only there; else at every place of its own that is a server.",
)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0.1),
    default=USUALLY,
    show_default=True,
    help="Seconds that it may take.",
)
@format_option
def command(model: str, config: Path | None, endpoint: str | None, seconds: float, form: str) -> None:
    """Load MODEL (its name in the configuration) where its server does so when told to, and wait until it can answer.

    Ollama, llama-server with --models-dir, and llama-swap do. Loading what is loaded changes nothing.
    """
    moved(model, config, endpoint, seconds, form, load=True)
