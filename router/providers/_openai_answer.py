"""Answers in the OpenAI chat format, streamed or whole, as events. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from router.core.errors import ContentFiltered, MalformedResponse, StreamInterrupted
from router.core.events import Done, Garbled, ReasoningDelta, TextDelta, ToolCallDelta
from router.core.messages import shows_image
from router.core.usage import Usage
from router.providers._errors import error_in_answer
from router.providers._json import UNREADABLE, amount, parse, text_or_empty, whole
from router.providers._openai_usual import usual

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from router.core.errors import CallFailed
    from router.core.events import Delta
    from router.core.messages import FinishReason
    from router.core.request import Request
    from router.providers._openai_usual import Choice, Said, Usual
    from router.providers._source import Source

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
# Reasons that say the answer broke off: of OpenRouter and Mistral, DeepSeek, vLLM.
BROKEN = frozenset({"error", "insufficient_system_resource", "abort"})


class AnswerDecoder:
    """Takes in the objects of one answer, streamed or whole, and tells when it is over.

    Args:
        source: Who answers, for messages.
        request: What was asked, which messages never show.
        tells_cost: Whether its `usage` says what the answer cost, in dollars.
    """

    # Mutable: what has been seen so far; one attempt owns it.

    __slots__ = (
        "_called",
        "_cost",
        "_finish",
        "_full",
        "_model",
        "_request",
        "_source",
        "_tells_cost",
        "_usage",
        "finished",
        "over",
    )

    def __init__(self, source: Source, request: Request | None = None, *, tells_cost: bool = False) -> None:
        self._source = source
        self._request = request
        self._tells_cost = tells_cost
        self._cost: Decimal | None = None
        self.finished = False  # the reason of the end is known; only the usage may still come
        self._finish: str | None = None
        self._usage: Usage | None = None
        self._model = ""
        self.over = False  # nothing more can come
        self._full = False
        self._called = False

    def feed_text(self, text: str | bytes) -> list[Delta]:
        """Take in the data of one event: JSON, or `[DONE]`.

        Raises:
            CallFailed: It is an error, or no JSON.
        """
        found = usual(text)
        return self._take(*found) if found is not None else self._feed_rare(text)

    def feed_event(self, text: str | bytes) -> list[Delta | Garbled]:
        """Take in the data of one event of a stream; one that cannot be read does not end an answer that has begun.

        Raises:
            CallFailed: It is an error, or cannot be read and nothing came before it.
        """
        try:
            found = usual(text)
            return self._take(*found) if found is not None else self._feed_rare(text)  # type: ignore[return-value]
        except MalformedResponse as error:
            if self.finished:
                return []  # all is said; only the usage is lost
            if not self._full:
                raise
            return [Garbled(str(error))]

    def _feed_rare(self, text: str | bytes) -> list[Delta]:
        """Take in what is not of the usual form."""
        if text.strip() in (b"[DONE]", "[DONE]"):
            self.over = True
            return []
        payload = parse(text)
        if payload is UNREADABLE:
            raise MalformedResponse(f"{self._source.where} sent something that is not JSON")
        return self.feed(payload)

    def feed_whole(self, text: str | bytes) -> list[Delta]:
        """Take in the JSON of an answer that comes in one piece, with which it is over.

        Raises:
            CallFailed: It is an error, or no JSON.
        """
        found = usual(text)
        deltas = self._take(*found) if found is not None else self._feed_rare(text)
        self.over = True
        return deltas

    def feed(self, payload: object) -> list[Delta]:
        """Take in one object.

        Raises:
            CallFailed: It carries an error, or is not of the format.
        """
        if type(payload) is not dict:
            raise self._malformed("answer")
        chunk = payload
        if chunk.get("error") or chunk.get("object") == "error":  # vLLM does not nest it
            raise self._failed(chunk.get("error") or chunk)
        if not self._model:
            self._model = text_or_empty(chunk.get("model"))
        deltas: list[Delta] = []
        choices = chunk.get("choices")
        for choice in choices if type(choices) is list else self._list(choices, "choices"):
            if type(choice) is not dict:
                raise self._malformed("choice")
            if not choice.get("index"):
                deltas += self._choice(choice)
        if chunk.get("usage"):
            usage = self._object(chunk["usage"], "usage")
            self._count(self._usage_of(usage), usage.get("cost"))
        self._full = self._full or bool(deltas)
        return deltas

    def end(self) -> Done:
        """Return the closing event.

        Raises:
            StreamInterrupted: The end came too early.
            ContentFiltered: The answer was withheld.
            MalformedResponse: The answer is empty.
        """
        where = self._source.where
        if not self.over and self._finish is None:
            raise StreamInterrupted(f"{where} ended in the middle of its answer")
        if self._finish in BROKEN:
            raise StreamInterrupted(f"{where} broke its answer off: {self._finish}")
        reason = FINISH.get(self._finish or "stop", "stop")
        if reason == "content_filter":
            raise ContentFiltered(f"{where} withheld the answer: its content filter")
        if not self._full:
            raise MalformedResponse(f"{where} gave an empty answer")
        if reason == "stop" and self._called:
            reason = "tool_calls"
        return Done(reason, self._usage, self._model, cost=self._cost)

    def _take(self, chunk: Usual, choice: Choice, said: Said) -> list[Delta]:
        """Take in one object of the usual form."""
        if chunk.model and not self._model:
            self._model = chunk.model
        deltas: list[Delta] = []
        thought, text = said.reasoning_content or said.reasoning, said.content or said.refusal
        if thought:
            deltas.append(ReasoningDelta(thought))
        if text:
            deltas.append(TextDelta(text))
        if said.tool_calls is not None:
            self._calls(said.tool_calls, deltas)
        if choice.finish_reason is not None:
            self._finish, self.finished = choice.finish_reason, True
        if chunk.usage is not None:
            self._count(chunk.usage.usage(), chunk.usage.cost)
        if deltas:
            self._full = True
        return deltas

    def _choice(self, choice: Mapping[str, object]) -> list[Delta]:
        if choice.get("error"):
            raise self._failed(choice["error"])
        said = choice.get("delta") or choice.get("message") or {}
        if type(said) is not dict:
            raise self._malformed("message")
        deltas = self._deltas(said)
        reason = choice.get("finish_reason")
        if isinstance(reason, str):
            self._finish, self.finished = reason, True
        return deltas

    def _deltas(self, said: Mapping[str, object]) -> list[Delta]:
        deltas: list[Delta] = []
        thought = said.get("reasoning_content") or said.get("reasoning")
        if thought and (reasoning := self._text(thought)):
            deltas.append(ReasoningDelta(reasoning))
        content = said.get("content")
        text = content if type(content) is str else self._text(content)
        if text or (text := self._text(said.get("refusal"))):
            deltas.append(TextDelta(text))
        calls = said.get("tool_calls")
        if calls is not None:
            self._calls(calls, deltas)
        return deltas

    def _calls(self, calls: object, deltas: list[Delta]) -> None:
        for position, item in enumerate(self._list(calls, "tool_calls")):
            deltas.append(self._call(self._object(item, "tool call"), position))
            self._called = True

    def _call(self, call: Mapping[str, object], position: int) -> ToolCallDelta:
        function = self._object(call.get("function") or {}, "function")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments)
        index = call.get("index")
        return ToolCallDelta(
            index if isinstance(index, int) else position,
            text_or_empty(call.get("id")),
            text_or_empty(function.get("name")),
            self._text(arguments),
        )

    def _text(self, value: object) -> str:
        """Return a text, which some servers give as a list of parts."""
        if isinstance(value, list):
            return "".join(text_or_empty(part.get("text")) for part in value if isinstance(part, dict))
        if value is None or isinstance(value, str):
            return value or ""
        raise self._malformed("text")

    def _list(self, value: object, name: str) -> list[object]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._malformed(name)
        return value

    def _object(self, value: object, name: str) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self._malformed(name)
        return value

    def _malformed(self, name: str) -> MalformedResponse:
        return MalformedResponse(
            f"{self._source.where} sent an answer whose {name} is not of the OpenAI format"
        )

    def _failed(self, error: object) -> CallFailed:
        """Return the failure that an error inside the answer tells."""
        if self._request is None:
            return error_in_answer(self._source, error)
        source = self._source.asked(self._request.messages)
        return error_in_answer(source, error, has_image=shows_image(self._request.messages))

    def _usage_of(self, usage: Mapping[str, object]) -> Usage:
        prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
        cached = whole(self._object(prompt, "usage").get("cached_tokens")) if prompt else 0
        cached = cached or whole(
            usage.get("prompt_cache_hit_tokens")
        )  # DeepSeek has a field of its own beside
        reasoned = whole(self._object(completion, "usage").get("reasoning_tokens")) if completion else 0
        read, written = whole(usage.get("prompt_tokens")), whole(usage.get("completion_tokens"))
        return Usage(read, written, cached, reasoned)

    def _count(self, usage: Usage, cost: object) -> None:
        self._usage = usage
        self._cost = amount(cost) if self._tells_cost else None
        self.over = self.over or self.finished
