"""One plain question to an address, with no credential and no prompt: what answers there?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.providers._http import transport_for
from router.providers._json_api import parsed
from router.providers._transport import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.core.request import Endpoint

READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Knock:
    """What an address answered.

    Attributes:
        status: The HTTP status.
        seconds: Until the answer was there.
        date: When the server says it answered, in seconds since 1970; None where it does not say.
        value: What its JSON says; None where it is none.
        page: Whether it is a web page.
    """

    status: int
    seconds: float
    date: float | None = None
    value: object = None
    page: bool = False

    @property
    def fields(self) -> Mapping[str, object]:
        """The object it answered with; empty where it did not."""
        return self.value if isinstance(self.value, dict) else {}


async def knock(endpoint: Endpoint, path: str) -> Knock:
    """Ask an endpoint's host one thing; the caller bounds the time.

    Args:
        endpoint: Gives the address, and how to get there.
        path: From the host's root on.

    Raises:
        CallFailed: There is no answer.
    """
    loop = asyncio.get_running_loop()
    transport = transport_for(replace(endpoint, keys=(), headers={}))
    began = loop.time()
    try:
        sent = HttpRequest("GET", path, {"accept": "application/json"}, rooted=True)
        async with transport.open(sent) as response:
            seconds = loop.time() - began
            body = (await response.read(READ)).decode("utf-8", "replace")
            kind = response.headers.get("content-type", "")
            page = kind.startswith("text/html") or body.lstrip()[:1] == "<"
            return Knock(response.status, seconds, _date(response.headers), parsed(body), page)
    finally:
        await transport.close()


def _date(headers: Mapping[str, str]) -> float | None:
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    return None
