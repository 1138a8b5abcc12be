"""A configuration as it stood at a git revision: `git:REVISION:PATH`, with the files it names at that revision."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.common import UNUSABLE, ended
from router.config.load import load_source
from router.config.problems import Unreadable
from router.diagnostics.source import Source, Span

if TYPE_CHECKING:
    from router.config.load import Configuration
    from router.config.problems import Problem

GIT = "git:"


def load_revision(name: str) -> Configuration:
    """Return the configuration called `git:REVISION:PATH`; where git has none, the program ends."""
    revision, _, path = name.removeprefix(GIT).partition(":")
    if not revision or not path or revision.startswith("-"):
        raise ended(f"{name!r} is not of the form git:REVISION:PATH", UNUSABLE)
    text = _shown(revision, path)
    if text is None:
        raise ended(f"git has no text file {path!r} at {revision!r}", UNUSABLE)

    def reader(other: Path) -> tuple[Source, Problem | None]:
        source = f"{GIT}{revision}:{other.as_posix()}"
        found = _shown(revision, other.as_posix())
        missing = Unreadable(Span(source, 1, 1, 1, 1), f"git has no such text file at {revision}")
        return Source(source, found or ""), missing if found is None else None

    return load_source(Source(name, text), Path(path).parent, reader=reader)


def _shown(revision: str, path: str) -> str | None:
    """Return a file's text at a revision, or None where there is none."""
    command = ["git", "show", f"{revision}:./{path}"]
    try:
        shown = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - one argument, no shell
        return shown.stdout.decode("utf-8")
    except OSError as error:
        raise ended("git is not installed", UNUSABLE) from error
    except (subprocess.CalledProcessError, UnicodeDecodeError):
        return None
