"""What calls for measuring came to: one run each, and the figures of a place over its runs."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.core.usage import NO_TOKENS, NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from router.core.usage import Usage

WARM_UP = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One call.

    Attributes:
        model: The model's name in the file.
        endpoint: The endpoint's name.
        prompt: The prompt's name.
        number: Which repetition it was, from 1; 0 is the warm-up.
        first: Seconds from sending to the first content, or None where none came.
        seconds: Seconds from sending to the end; waiting in a queue and loading the model are not in it.
        whole: Seconds of the whole call, with queue and loading.
        usage: Tokens used, as far as known.
        cost: Dollars, or None when a price is unknown.
        text: The answer.
        kind: The kind of failure (`rate_limited`), or None for an answer.
        error: What went wrong, or None.
    """

    model: str
    endpoint: str
    prompt: str
    number: int
    first: float | None = None
    seconds: float = 0.0
    whole: float = 0.0
    usage: Usage = NO_TOKENS
    cost: Decimal | None = NOTHING
    text: str = ""
    kind: str | None = None
    error: str | None = None

    @property
    def warm_up(self) -> bool:
        """Whether it only prepared the others and counts in no figure but the cost."""
        return self.number == WARM_UP


@dataclass(frozen=True, slots=True)
class Measured:
    """A model at one endpoint with its runs.

    Attributes:
        model: The model's name in the file.
        endpoint: The endpoint's name.
        kind: The endpoint's kind.
        locality: Whether a call to it stays on this machine.
        id: The name the endpoint knows.
        unavailable: Why it was not measured, or None.
        runs: Its calls in their order, the warm-up first.
        served: What its server says it really answers with, where that is one model under any name; else None.
    """

    model: str
    endpoint: str
    kind: str
    locality: str
    id: str
    unavailable: str | None = None
    runs: tuple[Run, ...] = ()
    served: str | None = None

    @property
    def answered(self) -> tuple[Run, ...]:
        """The runs that the figures are of."""
        return tuple(each for each in self.runs if not each.warm_up and each.error is None)

    @property
    def failed(self) -> tuple[Run, ...]:
        """The runs that failed, without the warm-up."""
        return tuple(each for each in self.runs if not each.warm_up and each.error is not None)

    @property
    def first(self) -> float | None:
        """Seconds to the first content: the median."""
        return _median(each.first for each in self.answered if each.first is not None)

    @property
    def seconds(self) -> float | None:
        """Seconds of a whole answer: the median."""
        return _median(each.seconds for each in self.answered)

    @property
    def rate(self) -> float | None:
        """Tokens of the answers per second that they took, waiting for their first content included."""
        seconds = sum(each.seconds for each in self.answered)
        return self.output_tokens / seconds if seconds > 0 else None

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompts that were answered."""
        return sum(each.usage.input_tokens for each in self.answered)

    @property
    def output_tokens(self) -> int:
        """Tokens of the answers."""
        return sum(each.usage.output_tokens for each in self.answered)

    @property
    def estimated(self) -> bool:
        """Whether some tokens are estimated: the endpoint did not count them."""
        return any(each.usage.estimated for each in self.answered)

    @property
    def cost(self) -> Decimal | None:
        """Dollars of all its calls, the warm-up too; None when a price is unknown."""
        found = [each.cost for each in self.runs]
        known = [each for each in found if each is not None]
        return sum(known, NOTHING) if len(known) == len(found) else None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a benchmark found.

    Attributes:
        began: When it began, in seconds since 1970.
        repeat: How often each prompt was asked.
        prompts: Their names.
        warm_up: Whether a call came before that is not counted.
        finished: Whether nothing is missing: it was not interrupted.
        measured: The places that were asked, the fastest first, those without an answer last.
        unavailable: The places that were not, in the file's order.
    """

    began: float
    repeat: int
    prompts: tuple[str, ...]
    warm_up: bool
    finished: bool
    measured: tuple[Measured, ...]
    unavailable: tuple[Measured, ...]


def fastest_first(places: Iterable[Measured]) -> tuple[Measured, ...]:
    """Return places by tokens per second; those without come last, each in the order given."""
    return tuple(sorted(places, key=lambda each: -(each.rate or 0.0)))


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None
