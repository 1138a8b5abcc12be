"""An answer that is there already, handed out like one that comes from an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.events import ReasoningDelta, TextDelta, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.events import Delta
    from router.core.messages import Completion
    from router.runtime.call import Call


class Replay:
    """Stands for an attempt: one task reads its deltas; there is nothing to free."""

    __slots__ = ("_left", "call", "completion")

    def __init__(self, call: Call, completion: Completion) -> None:
        self.call = call
        self.completion = completion
        self._left = _deltas(completion)

    @property
    def model(self) -> str:
        """The model that answered."""
        return self.completion.model

    def take(self) -> Delta | None:
        """Return None: everything is handed out by `next`."""
        return None

    async def next(self) -> Delta | None:
        """Return the next delta, or None at the end."""
        return next(self._left, None)

    async def close(self) -> None:
        """Do nothing."""


def _deltas(completion: Completion) -> Iterator[Delta]:
    if completion.reasoning:
        yield ReasoningDelta(completion.reasoning)
    if completion.text:
        yield TextDelta(completion.text)
    for index, call in enumerate(completion.tool_calls):
        yield ToolCallDelta(index, call.id, call.name, call.arguments)
