"""Whoever watches a router: what it is told."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from decimal import Decimal

    from router.core.dimension import Value
    from router.core.messages import Completion, Message
    from router.core.record import AttemptRecord
    from router.core.secret import Secret
    from router.core.usage import Usage


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, over.

    Attributes:
        request_id: The call's own id.
        began: When it began, in seconds since 1970.
        rule: The rule that decided; None when the call named its model.
        dimensions: What the call said of itself, measured dimensions too.
        model: The model that answered, or of the last attempt; None when nothing was tried.
        endpoint: Its endpoint.
        outcome: `ok`, `cancelled`, or the kind of error (`rate_limited`).
        ms: Milliseconds from the call to its end.
        first_ms: Milliseconds to the first content; None without one.
        usage: Tokens of the answer; None without one.
        cost: Dollars of all attempts; None when a price is unknown.
        attempts: Every attempt, in order.
        stream: Whether the answer was handed out as it came.
        cached: Whether it was kept from an earlier call.
        saved: Dollars that a kept answer had cost; None without one, or when unknown.
        degraded: What was amiss with the answer, or None.
        user: Whose call it was, as the caller says.
        tags: As the caller gave them.
        messages: The conversation. Prompts are private: write them down only where that is wanted.
        completion: The answer, or None.
        error: What the call raised, or None.
        named: The model that the call named itself, or None.
        params: Sampling options of the call.
        options: What else only a call can say, by name: deadline, urgency, cache, tools ...
        chain: The model and the endpoint of each candidate, best first, whether or not it was tried.
        draw: A number from 0 to 1 that drew its splits.
        points: The same for each split that a user stays with, by the names of its models.
    """

    request_id: str
    began: float
    rule: str | None
    dimensions: Mapping[str, Value]
    model: str | None
    endpoint: str | None
    outcome: str
    ms: float
    first_ms: float | None = None
    usage: Usage | None = None
    cost: Decimal | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    stream: bool = False
    cached: bool = False
    saved: Decimal | None = None
    degraded: str | None = None
    user: str | None = None
    tags: Mapping[str, object] = field(default_factory=dict)
    messages: tuple[Message, ...] = field(default=(), repr=False)
    completion: Completion | None = field(default=None, repr=False)
    error: BaseException | None = field(default=None, repr=False)
    named: str | None = None
    params: Mapping[str, object] = field(default_factory=dict, repr=False)
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    chain: tuple[tuple[str, str], ...] = ()
    draw: float = 0.0
    points: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened beside the calls.

    Attributes:
        what: `breaker` (opened or closed), `health` (an active check changed its mind), `reload`, `budget` (its
            sum is nearly or wholly spent), `ledger` (it cannot be written, or can again), `network` (remote hosts cannot be reached, or can again),
            `residency` (a local model was loaded or unloaded, or could not be).
        subject: Of what: "host 127.0.0.1:8080", "endpoint `laptop`", "`tiny` at `laptop`", "key 1 of `cloud`",
            or the file.
        state: `open`, `closed`, `up`, `loading`, `down`, `loaded`, `unloaded`, `failed`, `refused`, `near` (80 %), `spent`, `failing`,
            `offline`, `online`.
        detail: More in words; never a secret.
    """

    what: Literal["breaker", "health", "reload", "budget", "ledger", "network", "residency"]
    subject: str
    state: str
    detail: str = ""


@runtime_checkable
class Observer(Protocol):
    """Is told what happens, in the task where it happens: it must be quick and must not wait.

    What it raises is logged and harms no call. A class that inherits from this need only define what it wants.
    """

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:
        """Take in one attempt of a call."""

    def call_ended(self, record: CallRecord) -> None:
        """Take in one call; every call ends exactly once."""

    def noticed(self, notice: Notice) -> None:
        """Take in something that happened beside the calls."""


@runtime_checkable
class Confidant(Protocol):
    """An observer that writes things down, and keeps secrets out of them."""

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Take in values that must not be written; told before the first call and at each reload."""
        ...


@runtime_checkable
class Closable(Protocol):
    """An observer that writes later than it is told."""

    def close(self) -> None:
        """Write down all that it was told; called in a thread when the router is closed. It may be told more after."""
        ...
