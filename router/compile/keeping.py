"""Whether the answer of a call is kept, in words; light, for every router imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.units import show_duration
from router.policy.cachekey import fixes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.policy.cachekey import CachePolicy, CacheUse


def kept(
    policy: CachePolicy | None, use: CacheUse | None, params: Sequence[Mapping[str, object]]
) -> str | None:
    """Return in words whether the answer of a call is kept; None where the file keeps none.

    Args:
        policy: What the file says.
        use: What the rule says.
        params: The sampling options of each candidate.
    """
    if policy is None or not policy.fresh:
        return None
    if use == "off":
        return "off, as the rule says"
    if use != "always" and not all(fixes(each) for each in params):
        return "not kept: neither temperature 0 nor a seed"
    return f"kept for {show_duration(policy.ttl if use is None or isinstance(use, str) else use)}"
