"""`router cache`: what answers are kept, and throwing them away."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.cli.common import (
    FAILED,
    config_option,
    configuration,
    ended,
    ended_by_findings,
    format_option,
    print_json,
)
from router.compile.compiler import compile_file
from router.core.errors import ConfigError
from router.core.form import FORMAT_VERSION
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.runtime.cachefile import CacheFile, Counted


@click.group(name="cache")
def command() -> None:
    """Tell what answers a configuration has kept in its file, or throw them away."""


@command.command(name="stats")
@config_option
@format_option
def stats(config: Path | None, form: str) -> None:
    """Tell how many answers are kept, how large they are, and how often they stood for new ones."""
    path, file = _file(config, form)
    now = time.time()
    try:
        found = file.counted(now)
    except sqlite3.Error as error:
        raise ended(f"{path} cannot be read: {error}", FAILED) from error
    finally:
        file.close()
    if form == "json":
        print_json({"format_version": FORMAT_VERSION, "path": str(path), **_as_json(found)})
    else:
        click.echo("\n".join(_lines(path, found, now)))


@command.command(name="clear")
@config_option
@format_option
def clear(config: Path | None, form: str) -> None:
    """Throw all kept answers away. Routers that run go on, and keep new ones."""
    path, file = _file(config, form)
    try:
        count = file.clear()
    except sqlite3.Error as error:
        raise ended(f"{path} cannot be cleared: {error}", FAILED) from error
    finally:
        file.close()
    if form == "json":
        print_json({"format_version": FORMAT_VERSION, "path": str(path), "cleared": count})
    else:
        click.echo(f"{count} answers thrown away")


def _file(config: Path | None, form: str) -> tuple[Path, CacheFile]:
    """Return the file of kept answers that a configuration names."""
    from router.runtime.cachefile import CacheFile  # noqa: PLC0415 - help stays fast

    path = configuration(config)
    try:
        policy = compile_file(path)[0].cache
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    if policy is None:
        raise ended(f"{path} keeps no answers: it has no `cache`", FAILED)
    if policy.path is None:
        raise ended(f"{path} keeps answers in memory: each router has its own, and they end with it", FAILED)
    return Path(policy.path), CacheFile(policy.path)


def _as_json(found: Counted) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__slots__}


def _lines(path: Path, found: Counted, now: float) -> Iterator[str]:
    yield f"file      {path}"
    yield f"answers   {found.answers}, {found.good} of them still good"
    yield f"size      {found.size / 1024:.1f} KiB"
    yield f"uses      {found.uses}"
    if found.oldest is not None and found.newest is not None:
        oldest, newest = (show_duration(round(max(now - each, 0))) for each in (found.oldest, found.newest))
        yield f"age       {newest} to {oldest}"
