"""What is in memory where: the changing state of local models, and the limits as they stand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass
from router.policy.residency import Held, Room, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.core.errors import CallFailed
    from router.core.port import Listed, Provider, Residence
    from router.policy.residency import HomePolicy, Key, ResidencyPolicy, ResidentModel

# `promised`: it will be loaded once its victims are gone; `leaving`: it is a victim, or was unused for long.
Phase = Literal["unloaded", "promised", "loading", "loaded", "leaving"]
SPARE = 64 * 2**20  # bytes of the machine that are left to others
MORE = 1.1  # a model in memory takes more than its file
IN_MEMORY: dict[Phase, Residence] = {
    "unloaded": "unloaded",
    "promised": "unloaded",
    "loading": "loading",
    "loaded": "loaded",
    "leaving": "loaded",
}


class Occupant:
    """A model at an endpoint, in memory or not.

    Attributes:
        home: Where it is.
        model: What the file says of it.
        phase: Whether it is in memory.
        computed: Bytes it occupies, as computed from its file, or None.
        learned: Bytes it occupies as its endpoint says, or None.
        claims: Calls that are on their way to it or answered by it.
        used: When the last of them ended.
        victims: What is unloaded before it is loaded.
        taker: The model that its memory is promised to, or None.
        evicted: Whether it went to make room.
        again: When a call that goes elsewhere may next have it loaded.
        watchers: Who waits until it is loaded.
    """

    __slots__ = (
        "again",
        "claims",
        "computed",
        "evicted",
        "home",
        "learned",
        "model",
        "phase",
        "taker",
        "used",
        "victims",
        "watchers",
    )

    def __init__(self, home: Home, model: ResidentModel) -> None:
        self.home = home
        self.model = model
        self.phase: Phase = "unloaded"
        self.computed: int | None = None
        self.learned: int | None = None
        self.claims = 0
        self.used = 0.0
        self.victims: list[Occupant] = []
        self.taker: Occupant | None = None
        self.evicted = False
        self.again = 0.0
        self.watchers: list[Signal] = []

    @property
    def key(self) -> Key:
        """What tells it from all others; an endpoint that was declared anew is another."""
        return self.home.policy.endpoint, self.model.id, id(self.home)

    @property
    def memory(self) -> int | None:
        """Bytes it occupies when loaded, as far as known: as written, else computed, else as its endpoint says."""
        known = (self.model.memory, self.computed, self.learned)
        return next((each for each in known if each is not None), None)

    @property
    def idle(self) -> bool:
        """Whether it is in memory and nobody uses it."""
        return self.phase == "loaded" and not self.claims


class Home:
    """An endpoint with its models, as one provider speaks to it.

    Attributes:
        provider: What loads and unloads.
        policy: What it may hold.
        occupants: Its models, by the name it knows.
        manages: Whether it loads and unloads when told to; None until it was asked.
        asked_at: When it was last asked what is loaded, or None.
        strangers: Bytes of models in its memory that the file does not have.
        old: Whether the configuration in force no longer has it, or speaks to it in another way.
    """

    __slots__ = ("asked_at", "asking", "manages", "occupants", "old", "policy", "provider", "strangers")

    def __init__(self, provider: Provider, policy: HomePolicy, models: Iterable[ResidentModel]) -> None:
        self.provider = provider
        self.policy = policy
        self.occupants = {each.id: Occupant(self, each) for each in models}
        self.manages: bool | None = True if policy.told else None
        self.asked_at: float | None = None
        self.asking = False
        self.strangers = 0
        self.old = False

    def adopt(self, policy: HomePolicy, models: Iterable[ResidentModel]) -> None:
        """Take over what another configuration says of the same endpoint."""
        self.policy = policy
        before = self.occupants
        self.occupants = {each.id: before.get(each.id) or Occupant(self, each) for each in models}
        for model in models:
            self.occupants[model.id].model = model
        for gone, each in before.items():
            if gone not in self.occupants and each.phase != "unloaded":
                each.model = replace(each.model, pin=False, preload=False)
                self.occupants[gone] = each  # still in memory

    def learn(self, found: Iterable[Listed], needs: Mapping[str, int], now: float) -> None:
        """Take in what the endpoint itself says is in memory, and the bytes that were computed."""
        listed = tuple(found)
        self.asked_at = now
        self.manages = self.policy.told or any(each.state is not None for each in listed)
        self.strangers = 0
        for each in listed:
            known = [occupant for name, occupant in self.occupants.items() if each.goes_by(name)]
            size = None if each.size is None else int(each.size * MORE)
            for occupant in known:
                occupant.computed = needs.get(occupant.model.id, occupant.computed)
                # What only passes calls on occupies nothing here.
                occupant.learned = 0 if each.elsewhere else each.memory or occupant.learned or size
                self._correct(occupant, each, now)
            if not known and each.state in ("loaded", "loading"):
                self.strangers += each.memory or size or 0

    def _correct(self, occupant: Occupant, found: Listed, now: float) -> None:
        """Believe the endpoint where nobody here is at work on a model."""
        if found.state == "loaded" and occupant.phase == "unloaded":
            occupant.phase, occupant.used = "loaded", now
        elif found.state in ("unloaded", "failed", "sleeping") and occupant.idle:
            occupant.phase = "unloaded"


class Signal:
    """Wakes one waiter, on whatever loop it is.

    Attributes:
        error: What it is to raise, or None.
    """

    __slots__ = ("_future", "_loop", "error")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self.error: CallFailed | None = None

    async def wait(self) -> None:
        """Wait until it is given."""
        await self._future

    def give(self) -> None:
        """Wake the waiter; it may be gone."""
        try:
            on_it = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            on_it = False
        if on_it:
            self._set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits for its model's turn.

    Attributes:
        occupant: The model.
        urgency: Its rank, 0 the most urgent.
        age: Later ones have larger numbers.
        since: When it came.
        signal: Wakes it.
        granted: Whether its turn has come.
        error: Why it is sent away, or None.
        why: What it waits for, in words.
        real: Whether that is memory of the machine, which nobody tells us about.
    """

    occupant: Occupant
    urgency: int
    age: int
    since: float
    signal: Signal
    granted: bool = False
    error: CallFailed | None = None
    why: str = ""
    real: bool = False


