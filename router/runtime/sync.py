"""The same router for code without an event loop: every call runs on one loop thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self, TypeVar

from router.core.errors import RouterError
from router.runtime.forks import follow
from router.runtime.load import load_router
from router.runtime.router import Router

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from router.compile.explain import Explanation
    from router.core.calendar import Moment
    from router.core.events import Delta
    from router.core.messages import Completion, Message
    from router.runtime.many import BatchResult
    from router.runtime.reply import Reply
    from router.runtime.router import ModelInfo
    from router.runtime.usage import UsageReport

T = TypeVar("T")


class Closed(RouterError):
    """The router was closed while a call was under way."""

    def __init__(self) -> None:
        super().__init__("the router was closed while the call was under way")


class SyncRouter:
    """A blocking face of a router, for scripts and threads; ended by `close` or `with`.

    Its state, guarded by a lock: one loop on one daemon thread, started by `with` or the first call, and the
    streams that are open on it.
    """

    def __init__(self, router: str | os.PathLike[str] | Router, **options: object) -> None:
        """Load a file, or take a router.

        Args:
            router: A path, or a router that is loaded already.
            **options: As `load_router` takes them, for a path.

        Raises:
            ConfigError: The file has errors.
        """
        self._router = router if isinstance(router, Router) else load_router(router, **options)  # type: ignore[arg-type]
        self._within = 0
        self._start_anew()
        follow(self)

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._entered = False
        self._streams: dict[Reply, asyncio.AbstractEventLoop] = {}

    def forked(self) -> object:
        """Begin anew in a child process, where the thread is gone; see `forks`."""
        parents = (self._lock, self._loop, self._thread, self._streams)
        self._start_anew()
        return parents

    def __enter__(self) -> Self:
        with self._lock:
            self._within += 1
            self._running_loop()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._within -= 1
        if not self._within:
            self.close()

    def complete(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Completion:
        """Return the whole answer; see `Router.complete`."""
        return self._run(self._router.complete(messages, opts, **options))

    def complete_many(self, calls: Iterable[object], concurrency: int = 4) -> Iterator[BatchResult]:
        """Make many calls and yield what becomes of them, in their order; see `Router.complete_many`."""
        results = self._router.complete_many(calls, concurrency)
        try:
            while True:
                found = self._run(_next(results))
                if found is None:
                    return
                yield found
        finally:
            with suppress(Closed):
                self._run(results.aclose())

    @contextmanager
    def stream(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Iterator[SyncReply]:
        """Open an answer that is handed out as it comes; see `Router.stream`."""
        reply = self._router.stream(messages, opts, **options)
        self._run(self._opened(reply))
        try:
            yield SyncReply(self, reply)
        finally:
            with suppress(Closed):  # the stream was closed with the router
                self._run(self._left(reply), reply)

    def explain(self, /, **call: object) -> Explanation:
        """Return how a call would be decided; see `Router.explain`."""
        return self._router.explain(**call)

    def usage(self, since: Moment | float | None = None, by: Sequence[str] = ("model",)) -> UsageReport:
        """Return what was used and spent; see `Router.usage`."""
        return self._router.usage(since, by)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that calls may name."""
        return self._router.models()

    def reload(self) -> None:
        """Put the file as it is now in force; see `Router.reload`."""
        self._run(self._router.reload())

    def close(self, drain: float = 0.0) -> None:
        """Free connections and models and end the thread; the next call starts anew.

        Args:
            drain: Seconds to wait for the calls of other threads; then they are cancelled.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            entered, self._entered = self._entered, False
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(drain, entered=entered), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _opened(self, reply: Reply) -> None:
        await reply.__aenter__()
        self._streams[reply] = asyncio.get_running_loop()

    async def _left(self, reply: Reply) -> None:
        self._streams.pop(reply, None)
        await reply.__aexit__(None, None, None)

    async def _end(self, drain: float, *, entered: bool) -> None:
        """Let the calls of other threads end, cancel those that do not, then free what the router holds."""
        loop = asyncio.get_running_loop()
        if drain > 0:
            await self._router.close(drain)
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for reply in [each for each, its in self._streams.items() if its is loop]:
            await self._left(reply)
        if entered:
            await self._router.__aexit__(None, None, None)
        else:
            await self._router.close()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()

    def _run(self, coroutine: Coroutine[object, object, T], reply: Reply | None = None) -> T:
        """Run something on the loop; what belongs to an open stream, on the stream's own or not at all."""
        with self._lock:  # what is begun under the lock, `close` finds and ends
            if reply is not None and (self._loop is None or self._streams.get(reply) is not self._loop):
                coroutine.close()
                raise Closed
            future = asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise Closed from error
        except BaseException:
            future.cancel()  # an interrupted caller takes its call along
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, inside the router if somebody is inside of this; the lock is held."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="router", daemon=True)
            self._thread.start()
        if self._within and not self._entered:
            self._entered = True
            asyncio.run_coroutine_threadsafe(self._router.__aenter__(), self._loop)
        return self._loop


class SyncReply:
    """An answer that is handed out as it comes."""

    __slots__ = ("_reply", "_router")

    def __init__(self, router: SyncRouter, reply: Reply) -> None:
        self._router = router
        self._reply = reply

    def __iter__(self) -> Iterator[Delta]:
        while True:
            delta = self._router._run(_next(self._reply), self._reply)  # noqa: SLF001 - two halves of one face
            if delta is None:
                return
            yield delta

    @property
    def completion(self) -> Completion:
        """The whole answer, once the last delta is out."""
        return self._reply.completion


async def _next(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)
