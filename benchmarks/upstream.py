"""A server that answers at once, for measuring everything else: `python upstream.py`, prints its port.

`/plain/...` answers whole, `/stream/...` in `EVENTS` pieces, `/slow/...` whole after 50 ms. One process, one thread.
"""

from __future__ import annotations

import asyncio
import json

EVENTS = 200
SLOW = 0.05
CHUNKS = b"".join(
    b'data: {"choices":[{"index":0,"delta":{"content":"word%d "}}]}\n\n' % number for number in range(EVENTS)
)
END = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":200}}\n\ndata: [DONE]\n\n'
)
ANSWER = json.dumps(
    {
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
).encode()


def _whole(body: bytes, kind: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, len(body))
    return head + body


PLAIN = _whole(ANSWER, b"application/json")
STREAM = _whole(CHUNKS + END, b"text/event-stream")


class Upstream(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            at = head.find(b"content-length: ")
            length = int(head[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            del self._buffer[: end + 4 + length]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/slow"):
            asyncio.get_running_loop().call_later(SLOW, self._write, PLAIN)
        else:
            self._write(STREAM if path.startswith(b"/stream") else PLAIN)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
