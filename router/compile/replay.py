"""A log of calls, asked of two programs: how many of them are decided otherwise."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from router.compile.outcomes import NEW, OLD, Decision, Outcomes
from router.compile.recorded import BadLine, call_of, loaded
from router.core.frozen import dataclass
from router.core.options import CALL_OPTIONS, PARAMS
from router.table.difference import REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.compile.program import Program
    from router.core.dimension import Value

SHOWN_BAD = 5


@dataclass(frozen=True, slots=True)
class Move:
    """Calls of a log that left one decision for another."""

    before: Decision
    after: Decision
    calls: int

    def as_json(self) -> dict[str, object]:
        """Return it as `--format json` prints it."""
        return {
            "calls": self.calls,
            "before": {"rule": self.before.rule, "models": list(self.before.models)},
            "after": {"rule": self.after.rule, "models": list(self.after.models)},
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """How a log was decided on both sides.

    Attributes:
        calls: The calls that were understood.
        changed: How many of them meet other models, another order or other options.
        moves: The changed ones by what they left and what they meet, most calls first.
        bad: Lines that are no such call.
        examples: The first bad lines, each with its number and what is wrong.
    """

    calls: int
    changed: int
    moves: tuple[Move, ...]
    bad: int
    examples: tuple[tuple[int, str], ...]

    @property
    def share(self) -> float:
        """The part of the calls that changes, from 0 to 1."""
        return self.changed / self.calls if self.calls else 0.0

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints."""
        return {
            "calls": self.calls,
            "changed": self.changed,
            "share": self.share,
            "moves": [each.as_json() for each in self.moves],
            "bad": self.bad,
            "bad_lines": [{"line": number, "reason": reason} for number, reason in self.examples],
        }


def replay(old: Program, new: Program, lines: Iterable[bytes]) -> Replay:
    """Decide every call of a log on both sides.

    Args:
        old: The program before.
        new: The program after.
        lines: A JSON object each, whose `call` or `dimensions` maps dimensions to values, measured ones too; what is
            absent has its default. Other options of a call may stand there; `model` asks no rule. Empty lines are
            skipped.
    """
    deciding = _Deciding(old, new)
    calls = bad = 0
    moves: Counter[tuple[Decision, Decision]] = Counter()
    examples: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            move = deciding.move(call_of(loaded(line)))
        except BadLine as error:
            bad += 1
            if len(examples) < SHOWN_BAD:
                examples.append((number, str(error)))
            continue
        calls += 1
        if move is not None:
            moves[move] += 1
    told = tuple(Move(before, after, count) for (before, after), count in moves.most_common())
    return Replay(calls, moves.total(), told, bad, tuple(examples))


class _Deciding:
    """Both sides. A dimension that only one of them has is told to that one alone, as in a comparison of tables."""

    def __init__(self, old: Program, new: Program) -> None:
        self._sides = (old, new)
        self._outcomes = Outcomes(old, new)
        self._legal = {*old.dimensions, *new.dimensions, *PARAMS, *CALL_OPTIONS}

    def move(self, call: Mapping[str, object]) -> tuple[Decision, Decision] | None:
        """Return how a call is decided on both sides if that differs, else None.

        Raises:
            BadLine: It is no call of either side.
        """
        if not call.keys() <= self._legal:
            name = next(name for name in call if name not in self._legal)
            raise BadLine(f"`{str(name)[:40]}` is no dimension")
        values = [values_of(side, call) for side in self._sides]
        known = values[NEW] or values[OLD]
        if known is None:
            raise BadLine("a value of it is not legal on either side")
        if isinstance(call.get("model"), str):
            return self._named(str(call["model"]), str(known["task"]))
        before, after = (
            REFUSED if found is None else side.table.match(found)
            for side, found in zip(self._sides, values, strict=True)
        )
        if self._outcomes.same(before, after, str(known["task"])):
            return None
        return self._outcomes.decision(OLD, before), self._outcomes.decision(NEW, after)

    def _named(self, model: str, task: str) -> tuple[Decision, Decision] | None:
        has = [model in side.models for side in self._sides]
        if not any(has):
            raise BadLine(f"there is no model `{model[:40]}` on either side")
        if self._outcomes.same_named(model, task):
            return None
        chains = (
            (model, *side.models[model].failover) if known else ()
            for side, known in zip(self._sides, has, strict=True)
        )
        before, after = (Decision(None, chain, refused=not chain) for chain in chains)
        return before, after


def values_of(program: Program, call: Mapping[str, object]) -> dict[str, Value] | None:
    """Return a value for every dimension, or None where the call has one that is not legal."""
    found: dict[str, Value] = {}
    for name, dimension in program.dimensions.items():
        value = call.get(name, dimension.default)
        kind = dimension.kind  # as `accepts` does, for hundreds of thousands of calls
        if kind == "words":
            good = value in dimension.values
        elif kind == "boolean":
            good = value is True or value is False
        else:
            good = dimension.accepts(value) and value >= dimension.least  # type: ignore[operator]
        if not good:
            return None
        found[name] = value  # type: ignore[assignment]  # `accepts` has looked
    return found
