"""What follows from a configuration and its weather, without asking the router."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.testing.simulate.callers import Seen
    from router.testing.simulate.history import History
    from router.testing.simulate.setting import Setting


def always_open(setting: Setting, name: str, *, healthy: bool = False) -> bool:
    """Whether nothing ever keeps the router from sending to an endpoint that has a free place.

    Args:
        setting: The configuration.
        name: The endpoint.
        healthy: Whether it must be so because it never fails.
    """
    upstream = setting.upstreams[name]
    if upstream.requests is not None or upstream.tokens is not None:
        return False
    unguarded = setting.breaker is None and len(upstream.keys) < 2 and not healthy  # noqa: PLR2004
    return upstream.calm or unguarded


def waits(history: History, name: str) -> list[tuple[float, float, Seen]]:
    """Return from when to when calls waited for a place at an endpoint, as far as that is certain.

    These are calls that could go nowhere else, before their first request.
    """
    found = []
    for seen in history.seen:
        if {place.endpoint for place in seen.ask.candidates(history.setting)} == {name}:
            hits = history.of(seen)
            until = hits[0].arrived if hits else seen.ended
            if until is not None and until > seen.started:
                found.append((seen.started, until, seen))
    return found
