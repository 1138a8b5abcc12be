"""Server-sent events out of bytes, however the bytes are cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.core.errors import ResponseTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_CAP = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event: its data lines joined by newlines, and its name."""

    data: str
    name: str = "message"


class SseParser:
    """Turns chunks of bytes into events; comments and events without data vanish.

    Args:
        where: How error messages name the endpoint.
        cap: Bytes that one line, and all data of one event, may have.
    """

    # Mutable: the buffer and the event in the making; one reader owns them.

    def __init__(self, where: str = "the endpoint", cap: int = LINE_CAP) -> None:
        self._where = where
        self._cap = cap
        self._buffer = bytearray()
        self._scanned = 0
        self._after_cr = False
        self._at_start = True
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """Yield the events that this chunk completes.

        Raises:
            ResponseTooLarge: A line or an event is over the cap.
        """
        self._buffer += chunk
        begin = 0
        while found := _END.search(self._buffer, max(begin, self._scanned)):
            end = found.start()
            if self._after_cr and end == begin and self._buffer[end] == ord("\n"):
                self._after_cr = False  # the second half of a CRLF
            else:
                self._after_cr = self._buffer[end] == ord("\r")
                self._guard(end - begin)
                yield from self._line(bytes(self._buffer[begin:end]))
            begin = end + 1
        del self._buffer[:begin]
        self._scanned = len(self._buffer)
        self._guard(self._scanned)

    def flush(self) -> Iterator[SseEvent]:
        """Yield what the end of the input leaves: an event whose closing empty line is missing."""
        if self._buffer:
            rest = bytes(self._buffer)
            self._buffer.clear()
            self._scanned = 0
            yield from self._line(rest)
        yield from self._line(b"")

    def _guard(self, size: int) -> None:
        if size > self._cap:
            raise ResponseTooLarge(f"{self._where} sent an event of more than {self._cap} bytes")

    def _line(self, line: bytes) -> Iterator[SseEvent]:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                yield SseEvent(b"\n".join(self._data).decode("utf-8", "replace"), self._name or "message")
            self._data, self._size, self._name = [], 0, ""
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value)
            self._guard(self._size)
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
