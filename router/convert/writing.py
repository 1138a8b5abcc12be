"""Endpoints, models and rules as the text of a router.yaml, with comments that say where each came from."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from router.convert.groups import weights
from router.convert.quantities import seconds
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.convert.deployment import Deployment
    from router.convert.groups import Endpoint, Model
    from router.convert.old import Left

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./:@+-]*[A-Za-z0-9_./@+-])?\Z")
# Outside of brackets a reference needs no quotes.
_REFERENCE = re.compile(r"\$\{env:\w+\}[\w./:-]*\Z", re.ASCII)
# What older readers of YAML take for something else.
_OTHERWISE = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
ABILITIES = ("tools", "images", "json")
LONGEST_REASON = 200


def text(value: str) -> str:
    """Return a text as YAML has it: plain where that is surely read as the same, else in quotes."""
    if _PLAIN.match(value) and value.casefold() not in _OTHERWISE:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\U{ord(char):08x}"


def flow(value: object) -> str:
    """Return a value on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{text(str(key))}: {flow(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int() | float() | Decimal() | Raw():
            return str(value)
        case _:
            return text(str(value))


class Raw(str):
    """A text that is YAML already: `30s`, `0.2`, `$3`."""

    __slots__ = ()


def endpoint_lines(endpoint: Endpoint) -> list[str]:
    """Return the lines of an endpoint, indented."""
    place = endpoint.place
    lines = ", ".join(dict.fromkeys(str(each.line) for each in endpoint.deployments))
    found: dict[str, object] = {"kind": place["kind"], "url": place.get("url"), "key": place.get("key")}
    if headers := place.get("headers"):
        found["headers"] = dict(headers)  # type: ignore[call-overload]
    if isinstance(limit := place.get("timeout"), Decimal):
        found["timeout"] = Raw(seconds(limit))
    found["concurrency"] = _sum(endpoint, "parallel", "max_parallel_requests")
    rates = {
        "requests_per_minute": _sum(endpoint, "requests", "rpm"),
        "tokens_per_minute": _sum(endpoint, "tokens", "tpm"),
    }
    found["limits"] = {name: rate for name, rate in rates.items() if rate}
    body = [f"    {name}: {_value(value)}" for name, value in found.items() if value]
    where = "line" if "," not in lines else "lines"
    return [f"  {text(endpoint.name)}:  # {where} {lines}", *body]


def _value(value: object) -> str:
    """Return the value of a key that stands on a line of its own."""
    return value if isinstance(value, str) and _REFERENCE.match(value) else flow(value)


def _sum(endpoint: Endpoint, name: str, theirs: str) -> int | None:
    """Return a limit of all deployments at an endpoint together; one that only some have is none."""
    values: list[int | None] = [getattr(each, name) for each in endpoint.deployments]
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        return sum(known)
    for each, value in zip(endpoint.deployments, values, strict=True):
        if value:
            each.keys.leave(theirs, f"others at the endpoint `{endpoint.name}` have no such limit")
    return None


def model_lines(model: Model) -> list[str]:
    """Return the lines of a model, indented."""
    places = model.places
    first = next(iter(places))
    shared: dict[str, object] = {}
    own: dict[str, dict[str, object]] = {endpoint: {} for endpoint in places}
    for name in ("id", "context", "price"):
        values = {endpoint: _facts(each, model.name)[name] for endpoint, each in places.items()}
        if all(value == values[first] for value in values.values()):
            shared[name] = values[first]
        else:
            for endpoint, value in values.items():
                if value:
                    # A model's `id` is its own name unless a place says otherwise.
                    own[endpoint][name] = value
    if model.balance == "weighted":
        for endpoint, weight in weights(model).items():
            own[endpoint]["weight"] = weight
    at = [f"    at: {text(first)}"]
    if len(places) > 1:
        at = ["    at:", *(f"      {text(name)}: {flow(each)}" for name, each in own.items())]
    rest = {"balance": model.balance, **shared, **_abilities(places), "options": _options(places)}
    rest["failover"] = model.failover
    body = [f"    {name}: {flow(value)}" for name, value in rest.items() if value]
    return [f"  {text(model.name)}:  # {model.about}", *at, *body, *_suggested(places)]


def _facts(each: Deployment, model: str) -> dict[str, object]:
    """Return what a place may say for itself."""
    return {
        "id": None if each.id == model else each.id,
        "context": each.context,
        "price": {name: Raw(amount) for name, amount in each.price.items()} or None,
    }


def _abilities(places: Mapping[str, Deployment]) -> dict[str, object]:
    """Return the list of abilities, where the old file says all of them: such a list is complete."""
    flags = [each.flags for each in places.values()]
    if all(len(each) == len(ABILITIES) for each in flags) and all(each == flags[0] for each in flags):
        return {"capabilities": [name for name in ABILITIES if flags[0][name]] or Raw("[]")}
    return {}


def _suggested(places: Mapping[str, Deployment]) -> list[str]:
    if _abilities(places):
        return []
    flags = [each.flags for each in places.values() if each.flags]
    if not flags:
        return []
    said = [name for name in ABILITIES if all(each.get(name) for each in flags)]
    return [f"    # capabilities: {flow(said)}  # as far as the old file says; a list must be complete"]


def _options(places: Mapping[str, Deployment]) -> dict[str, object]:
    """Return the options that all deployments of a model share; others are told as left."""
    all_options = [
        {**each.options, **{f"extra.{name}": value for name, value in each.extra.items()}}
        for each in places.values()
    ]
    common = {
        name: value
        for name, value in all_options[0].items()
        if all(name in other and other[name] == value for other in all_options)
    }
    for each, options in zip(places.values(), all_options, strict=True):
        for name in options:
            if name not in common:
                why = "the deployments of a model share its options; give this one a name of its own"
                each.keys.leave(name.removeprefix("extra."), why)
    found: dict[str, object] = {
        name: Raw(value) if name in ("temperature", "top_p") else value
        for name, value in common.items()
        if not name.startswith("extra.")
    }
    extra = {
        name.removeprefix("extra."): value for name, value in common.items() if name.startswith("extra.")
    }
    return {**found, "extra": extra} if extra else found


def rule_lines(names: list[str], chains: Mapping[str, list[str]]) -> list[str]:
    """Return the rules: a table of the groups, and the first one for every other call."""
    lines = ["rules:"]
    if len(names) > 1:
        lines += ["  - name: groups  # each with its fallbacks", "    matrix: [group, use]", "    rows:"]
        lines += [f"      - [{text(name)}, {_use(name, chains)}]" for name in names[1:]]
    lines += ["  - name: otherwise", f"    use: {_use(names[0], chains)}"]
    return lines


def _use(name: str, chains: Mapping[str, list[str]]) -> str:
    chain = [name, *chains[name]]
    return flow(chain) if len(chain) > 1 else text(name)


def left_lines(left: Iterable[Left]) -> list[str]:
    """Return what is not carried over, as comments."""
    return [
        f"#   {printable(each.path)} (line {each.line}): {printable(each.why, LONGEST_REASON)}"
        for each in left
    ]
