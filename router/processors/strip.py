"""`strip`: no white space around an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.request import Request


class Strip:
    """The processor; it has no state."""

    def begin(self, request: Request) -> Stripping:  # noqa: ARG002 - it treats all alike
        """Return what strips one answer."""
        return Stripping()


class Stripping:
    """One answer: white space is held back until something follows. Its state: `_began`, `_held`."""

    def __init__(self) -> None:
        self._began = False
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what has an end that is not white space."""
        if not self._began:
            text = text.lstrip()
            self._began = bool(text)
        firm = text.rstrip()
        if not firm:
            self._held += text
            return ""
        out, self._held = self._held + firm, text[len(firm) :]
        return out

    def end(self) -> str:
        """Return nothing: what is held back is white space."""
        return ""
