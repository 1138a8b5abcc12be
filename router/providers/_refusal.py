"""The words of a refusal: as far as they come, and no further."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from router.core.errors import CallFailed

if TYPE_CHECKING:
    from router.providers._transport import HttpResponse

ERROR_CAP = 8 * 1024
ERROR_SECONDS = 5.0


async def refused_body(response: HttpResponse) -> bytes:
    """Return the beginning of a refusal's body; nothing where it does not come: the status says enough."""
    try:
        async with asyncio.timeout(ERROR_SECONDS):
            return await response.read(ERROR_CAP)
    except (CallFailed, TimeoutError):
        return b""
