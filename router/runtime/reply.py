"""A streamed answer in the caller's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from router.core.errors import CallFailed, RouterError
from router.runtime.pinned import pin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from router.core.events import Delta
    from router.core.messages import Completion
    from router.runtime.attempt import Attempt
    from router.runtime.call import Call
    from router.runtime.engine import Engine
    from router.runtime.pinned import Pin
    from router.runtime.replay import Replay


class Reply:
    """An async context manager over the deltas of one answer; leaving it early frees the connection at once.

    One task at a time holds it.
    """

    __slots__ = ("_arguments", "_attempt", "_call", "_completion", "_engine", "_place")

    def __init__(
        self,
        engine: Engine,
        messages: object,
        opts: Mapping[str, object] | None,
        keywords: Mapping[str, object],
        place: Pin | None = None,
    ) -> None:
        self._engine = engine
        self._place = place
        self._arguments = (messages, opts, keywords)
        self._attempt: Attempt | Replay | None = None
        self._call: Call | None = None  # while it is under way
        self._completion: Completion | None = None

    async def __aenter__(self) -> Self:
        if self._attempt is not None:
            raise RouterError("this stream was opened before; call `router.stream(...)` again")
        messages, opts, keywords = self._arguments
        call = self._engine.call(messages, opts, keywords, live=True)
        self._call = call
        if self._place is not None:
            pin(call, self._place)
        try:
            self._attempt = await self._engine.run(call)
        except BaseException as error:
            self._end(error)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._attempt is not None:
                await self._attempt.close()
        finally:
            self._end(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        attempt = self._attempt
        if attempt is None:
            raise RouterError("a stream is opened with `async with router.stream(...) as reply`")
        if (ready := attempt.take()) is not None:
            return ready
        if self._completion is not None:
            raise StopAsyncIteration
        try:
            delta = await attempt.next()
        except CallFailed as error:
            self._end(self._engine.failed(attempt.call, error))
            raise
        except RouterError as error:
            self._end(error)
            raise
        if delta is None:
            self._completion = self._engine.completion(attempt)
            self._end(None)
            raise StopAsyncIteration
        return delta

    def _end(self, error: BaseException | None) -> None:
        """Tell the engine once that the call is over."""
        call, self._call = self._call, None
        if call is not None:
            self._engine.ended(call, self._completion, error)

    @property
    def completion(self) -> Completion:
        """The whole answer, once the last delta is out: what `complete()` would have returned.

        Raises:
            RouterError: The answer has not ended.
        """
        if self._completion is None:
            raise RouterError("the answer has not ended: read the stream to its end first")
        return self._completion
