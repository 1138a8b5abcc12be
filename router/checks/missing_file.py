"""A file that this one extends and that is not there.

## Why is this bad?
What it was to bring is missing. Only files beside the configuration or in folders below are looked at.

## Example
```yaml
extends: nowhere.yaml
```

## Use instead
```yaml
deadline: 60s
```
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.node import leaves
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.config.node import Scalar

MOST = 32


def _named(configuration: Configuration) -> Iterator[tuple[str, Scalar]]:
    document = configuration.document
    for key in ("extends", "overlays"):
        value = document.node.entries.get(key) if document is not None else None
        for leaf in leaves(value) if value is not None else ():
            if isinstance(leaf.value, str) and "${" not in leaf.text:
                yield leaf.value, leaf


def _trouble(name: str, folder: Path) -> tuple[str, bool] | None:
    """Return what is wrong with a file and whether it is refused; the file itself is not read."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "://" in name or "\\" in name or ":" in name[:2]:
        return "is not beside the configuration or below it", True
    try:
        if (folder / path).resolve().is_symlink():  # resolved and still a link: a loop
            return "is no usable name", True
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            return "leads out of the configuration's folder", True
        return None if (folder / path).is_file() else ("does not exist", False)
    except (OSError, ValueError, RuntimeError):  # a name too long, with a NUL, or a loop of links
        return "is no usable name", True


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each file under `extends` or `overlays` that is not there or must not be read."""
    for number, (name, node) in enumerate(islice(_named(configuration), MOST + 1)):
        trouble = (
            _trouble(name, configuration.folder) if number < MOST else (f"is one of more than {MOST}", True)
        )
        if trouble is not None:
            yield Finding(
                node.span,
                f"the file `{printable(name)}` {trouble[0]}",
                label="refused" if trouble[1] else "no such file",
                help="name a file beside the configuration or below it",
                severity="error" if trouble[1] else None,
            )


CHECK = Check("R306", "missing-file", "warning", run)
