"""How an option gets its value, in one order for calls and for `explain`.

call > rule > temperature of the task > model > `temperatures.default` > family > left to the endpoint. A model's
`clamp` bounds what comes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from router.compile.program import Clamp, Model, Route, Written

TEMPERATURE = "temperature"
DEFAULT = "default"


def _layers(
    model: Model, temperatures: Mapping[str, Written], task: str | None
) -> list[Mapping[str, Written]]:
    """Return what the file says for a model and a task, each layer over the one before it."""
    default = temperatures.get(DEFAULT)
    by_task = temperatures.get(task) if task is not None else None
    return [
        model.family,
        {TEMPERATURE: default} if default is not None else {},
        model.options,
        {TEMPERATURE: by_task} if by_task is not None else {},
    ]


def before_rules(model: Model, temperatures: Mapping[str, Written], task: str | None) -> dict[str, object]:
    """Return the options that hold unless a rule or a call says otherwise."""
    return {name: each.value for layer in _layers(model, temperatures, task) for name, each in layer.items()}


def written(
    model: Model, temperatures: Mapping[str, Written], task: str | None, route: Route
) -> dict[str, Written]:
    """Return the same with the rule's laid over them, and where each was written."""
    found: dict[str, Written] = {}
    for layer in (*_layers(model, temperatures, task), route.options):
        found.update(layer)
    return found


def file_params(model: Model, route: Route, task: str | None) -> dict[str, object]:
    """Return the options of a call that says none itself."""
    return clamped({**model.params.get(task, model.params[None]), **route.params}, model.clamps)


def clamped(params: Mapping[str, object], clamps: Mapping[str, Clamp]) -> dict[str, object]:
    """Return options within their bounds; an option that nobody gives stays away."""
    return {**params, **{name: value for name, _, value in _outside(params, clamps)}}


def clamps_that_bite(params: Mapping[str, object], clamps: Mapping[str, Clamp]) -> Iterator[str]:
    """Yield in words what bounds change."""
    for name, asked, value in _outside(params, clamps):
        yield f"{name} {asked} became {value} (clamp)"


def _outside(
    params: Mapping[str, object], clamps: Mapping[str, Clamp]
) -> Iterator[tuple[str, object, object]]:
    for name, clamp in clamps.items():
        asked = params.get(name)
        if isinstance(asked, int | float):
            value = clamp.apply(asked)
            if value != asked:
                yield name, asked, value
