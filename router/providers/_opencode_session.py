"""One session of an OpenCode server, made for one call and taken away after it, however the call ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from router.core.errors import CallFailed, InvalidRequest, MalformedResponse, StreamInterrupted
from router.providers._errors import error_for_status
from router.providers._opencode_errors import error_of_opencode
from router.providers._refusal import refused_body
from router.providers._transport import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from router.core.errors import AllAttemptsFailed
    from router.core.secret import Secret
    from router.providers._source import Source
    from router.providers._transport import HttpResponse, Transport

FAREWELL = 2.0  # seconds that taking a session away may take
TITLE = "router"  # without one the server makes a second, paid call to invent it
MISSING = 404


class Exchange:
    """Asks one OpenCode server, and turns what it answers into objects or errors.

    Args:
        transport: What sends.
        source: Who answers, for messages.
        headers: Header fields of every request.
    """

    def __init__(self, transport: Transport, source: Source, headers: Mapping[str, str | Secret]) -> None:
        self._transport = transport
        self._headers = headers
        self.source = source

    def request(self, method: str, path: str, body: object = None) -> HttpRequest:
        """Return a request; a body is sent as JSON.

        Raises:
            InvalidRequest: The body cannot be written as JSON.
        """
        try:
            content = b"" if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest(f"{self.source.where}: the request cannot be written as JSON") from error
        return HttpRequest(method, path, self._headers, content)

    async def ask(self, request: HttpRequest) -> object:
        """Return the JSON that a request is answered with.

        Raises:
            CallFailed: There is none.
        """
        async with self._transport.open(request) as response:
            await self.refuse(response)
            body = await response.read()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass  # the error of the parser holds the whole text
        raise MalformedResponse(f"{self.source.where} sent something that is not JSON")

    async def refuse(self, response: HttpResponse) -> None:
        """Raise the error that a refusal is; return when the answer is none."""
        if 200 <= response.status < 300:  # noqa: PLR2004
            return
        raise self._refusal(response.status, response.headers, await refused_body(response))

    def _refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> AllAttemptsFailed:
        try:
            payload: object = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not (isinstance(payload, Mapping) and isinstance(payload.get("data"), Mapping)):
            return error_for_status(self.source, status, headers, body)
        error = error_of_opencode(self.source, payload)
        if status == MISSING:  # not the model: somebody took the session away
            error = StreamInterrupted(str(error))
        error.status = status
        return error


class Session:
    """A session from entering to leaving; one task drives it.

    Args:
        exchange: Asks the server.
    """

    # Mutable: the tasks that make it and that wait for its answer.

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._made: asyncio.Task[str]  # from entering on
        self._answer: asyncio.Task[object] | None = None

    async def __aenter__(self) -> Self:
        self._made = asyncio.create_task(self._make())
        try:
            # Cancelled half way it may be there already, without anybody knowing its id.
            await asyncio.shield(self._made)
        except BaseException:
            await _whole(self._leave())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _whole(self._leave())

    @property
    def id(self) -> str:
        """The server's name for it."""
        return self._made.result()

    def post(self, message: Mapping[str, object]) -> asyncio.Task[object]:
        """Send the one message; the task returns the server's answer, or raises `CallFailed`."""
        request = self._exchange.request("POST", f"/session/{self.id}/message", message)
        self._answer = asyncio.create_task(self._exchange.ask(request))
        return self._answer

    async def _make(self) -> str:
        made = await self._exchange.ask(self._exchange.request("POST", "/session", {"title": TITLE}))
        found = made.get("id") if isinstance(made, Mapping) else None
        if not isinstance(found, str) or not found.isidentifier():
            raise MalformedResponse(f"{self._exchange.source.where} does not make sessions as OpenCode does")
        return found

    async def _leave(self) -> None:
        unanswered = await _ended(self._answer) if self._answer is not None else False
        try:
            async with asyncio.timeout(FAREWELL):
                await asyncio.wait({self._made})
                if not self._made.cancelled() and self._made.exception() is None:
                    await self._take_away(abort=unanswered)
        except TimeoutError:
            await _ended(self._made)

    async def _take_away(self, *, abort: bool) -> None:
        path = f"/session/{self.id}"
        for method, where in ((("POST", f"{path}/abort"),) if abort else ()) + (("DELETE", path),):
            with suppress(CallFailed):  # a server that is gone has no session either
                await self._exchange.ask(self._exchange.request(method, where))


async def _ended(task: asyncio.Task[Any]) -> bool:
    """End a task, and return whether it was still at it; how it ended is seen by whoever waited for it."""
    if task.done():
        if not task.cancelled():
            task.exception()
        return False
    task.cancel()
    await asyncio.wait({task})
    return True


async def _whole(leaving: Coroutine[object, object, None]) -> None:
    """See it to its end, however often this is cancelled meanwhile: it takes `FAREWELL` seconds at most."""
    task = asyncio.ensure_future(leaving)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
