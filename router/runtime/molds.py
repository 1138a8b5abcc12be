"""Calls that were made before, by what was said, ready to be made again: an equal one is not looked at anew."""

from __future__ import annotations

import marshal
from typing import TYPE_CHECKING

from router.runtime.call import make_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from router.policy.cachekey import Question
    from router.runtime.call import Call, Origin
    from router.runtime.snapshot import Snapshot

MANY = 256
LARGEST = 16 * 1024
EXACT = 2  # the version of `marshal` that writes equal things of the built-in types, and no others, in equal bytes
PLAIN = (str, int, float, bool)


class Molds:
    """The calls whose answers may be kept, as they were before anything was tried.

    Its changing state is one mapping, from the bytes of what was said; all threads may share it.

    Args:
        asks: Returns what a call asks, or None when its answer is not to be kept.
    """

    def __init__(self, asks: Callable[[Call], Question | None]) -> None:
        self._asks = asks
        self._known: dict[bytes, Call] = {}

    def call(
        self,
        snapshot: Snapshot,
        messages: object,
        opts: Mapping[str, object] | None,
        keywords: Mapping[str, object],
        origin: Origin,
    ) -> Call:
        """Return a call that is ready to be tried, as `make_call` does, with what it asks.

        Raises:
            InvalidCall: It is malformed.
            NoCandidate: No rule matches it, or no candidate may serve it.
        """
        try:
            said = marshal.dumps((messages, opts, keywords, origin.live), EXACT)  # type: ignore[arg-type]
        except ValueError:  # somebody's own types
            said = b""
        known = self._known.get(said)
        if known is not None and known.snapshot is snapshot:
            return known.again(origin)
        call = make_call(snapshot, messages, opts, keywords, origin)
        call.question = self._asks(call)
        if call.question is not None and 0 < len(said) <= LARGEST and _fixed(call):
            if len(self._known) >= MANY:
                self._known.clear()
            self._known[said] = call.again(origin)
        return call


def _fixed(call: Call) -> bool:
    """Whether every equal call is made the same: nothing is drawn for it, and nothing in it is its caller's to change."""
    given = (*call.params.values(), *call.options.values())
    return call.route.candidates is not None and all(type(value) in PLAIN for value in given)
