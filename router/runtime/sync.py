"""The same router for code without an event loop: every call runs on one loop thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from router.core.errors import RouterError
from router.runtime.load import load_router
from router.runtime.router import Router

if TYPE_CHECKING:
    import os
    from collections.abc import Coroutine, Iterator, Mapping, Sequence
    from types import TracebackType

    from router.compile.explain import Explanation
    from router.core.events import Delta
    from router.core.messages import Completion, Message
    from router.runtime.reply import Reply
    from router.runtime.router import ModelInfo

T = TypeVar("T")


class SyncRouter:
    """A blocking face of a router, for scripts and threads; ended by `close` or `with`.

    Its state is one loop on one daemon thread, started by the first call, guarded by a lock.
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
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        self._run(reply.__aenter__())
        try:
            yield SyncReply(self, reply)
        finally:
            self._run(reply.__aexit__(None, None, None))

    def explain(self, /, **call: object) -> Explanation:
        """Return how a call would be decided; see `Router.explain`."""
        return self._router.explain(**call)

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that calls may name."""
        return self._router.models()

    def close(self) -> None:
        """Free connections and models and end the thread; the next call starts anew."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _end(self) -> None:
        """Cancel the calls of other threads, then free what the router holds."""
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await self._router.close()
        await asyncio.get_running_loop().shutdown_asyncgens()

    def _run(self, coroutine: Coroutine[object, object, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise RouterError("the router was closed while the call was under way") from error
        except BaseException:
            future.cancel()  # an interrupted caller takes its call along
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="router", daemon=True)
                self._thread.start()
            return self._loop


class SyncReply:
    """An answer that is handed out as it comes."""

    __slots__ = ("_reply", "_router")

    def __init__(self, router: SyncRouter, reply: Reply) -> None:
        self._router = router
        self._reply = reply

    def __iter__(self) -> Iterator[Delta]:
        while True:
            delta = self._router._run(_next(self._reply))  # noqa: SLF001 - two halves of one face
            if delta is None:
                return
            yield delta

    @property
    def completion(self) -> Completion:
        """The whole answer, once the last delta is out."""
        return self._reply.completion


async def _next(reply: Reply) -> Delta | None:
    return await anext(reply, None)
