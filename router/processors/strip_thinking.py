"""`strip_thinking`: what stands between `<think>` and `</think>` is reasoning, not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.core.request import Request

OPEN, CLOSE = "<think>", "</think>"


class StripThinking:
    """The processor.

    Args:
        to: `reasoning`: what is stripped becomes the answer's reasoning; `nowhere`: it is dropped.
        opened: Whether answers begin inside, because the model's template has written `<think>` already.
    """

    def __init__(self, *, to: str = "reasoning", opened: bool = False) -> None:
        self._to = to
        self._opened = opened

    def begin(self, request: Request) -> Stripping:  # noqa: ARG002 - it treats all alike
        """Return what strips one answer."""
        return Stripping(told=self._to == "reasoning", inside=self._opened)


class Stripping:
    """One answer. Its state: whether it is `_inside` a block, or `_behind` one; `_held`, what may become a mark."""

    def __init__(self, *, told: bool, inside: bool) -> None:
        self._told = told
        self._inside = inside
        self._behind = False
        self._held = ""
        self._thought: list[str] = []

    def feed(self, text: str) -> str:
        """Return what surely is answer."""
        out = []
        rest = self._held + text
        while True:
            mark = CLOSE if self._inside else OPEN
            before, found, after = rest.partition(mark)
            if not found:
                break
            out.append(self._take(before))
            self._inside, self._behind = not self._inside, self._inside
            rest = after
        self._held = _beginning_of(mark, rest)
        out.append(self._take(rest[: len(rest) - len(self._held)]))
        return "".join(out)

    def end(self) -> str:
        """Return what looked like the beginning of a mark and was none."""
        held, self._held = self._held, ""
        return self._take(held)

    def thought(self) -> str:
        """Return the reasoning found since it was last asked."""
        found = "".join(self._thought)
        self._thought.clear()
        return found

    def _take(self, text: str) -> str:
        """Return a text if it is answer; the white space behind a block goes with it."""
        if self._inside:
            if self._told:
                self._thought.append(text)
            return ""
        if self._behind:
            text = text.lstrip()
            self._behind = not text
        return text


def _beginning_of(mark: str, text: str) -> str:
    """Return the end of a text that may be the beginning of a mark."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return mark[:length]
    return ""
