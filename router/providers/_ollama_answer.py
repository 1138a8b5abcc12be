"""Answers of Ollama's own chat interface, streamed as lines of JSON or whole, as events. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.core.errors import MalformedResponse, ResponseTooLarge, StreamInterrupted
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.usage import Usage
from router.providers._errors import error_in_answer
from router.providers._json import UNREADABLE, parse, text_or_empty
from router.providers._json_api import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.events import Delta
    from router.core.messages import FinishReason
    from router.providers._source import Source

LINE_CAP = 1024 * 1024


class LineParser:
    """Turns chunks of bytes into lines, however the bytes are cut; empty ones vanish.

    Args:
        where: How error messages name the endpoint.
        cap: Bytes that one line may have.
    """

    # Mutable: the beginning of the next line; one reader owns it.

    def __init__(self, where: str = "the endpoint", cap: int = LINE_CAP) -> None:
        self._where = where
        self._cap = cap
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that this chunk completes.

        Raises:
            ResponseTooLarge: A line is over the cap.
        """
        searched = len(self._rest)
        self._rest += chunk
        begin = 0
        while (end := self._rest.find(b"\n", max(begin, searched))) >= 0:
            self._guard(end - begin)
            yield from self._line(bytes(self._rest[begin:end]))
            begin = end + 1
        del self._rest[:begin]
        self._guard(len(self._rest))

    def flush(self) -> Iterator[bytes]:
        """Yield what the end of the input leaves: a line that nothing ends."""
        rest = bytes(self._rest)
        self._rest.clear()
        yield from self._line(rest)

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line := line.strip():
            yield line

    def _guard(self, size: int) -> None:
        if size > self._cap:
            raise ResponseTooLarge(f"{self._where} sent a line of more than {self._cap} bytes")


class OllamaDecoder:
    """Takes in the objects of one answer and tells when it is over.

    Args:
        source: Who answers, for messages.
        image: Whether the request carried an image.
        calls: Tool calls of the conversation so far: those of the answer are numbered after them.
    """

    # Mutable: what has been seen so far; one attempt owns it.

    def __init__(self, source: Source, *, image: bool = False, calls: int = 0) -> None:
        self._source = source
        self._image = image
        self._calls_before = calls
        self._calls = 0
        self._reason = ""
        self._usage: Usage | None = None
        self._model = ""
        self._over = False
        self._full = False

    @property
    def finished(self) -> bool:
        """Whether the reason of the end is known; the usage comes with it."""
        return self._over

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self._over

    def feed_event(self, text: str | bytes) -> list[Delta | Garbled]:
        """Take in a line of a stream; one that cannot be read does not end an answer that has begun.

        Raises:
            CallFailed: It is an error, or cannot be read and nothing came before it.
        """
        try:
            return [*self.feed_text(text)]
        except MalformedResponse as error:
            if not self._full:
                raise
            return [Garbled(str(error))]

    def feed_whole(self, text: str | bytes) -> list[Delta]:
        """Take in the JSON of an answer that comes in one piece.

        Raises:
            CallFailed: It is an error, or cannot be read.
        """
        return self.feed_text(text)

    def feed_text(self, text: str | bytes) -> list[Delta]:
        """Take in the JSON of a line.

        Raises:
            CallFailed: It is an error, or cannot be read.
        """
        where = self._source.where
        found = parse(text)
        if found is UNREADABLE:
            raise MalformedResponse(f"{where} sent something that is not JSON")
        if isinstance(found, Mapping) and found.get("error"):
            raise error_in_answer(self._source, unwrapped(found["error"]), has_image=self._image)
        if not isinstance(found, Mapping) or not isinstance(found.get("message", {}), Mapping):
            raise MalformedResponse(f"{where} sent an answer that is not of Ollama's form")
        deltas = self._deltas(found.get("message") or {})
        self._model = self._model or text_or_empty(found.get("model"))
        self._full = self._full or bool(deltas)
        if found.get("done") is True:
            self._over = True
            self._reason = text_or_empty(found.get("done_reason"))
            self._usage = _count(found)
        return deltas

    def end(self) -> Done:
        """Return the closing event.

        Raises:
            StreamInterrupted: The end came too early.
            MalformedResponse: The answer is empty.
        """
        where = self._source.where
        if not self._over:
            raise StreamInterrupted(f"{where} ended in the middle of its answer")
        if not self._full:
            raise MalformedResponse(f"{where} gave an empty answer")
        reason: FinishReason = "length" if self._reason == "length" else "stop"
        return Done("tool_calls" if reason == "stop" and self._calls else reason, self._usage, self._model)

    def _deltas(self, said: Mapping[str, object]) -> list[Delta]:
        deltas: list[Delta] = []
        thinking, text = text_or_empty(said.get("thinking")), text_or_empty(said.get("content"))
        if thinking:
            deltas.append(ReasoningDelta(thinking))
        if text:
            deltas.append(TextDelta(text))
        calls = said.get("tool_calls") or ()
        if not isinstance(calls, list | tuple):
            raise MalformedResponse(f"{self._source.where} sent tool calls that are not of Ollama's form")
        return [*deltas, *map(self._call, calls)]

    def _call(self, call: object) -> ToolCallDelta:
        """Return a call, which always comes whole; its number is its place in the answer, whatever the server says."""
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(call, Mapping) or not isinstance(function, Mapping):
            raise MalformedResponse(f"{self._source.where} sent a tool call that is not of Ollama's form")
        number = self._calls
        self._calls += 1
        arguments = function.get("arguments")
        shown = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
        known = text_or_empty(call.get("id")) or f"call_{self._calls_before + number}"
        return ToolCallDelta(number, known, text_or_empty(function.get("name")), shown)


def unwrapped(error: object) -> object:
    """Return an error as its first author wrote it: Ollama puts the JSON of its engine into the text of its own."""
    inner = parsed(error) if isinstance(error, str) else None
    found = inner.get("error") if isinstance(inner, Mapping) else None
    return found or error


def _count(found: Mapping[str, object]) -> Usage | None:
    """Return the usage, or None: versions that reuse a prompt leave its count out."""
    given, made = found.get("prompt_eval_count"), found.get("eval_count")
    if not isinstance(given, int) or given <= 0:
        return None
    return Usage(given, made if isinstance(made, int) and made > 0 else 0)
