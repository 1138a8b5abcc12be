"""Keeps keys out of what is written down."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from router.core.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from router.core.secret import Secret

# What looks like a key wherever it stands: `sk-...`, `Bearer ...`, `?key=...`.
_SHAPES = re.compile(
    r"(?P<plain>\bsk-[A-Za-z0-9_-]{8,})"
    r"|(?P<before>\bBearer\s+|[?&](?:api[_-]?key|key|token|access_token)=)[^\s&\"'<>]+",
    re.IGNORECASE,
)
SHORTEST = 4
_FORMATTER = logging.Formatter()


class Redaction(logging.Filter):
    """Replaces secrets by `***`: values that it was told, and what looks like a key.

    As a `logging.Filter` on a handler it does so to every record that the handler writes.
    """

    # Mutable: the values and their pattern, exchanged as one; a reader sees the old or the new.

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[frozenset[str], re.Pattern[str] | None] = (frozenset(), None)

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Take in values that must never be written; what was told before stays known."""
        values = self._known[0] | {secret.reveal() for secret in secrets}
        parts = {part for value in values for part in (value, value.strip(), value.removeprefix("Bearer "))}
        # A word of three letters would blacken half of every log.
        ordered = sorted((part for part in parts if len(part) >= SHORTEST), key=len, reverse=True)
        pattern = re.compile("|".join(re.escape(part) for part in ordered)) if ordered else None
        self._known = (frozenset(values), pattern)

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        pattern = self._known[1]
        if pattern is not None:
            text = pattern.sub(MASK, text)
        return _SHAPES.sub(lambda found: (found["before"] or "") + MASK, text)

    def value(self, value: object) -> object:
        """Return a value of JSON without secrets; what is none is shown as text."""
        match value:
            case None | bool() | int() | float():
                return value
            case dict():
                return self.fields(value)
            case list() | tuple():
                return [self.value(item) for item in value]
            case _:
                return self.text(str(value))

    def fields(self, fields: Mapping[Any, object]) -> dict[str, object]:
        """Return a mapping of JSON without secrets, in its names too."""
        return {self.text(str(name)): self.value(value) for name, value in fields.items()}

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record; it is always let through."""
        record.msg, record.args = self.text(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.text(record.exc_text)
        return True
