"""The observers of a router: what they raise is logged and harms no call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from router.core.observer import Confidant
from router.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from router.compile.program import Program
    from router.core.observer import CallRecord, Notice, Observer
    from router.core.record import AttemptRecord

LOG = logging.getLogger("router")


class Audience:
    """All observers as one; false when there is none, so that nothing is made for nobody."""

    __slots__ = ("_observers",)

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def conceal(self, secrets: Collection[Secret]) -> None:
        """Hand over the values that must never be written down."""
        for observer in self._observers:
            if isinstance(observer, Confidant):
                _told(observer, observer.conceal, secrets)

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
