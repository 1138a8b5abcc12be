"""What is kept of every call, and where."""

from __future__ import annotations

from typing import Literal

from router.core.frozen import dataclass

Content = Literal["none", "hash", "truncated", "full"]
SIZE = 64 * 2**20
KEEP = 5
_CONTENT = {
    "none": "without prompts and answers",
    "hash": "with a hash of each prompt and answer",
    "truncated": "with the first 200 characters of prompts and answers",
    "full": "with whole prompts and answers",
}


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """Where a line is written for each call.

    Attributes:
        path: The file.
        content: What is written of prompts and answers.
        size: Bytes after which a new file is begun.
        keep: How many old files are kept.
    """

    path: str
    content: Content = "none"
    size: int = SIZE
    keep: int = KEEP

    @property
    def in_words(self) -> str:
        """How `explain` tells it."""
        return f"every call is written to {self.path}, {_CONTENT[self.content]}"


def rotated(path: str, number: int) -> str:
    """Return the name of an old file: 1 is the youngest."""
    return f"{path}.{number}"
