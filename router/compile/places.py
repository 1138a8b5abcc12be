"""Two programs, and what differs in their endpoints, models and prices, in words."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from router.compile.worst import dollars
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.compile.program import Program
    from router.core.usage import Price


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A deployment of both sides that costs otherwise; None is an unknown price."""

    model: str
    endpoint: str
    before: Price | None
    after: Price | None

    @property
    def in_words(self) -> str:
        """The change as a person reads it."""
        return (
            f"price of `{self.model}` at `{self.endpoint}`:"
            f" {_price_in_words(self.before)} -> {_price_in_words(self.after)}"
        )

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it: dollars per million tokens."""
        return {
            "model": self.model,
            "endpoint": self.endpoint,
            "before": _price_as_json(self.before),
            "after": _price_as_json(self.after),
        }


def places(old: Program, new: Program) -> Iterator[str]:
    """Yield a line for each endpoint or model that came, went or changed."""
    yield from _came_and_went("endpoint", old.endpoints, new.endpoints)
    for name in sorted(old.endpoints.keys() & new.endpoints.keys()):
        before, after = old.endpoints[name], new.endpoints[name]
        changed = [
            each.name for each in fields(before) if getattr(before, each.name) != getattr(after, each.name)
        ]
        if changed:
            yield f"endpoint `{name}` changed: {', '.join(changed)}"
    yield from _came_and_went("model", old.models, new.models)
    for name in sorted(old.models.keys() & new.models.keys()):
        was, now = _served(old, name), _served(new, name)
        if was != now:
            yield f"model `{name}` is served otherwise: {was} -> {now}"
        could, can = _capabilities(old, name), _capabilities(new, name)
        if could != can:
            yield f"model `{name}` has other capabilities: {could} -> {can}"


def _came_and_went(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{what} `{name}` is new" for name in new if name not in old)
    yield from (f"{what} `{name}` is gone" for name in old if name not in new)


def _served(program: Program, model: str) -> str:
    return ", ".join(
        f"{each.endpoint.name} as {each.id}" + (f" ({each.context} tokens)" if each.context else "")
        for each in program.models[model].deployments
    )


def _capabilities(program: Program, model: str) -> str:
    known = program.models[model].deployments[0].capabilities
    return "unknown" if known is None else ", ".join(sorted(known)) or "none"


def prices(old: Program, new: Program) -> Iterator[PriceChange]:
    """Yield each deployment of both sides that costs otherwise."""
    before = _prices(old)
    for place, price in _prices(new).items():
        if place in before and before[place] != price:
            yield PriceChange(*place, before[place], price)


def _prices(program: Program) -> dict[tuple[str, str], Price | None]:
    return {
        (each.model, each.endpoint.name): each.price
        for model in program.models.values()
        for each in model.deployments
    }


def _price_in_words(price: Price | None) -> str:
    if price is None:
        return "unknown"
    if not price.input and not price.output:
        return "free"
    cached = f", ${dollars(price.cached_input)} cached" if price.cached_input is not None else ""
    return f"${dollars(price.input)} in, ${dollars(price.output)} out{cached}"


def _price_as_json(price: Price | None) -> dict[str, str | None] | None:
    if price is None:
        return None
    return {
        "input": dollars(price.input),
        "output": dollars(price.output),
        "cached_input": dollars(price.cached_input),
    }
