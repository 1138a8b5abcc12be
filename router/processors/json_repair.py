"""`json_repair`: makes what was meant to be JSON into JSON, where the call asks for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from router.processors._json import lenient

if TYPE_CHECKING:
    from router.core.request import Request


class JsonRepair:
    """The processor. It waits for the whole answer, and only for calls whose `response_format` is JSON.

    Args:
        otherwise: What happens to an answer that cannot be repaired: `fail` (the attempt has failed) or `keep`.
    """

    def __init__(self, *, otherwise: Literal["fail", "keep"] = "fail") -> None:
        self._keeps = otherwise == "keep"

    def begin(self, request: Request) -> Repairing | None:
        """Return what repairs one answer, or None where no JSON is asked for."""
        form = request.response_format
        return None if form is None or form.get("type") == "text" else Repairing(keeps=self._keeps)


class Repairing:
    """One answer. Its state: `_parts`, what has come so far."""

    def __init__(self, *, keeps: bool) -> None:
        self._keeps = keeps
        self._parts: list[str] = []

    def feed(self, text: str) -> str:
        """Return nothing yet."""
        self._parts.append(text)
        return ""

    def end(self) -> str:
        """Return the answer as JSON; sound JSON stays as it is, and so does an answer without text (a tool call)."""
        text = "".join(self._parts)
        if not text.strip():
            return text
        try:
            return repaired(text)
        except ValueError as error:
            if self._keeps:
                return text
            raise ValueError(f"the answer is no JSON and cannot be repaired: {error}") from error


def repaired(text: str) -> str:
    """Return JSON text: the same if it is that already.

    Raises:
        ValueError: There is no telling what was meant.
    """
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(lenient(text), ensure_ascii=False, allow_nan=False)
    return text
