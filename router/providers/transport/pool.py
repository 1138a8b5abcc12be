"""The connections of one event loop: the last that became idle is used first."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from router.providers.transport.connect import connect
from router.providers.transport.failures import Hangup, Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from router.providers.transport.answer import Answer
    from router.providers.transport.connection import Connection
    from router.providers.transport.message import Message
    from router.providers.transport.target import Target

# Seconds in which a server that closed an idle connection tells so; who breaks off later had the request.
RACE = 1.0
READ = 64 * 1024  # bytes that are read at once at most
TURNS = 8  # of the loop that the ends of connections take at most


class Pool:
    """Keeps connections for a while, and sends on them.

    Args:
        keep_alive: Seconds that an idle connection is kept.
    """

    # Mutable: the open connections, the idle ones by target, and the timer of the sweep; touched only in the loop.

    def __init__(self, keep_alive: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.open: set[Connection] = set()
        self.buffer = memoryview(bytearray(READ))
        self._keep_alive = keep_alive
        self._idle: dict[Target, deque[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return sum(len(each) for each in self._idle.values())

    async def exchange(
        self,
        target: Target,
        message: Message,
        connect_seconds: float | None = None,
        read_seconds: float | None = None,
    ) -> Answer:
        """Send a request, and return its answer as soon as its head is there.

        The other side may have closed an idle connection at this very moment: a request that gets no byte on one
        that was kept is sent once more, on a new one.

        Args:
            target: Where to.
            message: The request.
            connect_seconds: What a new connection may take.
            read_seconds: What each wait for bytes may take.

        Raises:
            WireError: It failed; nothing is left of it.
            ConnectFailed: The target's guard does not let it.
        """
        began = self.loop.time()
        kept = self._take(target, began) if message.more is None else None
        if kept is not None:
            answer = kept.send(self.loop, message)
            try:
                await answer.head(read_seconds)
            except (Hangup, Lost):
                if answer.heard or self.loop.time() - began > RACE:
                    raise
            else:
                return answer
        connection = await connect(self, target, connect_seconds)
        self.open.add(connection)
        answer = connection.send(self.loop, message)
        if message.more is not None:
            await self._send_rest(connection, answer, message.more)
        await answer.head(read_seconds)
        return answer

    async def close(self) -> None:
        """Close every connection, whatever is under way, and see to it that their sockets are closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._idle.clear()
        for connection in tuple(self.open):
            connection.drop()
        for _ in range(TURNS):
            if not self.open:
                return
            await asyncio.sleep(0)

    # What connections do.

    def give(self, connection: Connection) -> None:
        """Keep a connection that is idle now."""
        connection.since = self.loop.time()
        idle = self._idle.get(connection.target)
        if idle is None:
            idle = self._idle[connection.target] = deque()
        idle.append(connection)
        if self._timer is None:
            self._timer = self.loop.call_later(self._keep_alive, self._sweep)

    def forget(self, connection: Connection) -> None:
        """Take note that a connection is closed; an idle one is passed over when its turn comes."""
        self.open.discard(connection)

    def _take(self, target: Target, now: float) -> Connection | None:
        """Return the connection that became idle last, or None."""
        idle = self._idle.get(target)
        if idle is None:
            return None
        oldest = now - self._keep_alive
        while idle:
            connection = idle.pop()
            if connection.since > oldest and connection.fit:
                return connection
            connection.drop()
        return None

    async def _send_rest(self, connection: Connection, answer: Answer, more: AsyncIterable[bytes]) -> None:
        """Send what follows; when this fails or is cancelled the answer is left."""
        try:
            async for part in more:
                if answer.begun:
                    break  # it has made up its mind
                await connection.add(self.loop, part)
            else:
                connection.sent()
        except BaseException:
            answer.leave()
            raise

    def _sweep(self) -> None:
        """Close what has been idle for too long; the timer runs while there is anything idle."""
        self._timer = None
        oldest = self.loop.time() - self._keep_alive
        first: float | None = None
        for target, idle in tuple(self._idle.items()):
            while idle and (idle[0].since <= oldest or not idle[0].usable):
                idle.popleft().drop()
            if idle:
                first = idle[0].since if first is None else min(first, idle[0].since)
            else:
                del self._idle[target]
        if first is not None:
            self._timer = self.loop.call_at(first + self._keep_alive, self._sweep)
