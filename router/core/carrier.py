"""Which client carries the bytes to an endpoint, and why. What is installed is looked up, never imported."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from router.core.request import Endpoint

FAST, HTTPX = "fast", "httpx"
EXTRA = "pip install 'pantheon-router[fast]'"


@dataclass(frozen=True, slots=True)
class Carrier:
    """A choice.

    Attributes:
        name: `fast` or `httpx`.
        why: Why it is httpx although the file does not ask for it, as the end of a sentence; or "".
        trouble: Why the file cannot have what it asks for, or None.
    """

    name: str
    why: str = ""
    trouble: str | None = None


def carrier(endpoint: Endpoint) -> Carrier:
    """Return which client carries the bytes to an endpoint that is spoken to over HTTP."""
    asked = endpoint.settings.get("transport")
    if asked == HTTPX:
        return Carrier(HTTPX)
    why = ""
    if endpoint.settings.get("proxy"):
        why = "the fast transport knows no proxies"
    elif not fast_installed():
        why = f"the fast transport is not installed: {EXTRA}"
    if not why:
        return Carrier(FAST)
    return Carrier(HTTPX, why, f"it says `transport: fast`, but {why}" if asked == FAST else None)


@cache
def fast_installed() -> bool:
    """Return whether what the fast transport needs is installed."""
    return find_spec("httptools") is not None
