"""Where connections lead, and on what conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from router.providers._guard import Guard


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One place to connect to; connections are kept for a target, and two are never the same.

    Attributes:
        host: Name or address.
        port: Port.
        path: A unix socket instead, or None.
        tls: Tells for each connection what is trusted and shown, or None for plain HTTP.
        name: Whom the certificate must name.
        guard: Looks at the addresses, or None.
    """

    host: str
    port: int
    path: str | None = None
    tls: Callable[[], ssl.SSLContext] | None = None
    name: str | None = None
    guard: Guard | None = None
