"""`router unload`: frees the memory of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from router.cli.moving import moved, moving_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="unload")
@moving_options
def command(model: str, config: Path | None, endpoint: str | None, seconds: float, form: str) -> None:
    """Unload MODEL (its name in the configuration) where its server does so when told to, and wait until its memory is free.

    Ollama, llama-server with --models-dir, and llama-swap do. A call for it loads it again.
    """
    moved(model, config, endpoint, seconds, form, load=False)
