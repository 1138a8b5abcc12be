"""Tokens, prices and what they cost."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from router.core.frozen import dataclass

MILLION = Decimal(1_000_000)
HOUR = Decimal(3600)
NANO = Decimal("1e-9")
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `estimated` when the endpoint did not count them itself."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


NO_TOKENS = Usage()


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, or `per_hour` of the machine; a `cached_input` of None costs as much as `input`."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    per_hour: Decimal | None = None

    @property
    def free(self) -> bool:
        """Whether nothing costs anything."""
        return not (self.input or self.output or self.cached_input or self.per_hour)

    def cost(self, usage: Usage, seconds: float = 0.0) -> Decimal:
        """Return dollars, rounded once to a billionth.

        Args:
            usage: The tokens; cached ones are part of the input tokens.
            seconds: How long the attempt took, to the microsecond.
        """
        if self is FREE:
            return NOTHING
        tokens = usage.input_tokens * self.input + usage.output_tokens * self.output
        if usage.cached_input_tokens and self.cached_input is not None:
            cached = min(usage.cached_input_tokens, usage.input_tokens)
            tokens += cached * (self.cached_input - self.input)
        if self.per_hour is not None:
            tokens += self.per_hour * round(seconds * 10**6) / HOUR
        return tokens.scaleb(-6).quantize(NANO, ROUND_HALF_EVEN).normalize() + NOTHING


FREE = Price(NOTHING, NOTHING, NOTHING)


def to_nano(dollars: Decimal) -> int:
    """Return whole billionths of a dollar."""
    return int((dollars / NANO).to_integral_value(ROUND_HALF_EVEN))


def from_nano(nano: int) -> Decimal:
    """Return dollars for billionths of a dollar."""
    return Decimal(nano) * NANO
