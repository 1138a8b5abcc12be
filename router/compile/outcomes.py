"""What each of two programs does with a call, so that both can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.options import file_params
from router.core.frozen import dataclass
from router.table.difference import REFUSED
from router.table.graph import GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.compile.extremes import Worst
    from router.compile.program import Program, Route
    from router.policy.split import Split

OLD, NEW = 0, 1


@dataclass(frozen=True, slots=True)
class Decision:
    """What one side does with a call: its rule, None for none, and its models in order; or that it refuses it.

    Attributes:
        rule: The rule that decides, or None.
        models: The models in order, splits in words.
        refused: Whether a value of the call is not legal there.
        worst: The worst of such calls; None where it is not asked for or no model is.
        why: Why it is refused, where it is not for a value.
    """

    rule: str | None
    models: tuple[str, ...]
    refused: bool = False
    worst: Worst | None = None
    why: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it."""
        shown: dict[str, object] = {
            "rule": self.rule,
            "models": list(self.models),
            "refused": self.refused,
        }
        return {**shown, **(self.worst.as_json() if self.worst else {"worst_time": None, "worst_cost": None})}


class Outcomes:
    """Outcomes of both sides. `_known` remembers them, for the same pair is asked for again and again."""

    def __init__(self, old: Program, new: Program) -> None:
        self.sides = (old, new)
        self._known: dict[tuple[int, int, str | None], object] = {}

    def same(self, before: int, after: int, task: str | None) -> bool:
        """Return whether an old and a new rule (or GAP, or REFUSED) let a call of a task meet the same."""
        return self._outcome(OLD, before, task) == self._outcome(NEW, after, task)

    def same_named(self, model: str, task: str) -> bool:
        """Return whether a call that names its model meets the same."""
        found = []
        for program in self.sides:
            uses = (model, *program.models[model].failover) if model in program.models else ()
            found.append(_routed(program, program.direct, uses, task))
        return found[OLD] == found[NEW]

    def decision(self, side: int, rule: int, worst: Worst | None = None) -> Decision:
        """Return what a side does with the calls of one of its rules, or of GAP or REFUSED."""
        if rule in (GAP, REFUSED):
            return Decision(None, (), refused=rule == REFUSED)
        route = self.sides[side].routes[rule]
        models = tuple(use if isinstance(use, str) else use.in_words for use in route.uses)
        return Decision(route.name, models, worst=worst)

    def _outcome(self, side: int, rule: int, task: str | None) -> object:
        key = (side, rule, task)
        found = self._known.get(key)
        if found is None:
            program = self.sides[side]
            route = program.routes[rule] if rule >= 0 else None
            found = self._known[key] = rule if route is None else _routed(program, route, route.uses, task)
        return found


def _routed(
    program: Program, route: Route, uses: Sequence[str | Split], task: str | None
) -> tuple[object, ...]:
    """Return what a call meets: each model in order, and the options it is sent."""
    names = [
        name for use in uses for name in ([use] if isinstance(use, str) else [each for each, _ in use.shares])
    ]
    return (tuple(uses), tuple(sent(program, route, name, task) for name in dict.fromkeys(names)))


def sent(program: Program, route: Route, name: str, task: str | None) -> tuple[object, ...]:
    """Return what one model of a call is sent, apart from what the call itself says."""
    model = program.models[name]
    params = file_params(model, route, task)
    return (name, tuple(sorted(params.items())), repr({**model.extra, **route.extra}))
