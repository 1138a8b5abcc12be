"""Server-sent events out of bytes, however the bytes are cut."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.core.errors import ResponseTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINE_CAP = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_END = re.compile(rb"[\r\n]")
_CR, _LF = 13, 10
_BEGIN, _EMPTY_LINE = b"data: ", b"\n\n"
_BETWEEN = _EMPTY_LINE + _BEGIN


class SseParser:
    """Turns chunks of bytes into the data of events; comments, names and events without data vanish.

    Most events are one `data` line and an empty one, and most chunks end with an event: those are cut at the empty
    lines. Everything else goes line by line.

    Args:
        where: How error messages name the endpoint.
        cap: Bytes that one line, and all data of one event, may have.
    """

    # Mutable: the buffer and the event in the making; one reader owns them.

    def __init__(self, where: str = "the endpoint", cap: int = LINE_CAP) -> None:
        self._where = where
        self._cap = cap
        self._buffer = bytearray()
        self._scanned = 0  # bytes of the buffer without what ends a line, or an event
        self._by_lines = True  # which of the two
        self._after_cr = False
        self._at_start = True
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Return the data of the events that this chunk completes, its lines joined by newlines; take all of it.

        Iterating raises:
            ResponseTooLarge: A line or an event is over the cap.
        """
        if self._at_start:
            self._buffer += chunk
            if len(self._buffer) < len(_BOM):
                return ()
            chunk = bytes(self._buffer).removeprefix(_BOM)
            self._buffer.clear()
            self._at_start = False
        between = not (self._after_cr or self._data)
        if between and len(chunk) <= self._cap and _CR not in chunk:
            return self._feed_plain(chunk) or self._feed_events(chunk)
        self._buffer += chunk
        return self._feed_lines()

    def _feed_plain(self, chunk: bytes) -> list[bytes]:
        """Take in a chunk of nothing but whole events of one `data` line each, and return their data.

        Where there is anything else to it, nothing is taken in and returned.
        """
        if self._buffer or not (chunk.startswith(_BEGIN) and chunk.endswith(_EMPTY_LINE)):
            return []
        found = chunk[6:-2].split(_BETWEEN)
        return found if chunk.count(b"\n") == 2 * len(found) else []

    def _feed_events(self, chunk: bytes) -> Iterator[bytes]:
        """Take in a chunk without a CR; the buffer begins with an event, and has no event's end."""
        if self._buffer:
            self._buffer += chunk
            end = self._buffer.rfind(_EMPTY_LINE, max(self._scanned - 1, 0)) + 2
            if end < len(_EMPTY_LINE):
                blocks = []
            else:
                blocks = bytes(self._buffer[: end - 2]).split(_EMPTY_LINE)
                del self._buffer[:end]
        else:
            *blocks, rest = chunk.split(_EMPTY_LINE)
            self._buffer += rest
        for block in blocks:
            if block.startswith(b"data:") and _LF not in block and len(block) <= self._cap:
                yield block[6 if block[5:6] == b" " else 5 :]
            else:
                for line in block.split(b"\n"):
                    self._guard(len(line))
                    yield from self._line(line)
                yield from self._line(b"")
        self._scanned, self._by_lines = len(self._buffer), False
        if self._scanned > self._cap:
            yield from self._feed_lines()

    def _feed_lines(self) -> Iterator[bytes]:
        """Take in every complete line of the buffer."""
        if not self._by_lines:
            self._scanned, self._by_lines = 0, True
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

    def flush(self) -> Iterator[bytes]:
        """Yield what the end of the input leaves: an event whose closing empty line is missing."""
        if self._buffer:
            rest = bytes(self._buffer)
            self._buffer.clear()
            self._scanned = 0
            for line in rest.split(b"\n"):
                self._guard(len(line))
                yield from self._line(line)
        yield from self._line(b"")

    def _guard(self, size: int) -> None:
        if size > self._cap:
            raise ResponseTooLarge(f"{self._where} sent an event of more than {self._cap} bytes")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data:
                yield b"\n".join(self._data)
            self._data, self._size = [], 0
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value)
            self._guard(self._size)
            self._data.append(value)
