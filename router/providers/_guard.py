"""Where a connection may lead: a name that resolves to an address that its endpoint may not have is not connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from router.core.address import is_here, is_near, why_refused
from router.core.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from router.core.address import Address
    from router.core.request import Endpoint

STARTED, COMPLETE = "connect_tcp.started", "connect_tcp.complete"

# How far a connection may lead: to this machine alone, to this machine and private networks, or to any server.
Reach = Literal["here", "near", "anywhere"]


class Guard:
    """Looks at each connection before it is made, and again once it stands; called, it is an httpcore trace.

    The second look is for names that resolve to something else the second time; nothing has been sent by then.

    Args:
        where: How messages name the endpoint.
        timeout: Seconds a name may take to resolve.
        reach: How far connections may lead.
        strict: Whether one bad address of a name is enough to refuse; otherwise it is passed over.
    """

    def __init__(self, where: str, timeout: float, reach: Reach = "anywhere", *, strict: bool = True) -> None:
        self._where = where
        self._timeout = timeout
        self._reach = reach
        self._strict = strict

    async def __call__(self, event: str, info: MutableMapping[str, Any]) -> None:
        """Take in one step of a request.

        Raises:
            ConnectFailed: It leads where the endpoint may not be, or its name does not resolve.
        """
        if event.endswith(STARTED):
            looked = await self._looked(info["host"], info["port"])
            good = [address for address, why in looked if not why]
            if len(good) < len(looked):
                # What is connected to; looked up once more, the name might give another.
                info["host"] = good[0]
        elif event.endswith(COMPLETE):
            stream = info["return_value"]
            peer = stream.get_extra_info("server_addr")
            try:
                self.after(str(peer[0]))
            except ConnectFailed:
                await stream.aclose()
                raise

    async def before(self, host: str, port: int) -> list[str]:
        """Look at every address that a name leads to, and return those to connect to.

        Raises:
            ConnectFailed: The endpoint may not have them, or there is none.
        """
        return [address for address, why in await self._looked(host, port) if not why]

    def after(self, address: str) -> None:
        """Look at an address that is connected to.

        Raises:
            ConnectFailed: The endpoint may not have it.
        """
        why = self._why(address)
        if why:
            raise self._refused(address, why)

    async def _looked(self, host: str, port: int) -> list[tuple[str, str]]:
        """Return every address that a name leads to, with why it may not be connected to, or ""."""
        looked = [(address, self._why(address)) for address in await self._resolve(host, port)]
        bad = [each for each in looked if each[1]]
        if bad and (self._strict or len(bad) == len(looked)):
            raise self._refused(*bad[0])
        return looked

    def _why(self, address: str) -> str:
        found = ipaddress.ip_address(address)
        return why_refused(found) or _why_too_far(found, self._reach)

    def _refused(self, address: str, why: str) -> ConnectFailed:
        return ConnectFailed(f"{self._where} is not connected to: {address} {why}")

    async def _resolve(self, host: str, port: int) -> list[str]:
        if _literal(host) is not None:
            return [host]
        try:
            async with asyncio.timeout(self._timeout):
                return await resolved(host, port)
        except TimeoutError:
            raise ConnectFailed(f"{self._where} cannot be reached within the time to connect") from None
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(
                f"{self._where} cannot be reached: its name does not resolve ({error})"
            ) from error


def guard_of(endpoint: Endpoint, where: str) -> Guard | None:
    """Return what looks at the connections of an endpoint; None where there is nothing to look at.

    There is nothing at a socket of this machine, and at a local endpoint with an address that an endpoint may have
    instead of a name. `localhost` has to be this machine. A name that the file declares local stays on private
    networks, unless a certificate proves whom it leads to; what else it has, as names there often do, is passed over.
    """
    if endpoint.url.startswith("unix:"):
        return None
    if endpoint.locality == "remote":
        return Guard(where, endpoint.timeouts.connect)
    host = _host(str(endpoint.settings.get("proxy") or endpoint.url))
    address = _literal(host)
    if address is not None and not why_refused(address):
        return None
    return Guard(where, endpoint.timeouts.connect, _reach(endpoint, host), strict=False)


def _reach(endpoint: Endpoint, host: str) -> Reach:
    if host == "localhost" or host.endswith(".localhost"):
        return "here"
    proven = endpoint.url.startswith("https:") and endpoint.settings.get("verify") is not False
    return "anywhere" if proven else "near"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # no address at all; whoever connects says so
        return ""


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _why_too_far(address: Address, reach: Reach) -> str:
    if reach == "here" and not is_here(address):
        return "is not this machine, where the endpoint is said to be"
    if reach == "near" and not is_near(address):
        return (
            "is on the public internet, and the endpoint is declared local; "
            "write `locality: remote`, an `https:` address, or the address itself"
        )
    return ""


async def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that a name leads to, each once, the best first.

    Raises:
        OSError: It leads nowhere.
        UnicodeError: It cannot be one.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
