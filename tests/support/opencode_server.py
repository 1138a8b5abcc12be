"""A scripted OpenCode server on a socket: it plays recorded or made-up sessions, and remembers what became of each."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.wall import answer, mute, stream, wall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from support.wall import Asked, Wall

RECORDED = json.loads(
    (Path(__file__).parents[1] / "providers/recorded/opencode.json").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True)
class Play:
    """One session: the events it sends, and the answer to the message after them; without a status none comes."""

    events: tuple[object, ...] = ()
    status: int | None = None
    answer: object = None
    pause: float = 0.0


def recorded(name: str) -> Play:
    """Return a session as the real server played it."""
    found = RECORDED[name]
    return Play(tuple(found["events"]), found["status"], found.get("answer"))


def saying(text: str, *pieces: str, **info: object) -> Play:
    """Return a session that says a text, in pieces or at once."""
    about = {
        "role": "assistant",
        "providerID": "mock",
        "modelID": "ok",
        "finish": "stop",
        "id": "msg_1",
        **info,
    }
    part = {"id": "prt_1", "type": "text", "text": text, "messageID": "msg_1"}
    events = [event("message.part.updated", part={**part, "text": ""})]
    events += [event("message.part.delta", partID="prt_1", field="text", delta=piece) for piece in pieces]
    return Play(tuple(events), 200, {"info": about, "parts": [part]})


def event(kind: str, **properties: object) -> dict[str, object]:
    """Return an event of the session that is played."""
    return {"id": "evt_1", "type": kind, "properties": {"sessionID": "ses_recorded", **properties}}


@dataclass(slots=True, eq=False)
class OpenCode:
    """What the server knows: its sessions, and what was asked of them.

    Attributes:
        play: The session for a message's body.
        wall: The socket.
        open: Sessions that are there.
        made: Bodies they were made with.
        asked: Bodies of messages.
        aborted: Sessions that were told to stop.
        instead: Replies of paths that behave otherwise, by method and beginning of the path.
    """

    play: Callable[[dict[str, object]], Play]
    wall: Wall | None = None
    open: set[str] = field(default_factory=set)
    made: list[dict[str, object]] = field(default_factory=list)
    asked: list[dict[str, object]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    instead: dict[tuple[str, str], object] = field(default_factory=dict)
    feeds: set[asyncio.Queue[bytes]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Base address."""
        return self.wall.url

    async def reply(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        for (method, path), other in self.instead.items():
            if asked.method == method and asked.path.startswith(path):
                await other(asked, writer)
                return
        await self._usual(asked)(asked, writer)

    def _usual(self, asked: Asked):
        whole = {
            "/global/health": {"healthy": True, "version": RECORDED["version"]},
            "/config/providers": RECORDED["providers"],
            "/agent": RECORDED["agents"],
        }
        if asked.path in whole:
            return answer(200, whole[asked.path])
        if asked.path == "/event":
            return self._feed
        if asked.path == "/session":
            return self._make
        session, _, verb = asked.path.removeprefix("/session/").partition("/")
        if session not in self.open:
            return answer(
                404, {"name": "NotFoundError", "data": {"message": f"Session not found: {session}"}}
            )
        if verb == "message":
            return self._message(session)
        (self.aborted.append if verb == "abort" else self.open.discard)(session)
        return answer(200, True)

    async def _make(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.made.append(asked.json)
        session = f"ses_{len(self.made)}"
        self.open.add(session)
        await answer(200, {"id": session, "title": asked.json.get("title")})(asked, writer)

    def _message(self, session: str):
        async def reply(asked: Asked, writer: asyncio.StreamWriter) -> None:
            self.asked.append(asked.json)
            play = self.play(asked.json)
            for event in play.events:
                await asyncio.sleep(play.pause)
                text = event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"
                for feed in self.feeds:
                    feed.put_nowait(text.replace(b"ses_recorded", session.encode()))
            if play.status is None:
                await mute(asked, writer)
            await asyncio.sleep(0.01)  # the events are on their way first, as they are at the real one
            await answer(play.status, play.answer)(asked, writer)

        return reply

    async def _feed(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.feeds.add(queue)
        try:
            await stream({"type": "server.connected", "properties": {}}, end="open")(asked, writer)
            while True:
                content = await queue.get()
                writer.write(b"%x\r\n%s\r\n" % (len(content), content))
                await writer.drain()
        finally:
            self.feeds.discard(queue)


@asynccontextmanager
async def opencode(play: Play | Callable[[dict[str, object]], Play]) -> AsyncIterator[OpenCode]:
    """Run a server on 127.0.0.1."""
    server = OpenCode(play if callable(play) else lambda _: play)
    async with wall(server.reply) as server.wall:
        yield server


@contextmanager
def lasting(play: Play | Callable[[dict[str, object]], Play]) -> Iterator[OpenCode]:
    """Run a server on a loop of its own, in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = opencode(play)
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(10)
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