def rooms(
    occupant: Occupant, homes: Iterable[Home], policy: ResidencyPolicy, free: int | None, now: float
) -> tuple[Room, ...]:
    """Return the limits that a model has to fit under, as they stand.

    Args:
        occupant: The model.
        homes: All homes.
        policy: The limits.
        free: Bytes that the machine really has left, or None when unknown.
        now: The time.
    """
    home, all_homes = occupant.home, tuple(homes)
    found: list[Room] = []
    if home.policy.memory is not None:
        held = list(home.occupants.values())
        found.append(
            _room(f"`{home.policy.endpoint}`", home.policy.memory, occupant, held, now, home.strangers)
        )
    if policy.machine is not None and home.policy.local and home.manages:
        local = [each for each in all_homes if each.policy.local and each.manages]
        held = [each for one in local for each in one.occupants.values()]
        ours = {each.policy.endpoint for each in local}
        others = [each for name, each in policy.homes.items() if each.local and name not in ours]
        apart = sum(policy.holds_apart(each) for each in others)
        name = (
            f"this machine, beside the {rounded(apart)} of servers that keep theirs,"
            if apart
            else "this machine"
        )
        strangers = sum(each.strangers for each in local)
        found.append(_room(name, max(0, policy.machine - apart), occupant, held, now, strangers))
    if free is not None and home.policy.here and home.manages and occupant.memory is not None:
        found.append(_real(occupant, all_homes, free, now))
    return tuple(found)


def _room(
    name: str, limit: int, occupant: Occupant, held: Iterable[Occupant], now: float, taken: int
) -> Room:
    """Return a limit; a model of which nobody knows how large it is has it for itself."""
    need = limit if occupant.memory is None else occupant.memory
    members = {each for each in held if each is not occupant and each.phase != "unloaded"}
    # Until the victims of a model are gone, they stand for it, and it for them: never are both in memory.
    counted = sorted((each for each in members if each.taker not in members), key=lambda each: each.key)
    return Room(name, limit, need, tuple(_held(each, members, limit, now) for each in counted), taken)


def _real(occupant: Occupant, homes: Iterable[Home], free: int, now: float) -> Room:
    """Return what the machine really has: what is free now, and what the loaded models would give back."""
    here = {each for home in homes if home.policy.here and home.manages for each in home.occupants.values()}
    here.discard(occupant)
    loaded = [each for each in here if each.phase == "loaded"]
    coming = [each for each in here if each.phase in ("promised", "loading")]
    pending = sum(max(0, (each.memory or 0) - _victims(each, here, 0)) for each in coming)
    held = tuple(_held(each, here, 0, now) for each in loaded)
    limit = max(0, free - SPARE - pending) + sum(each.memory for each in held)
    return Room("this machine really", limit, occupant.memory or 0, held, firm=False)


def _held(occupant: Occupant, members: set[Occupant], unknown: int, now: float) -> Held:
    model = occupant.model
    memory = max(_size(occupant, unknown), _victims(occupant, members, unknown))
    idle = max(0.0, now - occupant.used) if occupant.idle else None
    return Held(occupant.key, memory, idle, model.pin, model.evict_cost)


def _victims(occupant: Occupant, members: set[Occupant], unknown: int) -> int:
    """Return the bytes of the models that go for another, as far as they are still there."""
    there = (each for each in occupant.victims if each.phase == "leaving" and each in members)
    return sum(_size(each, unknown) for each in there)


def _size(occupant: Occupant, unknown: int) -> int:
    return unknown if occupant.memory is None else occupant.memory
