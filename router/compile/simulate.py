"""Recorded calls put to a configuration, or to two: what they would meet, cost and take; nothing is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from router.compile.collector import collector_paused
from router.compile.fate import Fate, Tally, met
from router.compile.recorded import BadLine, answers, recorded
from router.compile.replay import SHOWN_BAD, Move
from router.compile.side import GOLDEN, Side
from router.compile.spread import Spread
from router.core.form import FORMAT_VERSION
from router.core.frozen import dataclass
from router.core.options import CALL_OPTIONS, PARAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from router.compile.program import Program
    from router.compile.recorded import Place, Recorded

WAITING = (
    10_000  # calls that are put in order at once: they are written when they end, budgets see when they begin
)
MOST_MOVES = 100_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What became of a log.

    Attributes:
        calls: The calls that were understood.
        began: When the first began, in seconds since 1970; None where no line tells.
        until: When the last began.
        recorded: What they met in fact; None where no line tells.
        before: What they would meet in the configuration to compare with; None without one.
        after: What they would meet.
        changed: How many are decided otherwise than before, or than in fact; None where nothing can be compared.
        elsewhere: How many are answered by another deployment, or no longer, or now.
        moves: The changed ones by what they left and what they meet, most calls first.
        unknown: Dimensions of the log that the configuration does not have.
        bad: Lines that are no calls.
        examples: The first bad lines, each with its number and what is wrong.
    """

    calls: int
    began: float | None
    until: float | None
    recorded: Tally | None
    before: Tally | None
    after: Tally
    changed: int | None
    elsewhere: int
    moves: tuple[Move, ...]
    unknown: tuple[str, ...]
    bad: int
    examples: tuple[tuple[int, str], ...]

    @property
    def share(self) -> float | None:
        """The part of the calls that is decided otherwise, from 0 to 1."""
        if self.changed is None:
            return None
        return self.changed / self.calls if self.calls else 0.0

    @property
    def against(self) -> Tally | None:
        """What `after` is compared with."""
        return self.before or self.recorded

    def as_json(self) -> dict[str, object]:
        """Return the object that `--format json` prints."""
        return {
            "format_version": FORMAT_VERSION,
            "calls": self.calls,
            "from": self.began,
            "until": self.until,
            "changed": self.changed,
            "share": self.share,
            "answered_elsewhere": None if self.changed is None else self.elsewhere,
            "moves": [each.as_json() for each in self.moves],
            "recorded": None if self.recorded is None else self.recorded.as_json(),
            "before": None if self.before is None else self.before.as_json(),
            "after": self.after.as_json(),
            "unknown_dimensions": list(self.unknown),
            "bad": self.bad,
            "bad_lines": [{"line": number, "reason": reason} for number, reason in self.examples],
        }


@collector_paused()
def simulate(new: Program, old: Program | None, lines: Callable[[], Iterable[bytes]]) -> Simulation:
    """Put every call of a log to a configuration.

    Args:
        new: The configuration.
        old: One to compare with; without it the log's own facts are.
        lines: Returns the lines of the log from the first on; they are read twice. Empty ones are skipped.
    """
    return _Simulating(new, old, times(lines())).simulation(lines())


def times(lines: Iterable[bytes]) -> dict[Place, Spread]:
    """Return how long the answers of each deployment took."""
    found: dict[Place, Spread] = {}
    for line in lines:
        if b'"attempts"' not in line:
            continue
        try:
            for place, seconds in answers(line):
                found.setdefault(place, Spread()).add(seconds)
        except BadLine:
            continue
    return found


class _Simulating:
    """One replay; all its state is its own."""

    def __init__(self, new: Program, old: Program | None, spreads: dict[Place, Spread]) -> None:
        comparing = old is not None
        self._new = Side(new, spreads, comparing=comparing)
        self._old = Side(old, spreads, comparing=comparing) if old is not None else None
        self._recorded, self._before, self._after = Tally(), Tally(), Tally()
        self._moves: Counter[tuple[object, ...]] = Counter()
        self._shown: dict[tuple[object, ...], Move] = {}
        self._changed = self._elsewhere = self._calls = self._bad = 0
        self._examples: list[tuple[int, str]] = []
        self._legal = {*new.dimensions, *(old.dimensions if old is not None else ()), *PARAMS, *CALL_OPTIONS}
        self._unknown: dict[str, None] = {}
        self._span: tuple[float, float] | None = None

    def simulation(self, lines: Iterable[bytes]) -> Simulation:
        """Return what became of every call."""
        calls = self._read(lines)
        if self._new.books or (self._old is not None and self._old.books):
            calls = in_order(calls)
        for call in calls:
            self._take(call)
        told = self._recorded.calls > 0
        comparable = told or self._old is not None or not self._calls
        moves = [replace(self._shown[key], calls=count) for key, count in self._moves.most_common()]
        return Simulation(
            self._calls,
            self._span[0] if self._span is not None else None,
            self._span[1] if self._span is not None else None,
            self._recorded if told else None,
            self._before if self._old is not None else None,
            self._after,
            self._changed if comparable else None,
            self._elsewhere,
            tuple(moves),
            tuple(self._unknown),
            self._bad,
            tuple(self._examples),
        )

    def _read(self, lines: Iterable[bytes]) -> Iterator[Recorded]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                call = recorded(line)
            except BadLine as error:
                self._bad += 1
                if len(self._examples) < SHOWN_BAD:
                    self._examples.append((number, str(error)))
                continue
            # Shares come out right for a log that does not tell what drew its splits.
            yield call if call.draw is not None else call._replace(draw=number * GOLDEN % 1.0)

    def _take(self, call: Recorded) -> None:
        self._calls += 1
        if not call.call.keys() <= self._legal:
            self._unknown.update(dict.fromkeys(sorted(call.call.keys() - self._legal)))
        if call.began:
            low, high = self._span or (call.began, call.began)
            self._span = min(low, call.began), max(high, call.began)
        after = self._new.fate(call)
        self._after.add(after)
        before: Fate | None = None
        if call.chain is not None:
            fact = met(call)
            self._recorded.add(fact)
            before = fact
        if self._old is not None:
            before = self._old.fate(call)
            self._before.add(before)
        if before is not None:
            self._compare(before, after)

    def _compare(self, before: Fate, after: Fate) -> None:
        self._elsewhere += (before.place, before.outcome) != (after.place, after.outcome)
        if after.decided_as(before):
            return
        self._changed += 1
        key = (
            before.rule,
            before.chain,
            before.refused,
            after.rule,
            after.chain,
            after.refused,
            before.options == after.options,
        )
        if key not in self._shown:
            if len(self._shown) >= MOST_MOVES:
                return
            first, then = before.decision(places=False), after.decision(places=False)
            if first.models == then.models and before.chain != after.chain:
                first, then = before.decision(places=True), after.decision(places=True)
            self._shown[key] = Move(first, then, 0)
        self._moves[key] += 1


def in_order(calls: Iterable[Recorded]) -> Iterator[Recorded]:
    """Yield calls by when they began, as far as some thousands that were written one after the other allow."""
    waiting: list[tuple[float, int, Recorded]] = []
    for number, call in enumerate(calls):
        heappush(waiting, (call.began, number, call))
        if len(waiting) > WAITING:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]
