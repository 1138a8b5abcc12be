"""The pages about findings, written from the docstrings of the checks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from router.checks.registry import ALL

if TYPE_CHECKING:
    from pathlib import Path

    from router.checks.base import Check


def reference(check: Check) -> str:
    """Return the page about one finding, in markdown."""
    text = (sys.modules[check.run.__module__].__doc__ or "").strip()
    first, _, rest = text.partition("\n")
    return f"# {check.code} {check.name}\n\n{first}\n\nSeverity: {check.severity}.\n\n{rest.strip()}\n"


def index() -> str:
    """Return the list of all findings, in markdown."""
    rows = []
    for check in ALL:
        first = (sys.modules[check.run.__module__].__doc__ or "").strip().partition("\n")[0]
        rows.append(f"| [{check.code}]({check.code}.md) | {check.name} | {check.severity} | {first} |\n")
    return f"# Findings\n\n| code | name | severity | what it finds |\n|---|---|---|---|\n{''.join(rows)}"


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    return {"index.md": index(), **{f"{check.code}.md": reference(check) for check in ALL}}


def write(folder: Path) -> None:
    """Write every page into a folder, and remove those of findings that there are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    found = pages()
    for old in folder.glob("*.md"):
        if old.name not in found:
            old.unlink()
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")
