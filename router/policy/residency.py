"""Which local models are in memory: whether one may be loaded, which go to make room, and who goes before whom.

It decides alone: sizes, times and who is in use are arguments; nothing is loaded or unloaded here.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass
from router.core.units import show_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WhenFull = Literal["evict", "wait", "next"]
Strategy = Literal["warm", "spillover", "ordered"]
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class HomePolicy:
    """What one endpoint may hold in memory, and for whom.

    Attributes:
        endpoint: Its name.
        memory: Bytes that its models may occupy together, or None for no limit.
        when_full: What happens to a call whose model does not fit: others go, it waits, or the next candidate is tried.
        strategy: Who goes first: calls for loaded models, or strictly by urgency and age; `spillover` sends a call
            whose model is not loaded to a candidate that can answer at once.
        max_wait: Seconds after which a call is no longer overtaken by calls for loaded models.
        idle_unload: Seconds without a call after which a model is unloaded, or None for never.
        load_timeout: Seconds that one may load.
        queue_max: Calls that may wait here.
        queue_timeout: Seconds that one may wait.
        local: Whether it counts against the machine's memory.
        here: Whether its models take this machine's real memory.
        told: Whether its kind always loads and unloads when told to; others are asked.
    """

    endpoint: str
    memory: int | None
    when_full: WhenFull
    strategy: Strategy
    max_wait: float
    idle_unload: float | None
    load_timeout: float
    queue_max: int
    queue_timeout: float
    local: bool
    here: bool
    told: bool


@dataclass(frozen=True, slots=True)
class ResidentModel:
    """A model at such an endpoint.

    Attributes:
        id: The name the endpoint knows.
        name: How messages call it.
        memory: Bytes it occupies as the file says, or None.
        context: Tokens of the window it is loaded with, or None for the endpoint's own choice.
        pin: Whether it is never evicted.
        evict_cost: How dear evicting it is; its time without a call is divided by this.
        preload: Whether it is loaded before its first call.
    """

    id: str
    name: str
    memory: int | None
    context: int | None
    pin: bool
    evict_cost: float
    preload: bool

    @property
    def stays(self) -> bool:
        """Whether it is kept although nobody calls it."""
        return self.pin or self.preload


@dataclass(frozen=True, slots=True)
class ResidencyPolicy:
    """All of it.

    Attributes:
        machine: Bytes that all local models may occupy together, or None for no limit.
        homes: The endpoints whose models are watched, by name.
        models: Their models, by endpoint and id, in the file's order.
    """

    machine: int | None
    homes: Mapping[str, HomePolicy]
    models: Mapping[str, Mapping[str, ResidentModel]]

    def holds_apart(self, home: HomePolicy) -> int:
        """Return the bytes of the machine that an endpoint's models take when nobody can unload them there."""
        known = sum(each.memory or 0 for each in self.models.get(home.endpoint, {}).values())
        return known if home.memory is None else min(known, home.memory)


@dataclass(frozen=True, slots=True)
class Held:
    """A model that is in memory.

    Attributes:
        key: Tells it from all others.
        memory: Bytes it occupies.
        idle: Seconds since it was last used; None while it is in use.
        pin: Whether it is never evicted.
        evict_cost: What its idle time is divided by.
    """

    key: Key
    memory: int
    idle: float | None
    pin: bool = False
    evict_cost: float = 1.0

    @property
    def evictable(self) -> bool:
        """Whether it may go now."""
        return self.idle is not None and not self.pin

    @property
    def staleness(self) -> float:
        """How readily it goes: the longer unused and the cheaper, the sooner."""
        return (self.idle or 0.0) / self.evict_cost if self.evict_cost else inf


@dataclass(frozen=True, slots=True)
class Room:
    """A limit that a model has to fit under.

    Attributes:
        name: Whose, for messages.
        limit: Bytes in all.
        need: Bytes that the model takes of it.
        held: The models that take the others.
        taken: Bytes taken by what is not ours to unload.
        firm: Whether the limit stays as it is; what is really free of a machine comes and goes.
    """

    name: str
    limit: int
    need: int
    held: tuple[Held, ...] = ()
    taken: int = 0
    firm: bool = True

    @property
    def short(self) -> int:
        """Bytes that are missing, 0 or less when it fits."""
        return self.need + self.taken + sum(each.memory for each in self.held) - self.limit


