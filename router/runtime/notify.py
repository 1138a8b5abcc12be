"""The observers of a router: what they raise is logged and harms no call."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from router.core.observer import Closable, Confidant
from router.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from router.compile.program import Program
    from router.core.observer import CallRecord, Notice, Observer
    from router.core.record import AttemptRecord
    from router.policy.calllog import LogPolicy

LOG = logging.getLogger("router")


class Audience:
    """All observers as one; false when there is none, so that nothing is made for nobody."""

    # Its changing state: the file's own observer, exchanged at a reload, and the secrets that it has to know.
    __slots__ = ("_given", "_observers", "_own", "_policy", "_secrets")

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._given = self._observers = tuple(observers)
        self._own: Observer | None = None
        self._policy: LogPolicy | None = None
        self._secrets: frozenset[Secret] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Hand over the values that must never be written down."""
        self._secrets |= frozenset(secrets)
        for observer in self._observers:
            if isinstance(observer, Confidant):
                _told(observer, observer.conceal, secrets)

    def log(self, policy: LogPolicy | None, made: Callable[[LogPolicy], Observer]) -> None:
        """Have calls written down as the file says from now on."""
        if policy == self._policy:
            return
        before: object = self._own
        own: Observer | None = None
        if policy is not None:
            own = made(policy)
            if isinstance(own, Confidant):
                own.conceal(self._secrets)
        self._policy, self._own = policy, own
        self._observers = self._given if own is None else (*self._given, own)
        if isinstance(before, Closable):  # what it was told is written in a thread: nobody waits for it here
            threading.Thread(target=before.close, name="router calls end").start()

    async def close(self) -> None:
        """Have everything written down that observers were told."""
        for observer in self._observers:
            if isinstance(observer, Closable):
                await asyncio.to_thread(_told, observer, observer.close)

    def attempt_ended(self, request_id: str, record: AttemptRecord) -> None:
        """Tell of one attempt."""
        for observer in self._observers:
            _told(observer, observer.attempt_ended, request_id, record)

    def call_ended(self, record: CallRecord) -> None:
        """Tell of one call."""
        for observer in self._observers:
            _told(observer, observer.call_ended, record)

    def noticed(self, notice: Notice) -> None:
        """Tell of something beside the calls."""
        for observer in self._observers:
            _told(observer, observer.noticed, notice)


def secrets_of(program: Program) -> tuple[Secret, ...]:
    """Return every secret of a configuration."""
    endpoints = program.endpoints.values()
    keys = [key for endpoint in endpoints for key in endpoint.keys]
    fields = [value for endpoint in endpoints for value in endpoint.headers.values()]
    return tuple({*keys, *(value for value in fields if isinstance(value, Secret))})


def _told(observer: Observer, tell: Callable[..., None], *what: object) -> None:
    try:
        tell(*what)
    except Exception:
        LOG.exception("the observer %s failed", type(observer).__name__)
