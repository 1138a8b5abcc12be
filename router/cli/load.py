"""`router load`: has a model in memory before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from router.cli.moving import moved, moving_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="load")
@moving_options
def command(model: str, config: Path | None, endpoint: str | None, seconds: float, form: str) -> None:
    """Load MODEL (its name in the configuration) where its server does so when told to, and wait until it can answer.

    Ollama, llama-server with --models-dir, and llama-swap do. Loading what is loaded changes nothing.
    """
    moved(model, config, endpoint, seconds, form, load=True)
