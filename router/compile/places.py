"""Two programs, and what differs in their endpoints, models and prices, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from router.compile.altered import altered, fields_of
from router.compile.options import before_rules
from router.compile.worst import dollars
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from router.compile.altered import Parts
    from router.compile.program import Deployment, Model, Program
    from router.core.usage import Price
    from router.policy.residency import HomePolicy, ResidentModel


HOUSING = ("memory", "when_full", "strategy", "max_wait", "idle_unload")


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
    yield from came_and_went("endpoint", old.endpoints, new.endpoints)
    for name in sorted(old.endpoints.keys() & new.endpoints.keys()):
        changed = list(dict.fromkeys(altered(_endpoint(old, new, name))))
        if changed:
            yield f"endpoint `{name}` changed: {', '.join(changed)}"
    yield from came_and_went("model", old.models, new.models)
    for name in sorted(old.models.keys() & new.models.keys()):
        was, now = _served(old, name), _served(new, name)
        if was != now:
            yield f"model `{name}` is served otherwise: {was} -> {now}"
        could, can = _capabilities(old, name), _capabilities(new, name)
        if could != can:
            yield f"model `{name}` has other capabilities: {could} -> {can}"
        changed = list(dict.fromkeys(altered(_model(old, new, name))))
        if changed:
            yield f"model `{name}` changed: {', '.join(changed)}"


def came_and_went(what: str, old: Collection[str], new: Collection[str]) -> Iterator[str]:
    """Yield a line for each name that came or went."""
    yield from (f"{what} `{name}` is new" for name in new if name not in old)
    yield from (f"{what} `{name}` is gone" for name in old if name not in new)


def _endpoint(old: Program, new: Program, name: str) -> Parts:
    """Yield what may differ in an endpoint: what is sent there, and what may be in memory there."""
    before, after = old.endpoints[name], new.endpoints[name]
    yield from fields_of(before, after, "settings")
    for key in {**before.settings, **after.settings}:
        usual = True if key == "verify" else None
        yield key, before.settings.get(key, usual), after.settings.get(key, usual)
    was, now = _home(old, name), _home(new, name)
    was, now = was or _bare(now), now or _bare(was)
    for key in HOUSING if was is not None else ():
        yield key, getattr(was, key), getattr(now, key)


def _home(program: Program, endpoint: str) -> HomePolicy | None:
    return program.residency.homes.get(endpoint) if program.residency is not None else None


def _bare(home: HomePolicy | None) -> HomePolicy | None:
    """Return what holds at an endpoint that nothing is declared of, beside one where something is."""
    return replace(home, memory=None, idle_unload=None) if home is not None else None


def _model(old: Program, new: Program, name: str) -> Parts:
    """Yield what may differ in a model, wherever it is served."""
    before, after = old.models[name], new.models[name]
    if max(len(before.deployments), len(after.deployments)) > 1:
        yield "balance", before.balance, after.balance
    yield "failover", before.failover, after.failover
    yield from _options(old, before, after)
    yield "truncate", before.truncate, after.truncate
    for option in {**before.clamps, **after.clamps}:
        yield f"clamp of {option}", _bounds(before, option), _bounds(after, option)
    for side in ("before", "after"):
        was, now = ([(each.name, each.options) for each in getattr(model, side)] for model in (before, after))
        yield side, was, now
    places = {each.endpoint.name: each for each in after.deployments}
    for each in before.deployments:
        if each.endpoint.name in places:
            yield from _resident(old, new, each, places[each.endpoint.name])


def _options(old: Program, before: Model, after: Model) -> Parts:
    """Yield the options that differ, temperatures of tasks apart: they are the file's."""
    tasks = [task for task in before.params if task in after.params]
    was, now = ([before_rules(each, old.temperatures, task) for task in tasks] for each in (before, after))
    for option in dict.fromkeys(name for params in (*was, *now) for name in params):
        every = {(str(one.get(option)), str(other.get(option))) for one, other in zip(was, now, strict=True)}
        one, other = (params[0].get(option) for params in (was, now))
        if len(every) == 1:
            yield option, one, other
        else:
            yield option, [params.get(option) for params in was], [params.get(option) for params in now]
    yield "extra", before.extra, after.extra


def _bounds(model: Model, option: str) -> str | None:
    """Return the bounds of an option as a file writes them."""
    clamp = model.clamps.get(option)
    if clamp is None:
        return None
    if clamp.low is None:
        return f"<= {clamp.high:g}"
    return f">= {clamp.low:g}" if clamp.high is None else f"{clamp.low:g}..{clamp.high:g}"


def _resident(old: Program, new: Program, before: Deployment, after: Deployment) -> Parts:
    """Yield what may differ in what is done with a model in memory."""
    was, now = _housed(old, before), _housed(new, after)
    if was is not None and now is not None:
        for key in ("memory", "pin", "evict_cost"):
            yield key, getattr(was, key), getattr(now, key)
    yield "preload", was is not None and was.preload, now is not None and now.preload


def _housed(program: Program, deployment: Deployment) -> ResidentModel | None:
    residency = program.residency
    at = residency.models.get(deployment.endpoint.name, {}) if residency is not None else {}
    return at.get(deployment.id)


def _served(program: Program, name: str) -> str:
    model = program.models[name]
    shared = model.balance == "weighted" and len(model.deployments) > 1
    return ", ".join(
        f"{each.endpoint.name} as {each.id}"
        + (f" ({each.context} tokens)" if each.context else "")
        + (f" with weight {each.weight}" if shared else "")
        for each in model.deployments
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
    if price.per_hour is not None:
        return f"${dollars(price.per_hour)} an hour"
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
        **({"per_hour": dollars(price.per_hour)} if price.per_hour is not None else {}),
    }
