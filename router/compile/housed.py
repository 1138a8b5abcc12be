"""What holds for the memory of a call's candidates, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.units import show_duration, show_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.compile.program import Deployment
    from router.policy.residency import HomePolicy, ResidencyPolicy, ResidentModel

FULL = {
    "evict": "when full, what was not used for longest goes",
    "wait": "when full, calls wait",
    "next": "when full, calls go to the next candidate",
}
FIRST = {
    "warm": "calls for loaded models go first, for {} at most",
    "spillover": "calls for other models go to candidates that can answer at once",
    "ordered": "calls go strictly by urgency and age",
}


def housed(policy: ResidencyPolicy, candidates: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """Yield what the file declares of the memory of these candidates, by its key."""
    homes = {
        each.endpoint.name: policy.homes[each.endpoint.name]
        for each in candidates
        if each.endpoint.name in policy.homes
    }
    if policy.machine is not None and any(each.local for each in homes.values()):
        yield "machine", f"{show_size(policy.machine)} for all local models"
    for name, home in homes.items():
        yield "memory", f"{name}: {_home(policy, home)}"
        for each in dict.fromkeys(each.id for each in candidates if each.endpoint.name == name):
            yield "memory", _model(policy.models[name][each])


def _home(policy: ResidencyPolicy, home: HomePolicy) -> str:
    parts = ["no limit of its own" if home.memory is None else f"{show_size(home.memory)} for its models"]
    if home.memory is not None or (policy.machine is not None and home.local):
        parts += [FULL[home.when_full], FIRST[home.strategy].format(show_duration(home.max_wait))]
    if home.idle_unload is not None:
        parts.append(f"unused ones go after {show_duration(home.idle_unload)}")
    return "; ".join(parts)


def _model(model: ResidentModel) -> str:
    size = "its size is computed or asked for" if model.memory is None else show_size(model.memory)
    words = [
        size,
        *(["pinned"] if model.pin else []),
        *(["loaded at the start"] if model.preload else []),
        *([f"evict_cost {model.evict_cost:g}"] if model.evict_cost != 1 else []),
    ]
    return f"{model.name.replace('`', '')}: {', '.join(words)}"
