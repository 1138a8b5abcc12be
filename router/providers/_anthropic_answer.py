"""Answers of Anthropic's messages API, streamed or whole, as events. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.core.errors import ContentFiltered, MalformedResponse, StreamInterrupted
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.usage import Usage
from router.providers._errors import error_in_answer
from router.providers._json import UNREADABLE, parse, text_or_empty, whole

if TYPE_CHECKING:
    from router.core.events import Delta
    from router.core.messages import FinishReason
    from router.providers._source import Source

FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
COUNTED = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
# What a `ping` says: the endpoint has nothing to add yet, and is not stuck.
ALIVE = TextDelta("")


class MessageDecoder:
    """Takes in the events of one answer, or the whole of it, and tells when it is over.

    Args:
        source: Who answers, for messages.
        image: Whether the request carried an image.
    """

    # Mutable: what has been seen so far; one attempt owns it. `_tools` gives the number of the tool call that a
    # block is, `_silent` the blocks of which no argument has come.

    def __init__(self, source: Source, *, image: bool = False) -> None:
        self._source = source
        self._image = image
        self._finish: str | None = None
        self._counts: dict[str, int] = {}
        self._model = ""
        self._ended = False
        self._full = False
        self._tools: dict[object, int] = {}
        self._silent: set[object] = set()

    @property
    def finished(self) -> bool:
        """Whether the reason of the end is known."""
        return self._finish is not None

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self._ended

    def feed_text(self, text: str | bytes) -> list[Delta]:
        """Take in the data of one event.

        Raises:
            CallFailed: It is an error, or no JSON.
        """
        payload = parse(text)
        if payload is UNREADABLE:
            raise MalformedResponse(f"{self._source.where} sent something that is not JSON")
        deltas = self._event(self._object(payload, "event"))
        self._full = self._full or any(each is not ALIVE for each in deltas)
        return deltas

    def feed_event(self, text: str | bytes) -> list[Delta | Garbled]:
        """Take in the data of one event of a stream; one that cannot be read does not end an answer that has begun.

        Raises:
            CallFailed: It is an error, or cannot be read and nothing came before it.
        """
        try:
            return [*self.feed_text(text)]
        except MalformedResponse as error:
            if self.finished:
                return []  # all is said
            if not self._full:
                raise
            return [Garbled(str(error))]

    def feed_whole(self, text: str | bytes) -> list[Delta]:
        """Take in the JSON of an answer that comes in one piece, with which it is over.

        Raises:
            CallFailed: It is an error, or no JSON.
        """
        payload = parse(text)
        if payload is UNREADABLE:
            raise MalformedResponse(f"{self._source.where} sent something that is not JSON")
        message = self._object(payload, "answer")
        self._fail_if_error(message)
        deltas: list[Delta] = []
        for index, item in enumerate(self._list(message.get("content"))):
            deltas += self._block(index, self._object(item, "content"))
            deltas += self._stop(index)
        self._take(message, message)
        self._full = bool(deltas)
        self._ended = True
        return deltas

    def end(self) -> Done:
        """Return the closing event.

        Raises:
            StreamInterrupted: The end came too early.
            ContentFiltered: The model refused to answer.
            MalformedResponse: The answer is empty.
        """
        where = self._source.where
        if not self._ended and self._finish is None:
            raise StreamInterrupted(f"{where} ended in the middle of its answer")
        reason = FINISH.get(self._finish or "end_turn", "stop")
        if reason == "content_filter":
            raise ContentFiltered(f"{where} withheld the answer: it refused")
        if not self._full:
            raise MalformedResponse(f"{where} gave an empty answer")
        return Done(reason, self._usage(), self._model)

    def _event(self, event: Mapping[str, object]) -> list[Delta]:
        self._fail_if_error(event)
        match event.get("type"):
            case "message_start":
                message = self._object(event.get("message"), "message")
                self._take(message, message)
            case "content_block_start":
                return self._block(
                    event.get("index"), self._object(event.get("content_block"), "content_block")
                )
            case "content_block_delta":
                return self._delta(event.get("index"), self._object(event.get("delta"), "delta"))
            case "content_block_stop":
                return self._stop(event.get("index"))
            case "message_delta":
                self._take(self._object(event.get("delta") or {}, "delta"), event)
            case "message_stop":
                self._ended = True
            case "ping":
                return [ALIVE]
            case _:
                pass  # further kinds of events may come with time
        return []

    def _fail_if_error(self, payload: Mapping[str, object]) -> None:
        if payload.get("type") == "error" or payload.get("error"):
            raise error_in_answer(
                self._source, payload.get("error") or "no reason given", has_image=self._image
            )

    def _take(self, message: Mapping[str, object], counted: Mapping[str, object]) -> None:
        """Take in what is said of the answer as a whole: its model, the reason of its end, its tokens so far."""
        self._model = self._model or text_or_empty(message.get("model"))
        self._finish = text_or_empty(message.get("stop_reason")) or self._finish
        usage = self._object(counted.get("usage") or {}, "usage")
        for name in COUNTED:
            if usage.get(name) is not None:
                self._counts[name] = whole(usage[name])

    def _block(self, index: object, block: Mapping[str, object]) -> list[Delta]:
        """Take in a block: all of it in an answer that comes whole, its head in a stream."""
        match block.get("type"):
            case "text":
                return self._said(TextDelta, block.get("text"))
            case "thinking":
                return self._said(ReasoningDelta, block.get("thinking"))
            case "tool_use":
                return self._call(index, block)
            case _:
                return []  # thoughts that are encrypted, and what tools of the endpoint's own do

    def _call(self, index: object, block: Mapping[str, object]) -> list[Delta]:
        number = self._tools.setdefault(self._key(index), len(self._tools))
        given = self._object(block.get("input") or {}, "input")
        if not given:
            self._silent.add(index)
        arguments = json.dumps(given, ensure_ascii=False) if given else ""
        call_id, name = text_or_empty(block.get("id")), text_or_empty(block.get("name"))
        return [ToolCallDelta(number, call_id, name, arguments)]

    def _delta(self, index: object, delta: Mapping[str, object]) -> list[Delta]:
        match delta.get("type"):
            case "text_delta":
                return self._said(TextDelta, delta.get("text"))
            case "thinking_delta":
                return self._said(ReasoningDelta, delta.get("thinking"))
            case "input_json_delta" if self._key(index) in self._tools:
                piece = self._text(delta.get("partial_json"))
                if not piece:
                    return []
                self._silent.discard(index)
                return [ToolCallDelta(self._tools[index], arguments=piece)]
            case _:
                return []  # signatures and citations

    def _stop(self, index: object) -> list[Delta]:
        """End a block: a call without arguments has an empty object of them."""
        if self._key(index) not in self._silent:
            return []
        self._silent.discard(index)
        return [ToolCallDelta(self._tools[index], arguments="{}")]

    def _said(self, kind: type[TextDelta | ReasoningDelta], value: object) -> list[Delta]:
        text = self._text(value)
        return [kind(text)] if text else []

    def _usage(self) -> Usage | None:
        """Return the tokens; those read from the cache or written to it are part of the input."""
        if not self._counts:
            return None
        given, written, read, made = (self._counts.get(name, 0) for name in COUNTED)
        return Usage(given + written + read, made, cached_input_tokens=read)

    def _key(self, index: object) -> object:
        if index is None or isinstance(index, int | str):
            return index
        raise self._malformed("index")

    def _text(self, value: object) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        raise self._malformed("text")

    def _list(self, value: object) -> list[object]:
        if value is None or isinstance(value, list):
            return value or []
        raise self._malformed("content")

    def _object(self, value: object, name: str) -> Mapping[str, object]:
        if isinstance(value, Mapping):
            return value
        raise self._malformed(name)

    def _malformed(self, name: str) -> MalformedResponse:
        return MalformedResponse(
            f"{self._source.where} sent an answer whose {name} is not of Anthropic's format"
        )