@dataclass(frozen=True, slots=True)
class Admit:
    """It fits: load it."""


@dataclass(frozen=True, slots=True)
class Evict:
    """Unload these, then load it."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """It will fit once others are no longer in use, or gone."""

    why: str


@dataclass(frozen=True, slots=True)
class Next:
    """It does not fit now, and is not to be waited for."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """It can never fit."""

    why: str


Decision = Admit | Evict | Wait | Next | Never


def decide(rooms: Sequence[Room], when_full: WhenFull) -> Decision:
    """Return what to do about a model that is to be loaded.

    Args:
        rooms: The limits it has to fit under.
        when_full: What the file wants where it does not.
    """
    for room in rooms:
        why = _never(room)
        if why is not None:
            return Never(why)
    tight = [room for room in rooms if room.short > 0]
    if not tight:
        return Admit()
    why = "; ".join(_full(room) for room in tight)
    # What is really free may come from others, but nobody knows when.
    hopeless = any(not room.firm and room.short > _leaving(room) for room in tight)
    if when_full == "next" or hopeless:
        return Next(why)
    keys = _victims(tight) if when_full == "evict" else None
    return Wait(why) if keys is None else Evict(keys)


def _never(room: Room) -> str | None:
    if not room.firm:
        return None
    pinned = sum(each.memory for each in room.held if each.pin)
    if room.need + pinned <= room.limit:
        return None
    kept = f", of which pinned models hold {rounded(pinned)}" if pinned and room.need <= room.limit else ""
    return f"it needs {rounded(room.need)}, and {room.name} has {rounded(room.limit)}{kept}"


def _full(room: Room) -> str:
    left = max(0, room.need - room.short)
    return f"it needs {rounded(room.need)}, and {room.name} has {rounded(left)} left"


def _leaving(room: Room) -> int:
    return sum(each.memory for each in room.held if not each.pin)


def _victims(tight: Sequence[Room]) -> tuple[Key, ...] | None:
    """Return what to unload so that all rooms have place: what was not used for longest first, and none in vain."""
    idle = {each.key: each for room in tight for each in room.held if each.evictable}
    order = sorted(idle.values(), key=lambda each: (-each.staleness, each.key))
    chosen: list[Key] = []
    for each in order:
        if any(_missing(room, chosen) > 0 and _is_in(room, each.key) for room in tight):
            chosen.append(each.key)
    if any(_missing(room, chosen) > 0 for room in tight):
        return None
    for key in reversed(chosen.copy()):
        spared = [each for each in chosen if each != key]
        if all(_missing(room, spared) <= 0 for room in tight):
            chosen = spared
    return tuple(chosen)


def _missing(room: Room, gone: Iterable[Key]) -> int:
    keys = set(gone)
    return room.short - sum(each.memory for each in room.held if each.key in keys)


def _is_in(room: Room, key: Key) -> bool:
    return any(each.key == key for each in room.held)


def overtakes(strategy: Strategy, *, urgency: int, other: int, waited: float, max_wait: float) -> bool:
    """Whether a call whose model is in memory may go before one that came first and waits for room.

    Args:
        strategy: Who goes first.
        urgency: Its rank, 0 the most urgent.
        other: The rank of the one that waits.
        waited: Seconds that one has waited.
        max_wait: Seconds after which it is no longer overtaken.
    """
    return strategy != "ordered" and urgency <= other and waited < max_wait


def rounded(count: int) -> str:
    """Return bytes as a message tells them: `1.4GiB`."""
    for unit in ("GiB", "MiB"):
        size = 2**30 if unit == "GiB" else 2**20
        if count >= size:
            return f"{round(count / size, 1):g}{unit}"
    return show_size(count)
