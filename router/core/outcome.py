"""What a scripted endpoint does with one request, as a file or a test writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from router.core.errors import AllAttemptsFailed, ConnectFailed
from router.core.frozen import dataclass

Action = Literal["answer", "cut", "silence", "status", "fail"]

ERRORS: dict[str, type[AllAttemptsFailed]] = {cls.kind: cls for cls in AllAttemptsFailed.__subclasses__()}
WORDS: dict[str, Action] = {"ok": "answer", "cut": "cut", "timeout": "silence"}
STEP_WORDS = (*WORDS, "refused", *sorted(ERRORS))
_STATUS = re.compile(r"([0-9]{3})(?:\s+retry-after=([0-9]{1,6}(?:\.[0-9]{1,3})?))?\Z")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to one request.

    Attributes:
        action: `answer` it, `cut` the answer in the middle, keep `silence` until the caller leaves, refuse
            with an HTTP `status`, or `fail` with an error.
        text: The answer to give; None means the default one.
        status: The HTTP status of a refusal.
        retry_after: Seconds the refusal asks to wait, or None.
        error: The class of the error to fail with.
    """

    action: Action = "answer"
    text: str | None = None
    status: int | None = None
    retry_after: float | None = None
    error: type[AllAttemptsFailed] | None = None


def parse_outcome(step: object) -> Outcome:
    """Return what a written step means.

    Args:
        step: `ok`, `cut`, `timeout`, `refused`, an HTTP status from 300 to 599 with an optional
            `retry-after=SECONDS`, an error kind in snake_case, or a mapping `{say: TEXT}`.

    Raises:
        ValueError: It is none of these; the text tells what may be written.
    """
    if isinstance(step, Outcome):
        return step
    if isinstance(step, Mapping):
        return _parse_mapping(step)
    if isinstance(step, bool) or not isinstance(step, str | int):
        raise ValueError(f"a step is a word, a status or {{say: TEXT}}, not {type(step).__name__}")  # noqa: TRY004 - one error for all
    word = str(step).strip()
    if word in WORDS:
        return Outcome(WORDS[word])
    if word == "refused":
        return Outcome("fail", error=ConnectFailed)
    if word in ERRORS:
        return Outcome("fail", error=ERRORS[word])
    return _parse_status(word)


def _parse_mapping(step: Mapping[object, object]) -> Outcome:
    text = step.get("say")
    if set(step) != {"say"} or not isinstance(text, str):
        raise ValueError("a step that is a mapping has one key: {say: TEXT}")
    return Outcome(text=text)


def _parse_status(word: str) -> Outcome:
    found = _STATUS.match(word)
    if not found or not 300 <= int(found[1]) <= 599:  # noqa: PLR2004
        raise ValueError(
            f"{word!r} is no outcome: write ok, cut, timeout, refused, a status from 300 to 599 (429 retry-after=2),"
            f" {{say: TEXT}}, or a kind of error: {', '.join(sorted(ERRORS))}"
        )
    return Outcome("status", status=int(found[1]), retry_after=float(found[2]) if found[2] else None)
