"""Answers in the OpenAI chat format as nearly all of them are, read at once into what they are made of. No I/O.

What has another form is no less valid: whoever reads every form is asked about it.
"""

from __future__ import annotations

from typing import Any

try:
    import msgspec
except ImportError:

    def usual(text: str | bytes) -> tuple[Usual, Choice, Said] | None:
        """Return None: nothing reads it at once."""
        del text
        return None

else:

    class Said(msgspec.Struct, gc=False):
        """A message, or a piece of one."""

        content: str | None = None
        reasoning_content: str | None = None
        reasoning: str | None = None
        refusal: str | None = None
        tool_calls: Any = None

    class Choice(msgspec.Struct, gc=False):
        """What is answered; rarely there is more than one."""

        delta: Said | None = None
        message: Said | None = None
        finish_reason: str | None = None
        index: Any = None
        error: Any = None

    class Usual(msgspec.Struct, gc=False):
        """An answer, or an event of one."""

        choices: tuple[Choice]
        model: str | None = None
        usage: dict[str, Any] | None = None
        error: Any = None
        object: Any = None

    _decode = msgspec.json.Decoder(Usual).decode

    def usual(text: str | bytes) -> tuple[Usual, Choice, Said] | None:
        """Return an answer, its one choice and what that one says; None where it is not of the usual form."""
        try:
            found = _decode(text)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        (choice,) = found.choices
        if found.error or found.object == "error" or choice.index or choice.error:
            return None
        delta, message = choice.delta, choice.message
        if delta is None:
            return None if message is None else (found, choice, message)
        return (found, choice, delta) if message is None else None
