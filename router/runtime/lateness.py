"""What it is called when an answer takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import DeadlineExceeded, FirstTokenTimeout, StreamStalled

if TYPE_CHECKING:
    from router.core.errors import CallFailed


def late(name: str, waited: float, *, over: bool, begun: bool) -> CallFailed:
    """Return the error of an attempt that was given up.

    Args:
        name: The deployment.
        waited: Seconds that it took so far.
        over: Whether the whole call's time is over.
        begun: Whether there was content already.
    """
    if over:
        return DeadlineExceeded(f"the call's deadline passed while {name} answered")
    if begun:
        return StreamStalled(f"{name} stopped in its answer ({waited:.1f} s)")
    return FirstTokenTimeout(f"{name} sent no answer in {waited:.1f} s")
