"""Which messages are left out of a conversation that is too long: whole turns, never the scene, never the question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from router.core.tokens import estimate

if TYPE_CHECKING:
    from router.core.messages import Message

Drop = Literal["oldest", "middle"]
SETTING = ("system", "developer")


def shortened(messages: tuple[Message, ...], room: int, drop: Drop) -> tuple[Message, ...]:
    """Return a conversation of at most so many estimated tokens, or the shortest there is.

    What stays: every system message, and the last turn, which begins with the last user message. The other turns
    go one by one until the rest fits. A turn is a user message with all that follows it, so that a tool's result
    never stays without its call.

    Args:
        messages: The conversation.
        room: Tokens that it may have.
        drop: `oldest`: the first turn goes first; `middle`: the turn in the middle, so that both ends stay.
    """
    left = [each for each in _turns(messages) if each]
    sizes = [estimate(messages[index] for index in turn) for turn in left]
    scenes = estimate(each for each in messages if each.role in SETTING)
    total = scenes + sum(sizes)
    while total > room and len(left) > 1:
        # The last one stays, so the middle is the middle of those before it.
        out = 0 if drop == "oldest" else (len(left) - 1) // 2
        total -= sizes.pop(out)
        del left[out]
    kept = {index for turn in left for index in turn}
    return tuple(each for index, each in enumerate(messages) if index in kept or each.role in SETTING)


def _turns(messages: tuple[Message, ...]) -> list[list[int]]:
    """Return the indices of each turn's messages; what precedes the first user message is a turn too."""
    turns: list[list[int]] = [[]]
    for index, message in enumerate(messages):
        if message.role in SETTING:
            continue
        if message.role == "user" and not (turns[-1] and _all_users(messages, turns[-1])):
            turns.append([])
        turns[-1].append(index)
    return turns


def _all_users(messages: tuple[Message, ...], turn: list[int]) -> bool:
    return all(messages[index].role == "user" for index in turn)
