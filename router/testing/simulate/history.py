"""What happened in a simulation, as the world and the callers know it, and what the router told of it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.core.observer import CallRecord, Notice
    from router.core.record import AttemptRecord
    from router.testing.simulate.callers import Booked, Seen
    from router.testing.simulate.setting import Place, Setting, Upstream
    from router.testing.simulate.world import Hit

SLACK = 0.05
EXACT = 1e-6
BOOKED = ("user", "model", "endpoint", "outcome")


class Notes:
    """An observer that writes everything down."""

    def __init__(self) -> None:
        self.calls: dict[int, list[CallRecord]] = {}
        self.attempts: dict[str, list[AttemptRecord]] = {}
        self.notices: list[Notice] = []

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:
        """Take in one attempt of a call."""
        self.attempts.setdefault(request_id, []).append(record)

    def call_ended(self, record: CallRecord) -> None:
        """Take in one call."""
        self.calls.setdefault(int(str(record.tags["call"])), []).append(record)

    def noticed(self, notice: Notice) -> None:
        """Take in something beside the calls."""
        self.notices.append(notice)


@dataclass(slots=True)
class History:
    """One simulation, over; times in seconds of the loop.

    Attributes:
        seed: What it was made from.
        setting: The configuration.
        seen: Every call as its caller saw it, by number.
        hits: Every request as the world saw it.
        notes: What the router told.
        start: Seconds since 1970 at which the loop began.
        books: What the router has in its books in the end: by what `BOOKED` names.
        healed: When all endpoints were well again and all callers of the storm gone.
        left_over: Tasks that still ran after the router was closed.
    """

    seed: int
    setting: Setting
    seen: list[Seen]
    hits: list[Hit]
    notes: Notes
    start: float
    books: Sequence[Booked]
    healed: float = 0.0
    left_over: list[str] = field(default_factory=list)
    _by_call: dict[int, list[Hit]] = field(default_factory=dict)
    _by_text: dict[str, Hit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for hit in self.hits:
            self._by_call.setdefault(hit.call, []).append(hit)
            if hit.told == "ok" and hit.said:
                self._by_text[hit.text] = hit

    def source(self, text: str) -> Hit | None:
        """Return the request that was answered with a text, whole and well."""
        return self._by_text.get(text)

    def of(self, seen: Seen) -> list[Hit]:
        """Return the requests of a call, in the order of their arrival."""
        return self._by_call.get(seen.ask.number, [])

    def record(self, seen: Seen) -> CallRecord | None:
        """Return what the router told of a call."""
        told = self.notes.calls.get(seen.ask.number, [])
        return told[0] if told else None

    def upstream(self, hit: Hit) -> Upstream:
        """Return where a request arrived."""
        return self.setting.upstreams[hit.endpoint]

    def place(self, hit: Hit) -> Place:
        """Return what a request asked for."""
        return next(
            place
            for places in self.setting.models.values()
            for place in places
            if (place.endpoint, place.id) == (hit.endpoint, hit.id)
        )

    def key(self, hit: Hit) -> str | None:
        """Return the credential of a request."""
        keys = self.upstream(hit).keys
        return keys[hit.key] if keys else None

    def pairs(self, seen: Seen) -> Iterator[tuple[AttemptRecord, Hit | None]]:
        """Return what the router told of each attempt of a call, with the request that it was."""
        record = self.record(seen)
        left = list(self.of(seen))
        for attempt in record.attempts if record is not None else ():
            found = next((hit for hit in left if self._same(attempt, hit, seen)), None)
            if found is not None:
                left.remove(found)
            yield attempt, found

    def _same(self, attempt: AttemptRecord, hit: Hit, seen: Seen) -> bool:
        place = self.place(hit)
        at = seen.started + attempt.at_ms / 1000
        there = (place.model, place.endpoint) == (attempt.model, attempt.endpoint)
        return attempt.sent and there and abs(at - hit.arrived) < EXACT

    def deadline(self, seen: Seen) -> float:
        """Return when a call's time is over."""
        return seen.started + seen.ask.seconds(self.setting)
