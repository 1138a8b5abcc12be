"""What is done to a model's answers before they are handed on, and the processors of each model."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from router.core.errors import MalformedResponse, UnsupportedFeature
from router.core.events import ReasoningDelta, TextDelta
from router.core.frozen import dataclass
from router.core.processor import Thoughtful

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.compile.program import Model, Program
    from router.core.events import Collector, Delta, Done
    from router.core.messages import Message
    from router.core.processor import After, Before, Transformer
    from router.core.request import Request


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One model's processors.

    Attributes:
        model: Whose.
        before: What changes messages, in order, by name.
        after: What changes answers, in order, by name.
        mark: Equal for models whose messages and answers are changed in the same way.
    """

    model: Model
    before: tuple[tuple[str, Before], ...]
    after: tuple[tuple[str, After], ...]
    mark: str

    def messages(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return the messages as the model is to get them.

        Raises:
            UnsupportedFeature: A processor refuses them, or fails.
        """
        for name, apply in self.before:
            try:
                messages = tuple(apply(messages))
            except Exception as error:  # whatever it raises, this model cannot take the call
                why = _told(error)
                raise UnsupportedFeature(f"processor `{name}` of `{self.model.name}`: {why}") from error
            if not messages:
                raise UnsupportedFeature(f"processor `{name}` of `{self.model.name}` left no message")
        return messages

    def changes(self, request: Request) -> Changes | None:
        """Return what changes the answer to a request, or None where nothing does.

        Raises:
            UnsupportedFeature: A processor refuses the request, or fails.
        """
        stages = []
        for name, each in self.after:
            try:
                stage = each.begin(request)
            except Exception as error:  # whatever it raises, there will be no answer
                raise UnsupportedFeature(
                    f"processor `{name}` of `{self.model.name}`: {_told(error)}"
                ) from error
            if stage is not None:
                stages.append(Stage(name, stage, stage.thought if isinstance(stage, Thoughtful) else None))
        return Changes(self.model.name, stages) if stages else None


@dataclass(frozen=True, slots=True)
class Ready:
    """What is sent instead of the call's own.

    Attributes:
        messages: The messages.
        tokens: About how many tokens they have, tools included.
        notes: What was changed that the caller should know of.
        changes: What changes the answer, or None.
    """

    messages: tuple[Message, ...]
    tokens: int
    notes: tuple[str, ...]
    changes: Changes | None = None


class Written(Protocol):
    """An attempt, as far as its answer is read: see `router.runtime.attempt.Attempt`."""

    collector: Collector
    done: Done | None

    async def read(self) -> Delta | None:
        """Return the endpoint's next delta, or None after the last."""
        ...


class Stage(NamedTuple):
    """A processor at work on one answer: its name, what changes the text, and what tells of reasoning, if it does."""

    name: str
    text: Transformer
    thought: Callable[[], str] | None


class Changes:
    """One answer on its way through its model's processors. Its state: `_ready`, what is to be handed on; `_done`."""

    __slots__ = ("_done", "_model", "_ready", "_stages")

    def __init__(self, model: str, stages: list[Stage]) -> None:
        self._model = model
        self._stages = stages
        self._ready: deque[Delta] = deque()
        self._done: Done | None = None

    async def next(self, attempt: Written) -> Delta | None:
        """Return the next delta to hand on, or None after the last: only then the attempt is done.

        Raises:
            MalformedResponse: A processor refuses the answer, or fails, or leaves nothing of it.
        """
        while not self._ready:
            if self._done is not None:
                if attempt.collector.empty:
                    raise MalformedResponse(f"the processors of `{self._model}` left nothing of the answer")
                attempt.done = self._done
                return None
            delta = await attempt.read()
            # What the endpoint has ended is not handed on yet.
            self._done, attempt.done = attempt.done, None
            self._take(delta)
        delta = self._ready.popleft()
        attempt.collector.add(delta)
        return delta

    def _take(self, delta: Delta | None) -> None:
        """Take in a delta; None is the end."""
        if delta is not None and not isinstance(delta, TextDelta):
            self._ready.append(delta)
            return
        text = "" if delta is None else delta.text
        for name, stage, thinks in self._stages:
            try:
                changed = stage.feed(text) if text else ""
                text = changed + stage.end() if delta is None else changed
                thought = thinks() if thinks is not None else ""
            except Exception as error:  # whatever it raises, there is no answer
                raise MalformedResponse(f"processor `{name}` of `{self._model}`: {_told(error)}") from error
            if thought:
                self._ready.append(ReasoningDelta(thought))
        if text:
            self._ready.append(TextDelta(text))


def _told(error: Exception) -> str:
    """Return why a processor failed: a `ValueError` is meant to be read, any other may hold what it was working on."""
    return str(error) if isinstance(error, ValueError) else type(error).__name__


def pipelines(program: Program) -> dict[str, Pipeline]:
    """Return the processors of each model that has any, or whose options or prompts are bounded.

    Raises:
        ConfigError: One of them is of no use.
    """
    return {name: _pipeline(model) for name, model in program.models.items() if model.processed}


def _pipeline(model: Model) -> Pipeline:
    from router.processors import registry  # noqa: PLC0415 - most files name no processor

    uses = (*model.before, *model.after)
    return Pipeline(
        model,
        tuple((use.name, registry.before(use)) for use in model.before),
        tuple((use.name, registry.after(use)) for use in model.after),
        repr([(use.name, registry.version(use), sorted(use.options.items())) for use in uses])
        + model.truncate,
    )
