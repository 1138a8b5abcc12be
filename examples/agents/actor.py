"""A small actor: context sources, talents and behaviours over an `LlmPort`, and nothing else of the router.

    python examples/agents/actor.py [router.yaml]

Which model answers, with which temperature, after which failovers: the file says it, the actor does not know.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from router import LlmPort, Message, RouterError, load_router

QUICKSTART = Path(__file__).parents[1] / "configs" / "quickstart.yaml"


@dataclass(frozen=True, slots=True)
class Goal:
    """What an actor is to do: a task in words, and the data it is about, if any."""

    task: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What a behaviour wants done: the actor decides nothing, whoever runs it does."""

    type: str
    data: Mapping[str, str]


ContextSource = Callable[[Goal], Awaitable[str]]
Plan = Callable[[LlmPort, Goal, str], Awaitable[Sequence[Action]]]


@dataclass(frozen=True, slots=True)
class Behavior:
    """A way to work towards a goal.

    Attributes:
        name: Its name.
        plan: Turns a goal and its context into actions, with the help of a model.
        mode: `active` ones work on every goal; `passive` ones only when they are asked for by name.
    """

    name: str
    plan: Plan
    mode: Literal["active", "passive"] = "active"


@dataclass(frozen=True, slots=True)
class Talent:
    """Behaviours that belong together."""

    name: str
    behaviors: Sequence[Behavior]


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone who pursues goals."""

    name: str
    llm: LlmPort
    talents: Sequence[Talent]
    context_sources: Sequence[ContextSource] = field(default=())

    async def pursue(self, goal: Goal, behavior: str | None = None) -> list[Action]:
        """Return the actions of all active behaviours, or of the one that is named.

        Raises:
            LookupError: No talent has a behaviour of that name.
            RouterError: A model call was malformed or got no answer.
        """
        known = [each for talent in self.talents for each in talent.behaviors]
        chosen = [each for each in known if each.name == behavior or (not behavior and each.mode == "active")]
        if behavior and not chosen:
            raise LookupError(f"{self.name} has no behaviour {behavior!r}")
        context = "\n".join([await source(goal) for source in self.context_sources])
        return [action for each in chosen for action in await each.plan(self.llm, goal, context)]


async def respond(llm: LlmPort, goal: Goal, context: str) -> Sequence[Action]:
    """Answer in a sentence or two; the rules see an ordinary chat call."""
    system = "\n".join(part for part in ("You are a helpful assistant.", context) if part)
    answer = await llm.complete([Message.system(system), Message.user(goal.task)], task="chat")
    return [Action("respond", {"message": answer.text})]


async def process_sensitive_data(llm: LlmPort, goal: Goal, context: str) -> Sequence[Action]:
    """Work on data that must stay here.

    The prompt asks for nothing of the kind: a model cannot keep a promise about the network. `data="private"`
    is what the file's rules decide by, and a router whose file does not know the word refuses the call.
    """
    words = "\n".join(part for part in (context, f"Data: {goal.data}", f"Task: {goal.task}") if part)
    messages = [Message.system("You process data carefully and answer briefly."), Message.user(words)]
    answer = await llm.complete(messages, data="private", temperature=0.2)
    return [Action("process-data", {"result": answer.text})]


CHAT = Talent("local-chat", [Behavior("respond", respond)])
PRIVACY = Talent(
    "private-processing", [Behavior("process-sensitive-data", process_sensitive_data, "passive")]
)


async def house_rules(_goal: Goal) -> str:
    """Return what the actor always knows; a real source would ask a database or a search index."""
    return "Answer in one sentence."


async def run(llm: LlmPort, *, private: bool) -> list[Action]:
    """Give an actor a goal, and a second one with private data where the file has rules for it."""
    talents = [CHAT, PRIVACY] if private else [CHAT]
    actor = Actor("LocalAssistant", llm, talents, [house_rules])
    actions = await actor.pursue(Goal("What is photosynthesis?"))
    if private:
        goal = Goal("Count the people.", data="Ada Lovelace; Alan Turing")
        actions += await actor.pursue(goal, behavior="process-sensitive-data")
    return actions


async def main(path: Path) -> None:
    """Load a file, run the actor, and print what it wants done."""
    async with load_router(path) as router:
        for action in await run(router, private="data" in router.dimensions):
            print(f"{action.type}: {', '.join(action.data.values())}")


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else QUICKSTART))
    except RouterError as error:
        sys.exit(str(error))
