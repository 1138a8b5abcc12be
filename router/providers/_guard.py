"""Where a connection may lead: a name that resolves to an address no endpoint may have is not connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from router.core.address import why_refused
from router.core.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTED, COMPLETE = "connect_tcp.started", "connect_tcp.complete"


class Guard:
    """Looks at each connection before it is made, and again once it stands; called, it is an httpcore trace.

    The second look is for names that resolve to something else the second time; nothing has been sent by then.

    Args:
        where: How messages name the endpoint.
        timeout: Seconds a name may take to resolve.
    """

    def __init__(self, where: str, timeout: float) -> None:
        self._where = where
        self._timeout = timeout

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take in one step of a request.

        Raises:
            ConnectFailed: It leads where no endpoint may be, or its name does not resolve.
        """
        if event.endswith(STARTED):
            await self.before(info["host"], info["port"])
        elif event.endswith(COMPLETE):
            stream = info["return_value"]
            peer = stream.get_extra_info("server_addr")
            try:
                self.after(str(peer[0]))
            except ConnectFailed:
                await stream.aclose()
                raise

    async def before(self, host: str, port: int) -> list[str]:
        """Look at every address that a name leads to, and return them.

        Raises:
            ConnectFailed: No endpoint may have one of them, or there is none.
        """
        addresses = await self._resolve(host, port)
        for address in addresses:
            self.after(address)
        return addresses

    def after(self, address: str) -> None:
        """Look at an address that is connected to.

        Raises:
            ConnectFailed: No endpoint may have it.
        """
        why = why_refused(ipaddress.ip_address(address))
        if why:
            raise ConnectFailed(f"{self._where} is not connected to: {address} {why}")

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(self._timeout):
                return await resolved(host, port)
        except TimeoutError:
            raise ConnectFailed(f"{self._where} cannot be reached within the time to connect") from None
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(
                f"{self._where} cannot be reached: its name does not resolve ({error})"
            ) from error


async def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that a name leads to, each once, the best first.

    Raises:
        OSError: It leads nowhere.
        UnicodeError: It cannot be one.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
