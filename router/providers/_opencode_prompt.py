"""What OpenCode is asked: one system text and one user text, for it takes no history. No I/O."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from router.core.errors import UnsupportedFeature
from router.core.messages import shows_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.core.messages import Message
    from router.core.request import Request

SCENE = ("system", "developer")
SO_FAR = "This is the conversation so far:"
NEXT = "This is the next message. Answer it, and only it:"
GO_ON = "Give the assistant's next message, and nothing else."


def prompt_of(request: Request, where: str) -> tuple[str, str]:
    """Return the system text, "" for none, and the text of the one user message.

    One message of a user is sent as it is. A longer conversation is written down turn by turn, each under its
    speaker, and the last message of the user follows it.

    Args:
        request: What is asked.
        where: How messages name the endpoint.

    Raises:
        UnsupportedFeature: It needs more than text: tools, an image, or an answer of a form; or the assistant's
            own last words are to be continued.
    """
    _refuse_more_than_text(request, where)
    leading = list(takewhile(lambda message: message.role in SCENE, request.messages))
    turns = request.messages[len(leading) :]
    system = "\n\n".join(message.text for message in leading)
    if not turns:
        return "", system
    last = turns[-1]
    if last.role == "assistant":
        raise UnsupportedFeature(
            f"{where} (OpenCode) takes only messages of the user: it cannot continue one of the assistant"
        )
    if len(turns) == 1 and last.role == "user":
        return system, last.text
    if last.role == "user":
        return system, "\n\n".join((SO_FAR, *_written(turns[:-1]), NEXT, last.text))
    return system, "\n\n".join((SO_FAR, *_written(turns), GO_ON))


def _refuse_more_than_text(request: Request, where: str) -> None:
    answer = (request.response_format or {}).get("type", "text")
    images = shows_image(request.messages)
    needs = {"tools": bool(request.tools), "images": images, "an answer of a form": answer != "text"}
    missing = [name for name, needed in needs.items() if needed]
    if missing:
        raise UnsupportedFeature(
            f"{where} (OpenCode) takes text only: it cannot take {' and '.join(missing)}"
        )


def _written(turns: Sequence[Message]) -> Iterator[str]:
    for turn in turns:
        speaker = {"tool": "Answer of a tool"}.get(turn.role, turn.role.capitalize())
        words = [turn.text] if turn.text else []
        words += [f"[calls the tool {call.name} with {call.arguments}]" for call in turn.tool_calls]
        yield f"[{speaker}]\n" + "\n".join(words)
