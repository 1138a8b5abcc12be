"""Puts a new text in place of a file: as a whole or not at all, and never readable by more people than the old one."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from router.cli.common import UNUSABLE, ended
from router.core.private import MODE

if TYPE_CHECKING:
    from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace the text of a file, which keeps its mode; a link stays one.

    Raises:
        SystemExit: It cannot be written, which has been said.
    """
    path = path.resolve()
    replacement = path.with_name(f".{path.name}.new")
    try:
        replacement.unlink(missing_ok=True)  # what an earlier run left behind
        made = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(made, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        shutil.copymode(path, replacement)
        replacement.replace(path)
    except OSError as error:
        replacement.unlink(missing_ok=True)
        raise ended(f"{path} cannot be written: {error.strerror}", UNUSABLE) from error
