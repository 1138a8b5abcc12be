"""Answers in the OpenAI chat format as nearly all of them are, read at once into what they are made of. No I/O.

What has another form is no less valid: whoever reads every form is asked about it.
"""

from __future__ import annotations

from typing import Annotated, Any

from router.core.usage import Usage

try:
    import msgspec
except ImportError:

    def usual(text: str | bytes) -> tuple[Usual, Choice, Said] | None:
        """Return None: nothing reads it at once."""
        del text
        return None

else:
    Number = Annotated[int, msgspec.Meta(ge=0)] | None

    class Details(msgspec.Struct, gc=False):
        """Which of the tokens were something apart."""

        cached_tokens: Number = None
        reasoning_tokens: Number = None

    class Counts(msgspec.Struct, gc=False):
        """How many tokens there were."""

        prompt_tokens: Number = None
        completion_tokens: Number = None
        prompt_cache_hit_tokens: Number = None
        prompt_tokens_details: Details | None = None
        completion_tokens_details: Details | None = None
        cost: Any = None

        def usage(self) -> Usage:
            """Return them as the port counts them."""
            prompt, completion = self.prompt_tokens_details, self.completion_tokens_details
            cached = (prompt.cached_tokens if prompt else 0) or self.prompt_cache_hit_tokens
            reasoned = completion.reasoning_tokens if completion else 0
            return Usage(self.prompt_tokens or 0, self.completion_tokens or 0, cached or 0, reasoned or 0)

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
        usage: Counts | None = None
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
        if found.usage is not None and found.usage.prompt_tokens is None:
            return None  # it may be empty
        delta, message = choice.delta, choice.message
        if delta is None:
            return None if message is None else (found, choice, message)
        return (found, choice, delta) if message is None else None
