"""Answers of OpenCode: the events of a session while it works, and the message at its end. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from router.core.errors import ContentFiltered, ContextLength, MalformedResponse, StreamInterrupted
from router.core.events import Done, ReasoningDelta, TextDelta
from router.core.usage import NANO, Usage
from router.providers._json_api import parsed
from router.providers._opencode_errors import error_of_opencode, error_of_retry
from router.providers._source import ID_CAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.core.events import Event
    from router.core.messages import FinishReason
    from router.providers._source import Source

FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
EMPTY: Mapping[str, object] = {}
DEAREST = 10**6


class AnswerDecoder:
    """Takes in what one session says.

    Args:
        source: Who answers, for messages.
        session: Its id; events of other sessions are left out.
    """

    # Mutable: the kind and the text of each part, and what is known of the message so far; one attempt owns it.

    def __init__(self, source: Source, session: str) -> None:
        self._source = source
        self._session = session
        self._kinds: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._info: Mapping[str, object] = EMPTY
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the answer is complete although the server is still at it: it sums up what nobody will read."""
        return self._over

    def feed(self, text: bytes) -> Iterator[Event]:
        """Yield what one event of the server adds; one that cannot be read adds nothing, the message comes whole.

        Raises:
            CallFailed: The server waits to ask its provider again, which it would do for ever.
        """
        event = _object(parsed(text))
        told = _object(event.get("properties"))
        if self._over or told.get("sessionID") != self._session:
            return
        match event.get("type"):
            case "message.updated":
                info = _object(told.get("info"))
                self._info = info if info.get("role") == "assistant" else self._info
            case "message.part.updated":
                self._note_part(_object(told.get("part")))
            case "message.part.delta":
                yield from self._delta(str(told.get("partID")), told)
            case "session.status":
                self._refuse_retry(_object(told.get("status")))
            case _:
                pass

    def end(self, payload: object) -> Iterator[Event]:
        """Yield what the finished message has that no event told, and the closing event.

        Args:
            payload: The answer to the message that was posted: `info` and `parts`.

        Raises:
            CallFailed: It carries an error, is empty, or is none.
        """
        where = self._source.where
        message = _object(payload)
        info, parts = message.get("info"), message.get("parts")
        if not isinstance(info, Mapping) or not isinstance(parts, list):
            raise MalformedResponse(f"{where} sent an answer that is not of the OpenCode format")
        if info.get("error"):
            error = error_of_opencode(self._source, info["error"])
            error.upstream_id = error.upstream_id or self._id(info)
            raise error
        finish = str(info.get("finish") or "stop")
        if finish == "content-filter":
            raise ContentFiltered(f"{where} withheld the answer: its provider's content filter")
        if finish == "error":
            raise StreamInterrupted(f"{where} broke its answer off")
        for part in map(_object, parts):
            yield from self._rest(part)
        if not any(self._said.values()):
            raise MalformedResponse(f"{where} gave an empty answer")
        model = f"{info.get('providerID', '')}/{info.get('modelID', '')}".strip("/")
        yield Done(FINISH.get(finish, "stop"), _usage(info), model, self._id(info), _cost(info))

    def end_early(self) -> Iterator[Event]:
        """Yield the closing event of an answer that is `over`."""
        return self.end({"info": self._info, "parts": []})

    def _note_part(self, part: Mapping[str, object]) -> None:
        """Take note of a part; one that begins a summary comes after the answer, or instead of it."""
        kind = str(part.get("type"))
        self._kinds[str(part.get("id"))] = kind
        if kind != "compaction":
            return
        self._over = self._info.get("finish") in FINISH and any(self._said.values())
        if not self._over:
            raise ContextLength(f"{self._source.where} would sum the prompt up: it fills the context window")

    def _delta(self, part: str, told: Mapping[str, object]) -> Iterator[Event]:
        """Yield a piece of a part; of a part whose kind is not known yet the rest comes at the end."""
        piece = told.get("delta")
        if told.get("field") == "text" and isinstance(piece, str) and piece and part in self._kinds:
            yield from self._say(part, self._kinds[part], piece)

    def _rest(self, part: Mapping[str, object]) -> Iterator[Event]:
        """Yield what a finished part has beyond its pieces; the server cuts blanks off its ends."""
        key, text = str(part.get("id")), part.get("text")
        said = self._said.get(key, "")
        if isinstance(text, str) and text.startswith(said):
            yield from self._say(key, str(part.get("type")), text[len(said) :])

    def _say(self, part: str, kind: str, piece: str) -> Iterator[Event]:
        if piece and kind in {"text", "reasoning"}:
            self._said[part] = self._said.get(part, "") + piece
            yield TextDelta(piece) if kind == "text" else ReasoningDelta(piece)

    def _refuse_retry(self, status: Mapping[str, object]) -> None:
        if status.get("type") != "retry":
            return
        begun, again = _object(self._info.get("time")).get("created"), status.get("next")
        # Both times are the server's own: no clock of ours is compared with them.
        known = isinstance(begun, int | float) and isinstance(again, int | float)
        wait = (again - begun) / 1000 if known else None  # type: ignore[operator]
        raise error_of_retry(self._source, status, wait, begun=any(self._said.values()))

    def _id(self, info: Mapping[str, object]) -> str | None:
        found = info.get("id")
        return self._source.quote(found, ID_CAP) or None if isinstance(found, str) else None


def _usage(info: Mapping[str, object]) -> Usage | None:
    """Return the tokens; the server counts cached ones and those of reasoning beside the others, not among them."""
    tokens = info.get("tokens")
    if not isinstance(tokens, Mapping):
        return None
    cache = _object(tokens.get("cache"))
    read, written, reasoning = (
        _whole(cache.get("read")),
        _whole(cache.get("write")),
        _whole(tokens.get("reasoning")),
    )
    usage = Usage(
        input_tokens=_whole(tokens.get("input")) + read + written,
        output_tokens=_whole(tokens.get("output")) + reasoning,
        cached_input_tokens=read,
        reasoning_tokens=reasoning,
    )
    return usage if usage != Usage() else None  # a provider that counts nothing


def _cost(info: Mapping[str, object]) -> Decimal | None:
    """Return dollars; the server says 0 of a model whose price it does not know."""
    cost = info.get("cost")
    if not isinstance(cost, int | float) or not 0 < cost < DEAREST:
        return None
    return Decimal(str(cost)).quantize(NANO, ROUND_HALF_EVEN).normalize()


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else EMPTY


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 < value < 10**12 else 0
