"""Makes connections: to a name or a socket, with TLS or without, looked at before the first byte."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from router.providers._guard import resolved
from router.providers.transport.alerts import refusal
from router.providers.transport.connection import Connection
from router.providers.transport.failures import CannotConnect, ConnectTooSlow, Refused
from router.providers.transport.race import race

if TYPE_CHECKING:
    from router.providers.transport.connection import Shelf
    from router.providers.transport.target import Target


async def connect(shelf: Shelf, target: Target, seconds: float | None) -> Connection:
    """Return a connection that stands; when this fails or is cancelled, nothing is left of it.

    Args:
        shelf: Where it will be kept.
        target: Where to.
        seconds: What all of it may take: name, address and TLS.

    Raises:
        CannotConnect: It does not stand.
        ConnectFailed: The guard does not let it.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _connected(shelf, target)
    except TimeoutError:
        raise ConnectTooSlow("no connection in time") from None
    except (OSError, UnicodeError) as error:  # errors of TLS are OSErrors
        told = refusal(error)
        raise (CannotConnect(str(error)) if told is None else Refused(told)) from None


async def _connected(shelf: Shelf, target: Target) -> Connection:
    loop = asyncio.get_running_loop()
    if target.path is not None:
        _, connection = await loop.create_unix_connection(lambda: Connection(shelf, target), target.path)
        return connection
    addresses = await _addresses(target)

    async def dial(address: str) -> Connection:
        _, connection = await loop.create_connection(lambda: Connection(shelf, target), address, target.port)
        return connection

    if len(addresses) == 1:
        connection = await dial(addresses[0])
    else:
        connection = await race(addresses, dial, Connection.drop)
    try:
        await _secured(connection, target)
    except BaseException:
        connection.drop()
        raise
    return connection


async def _addresses(target: Target) -> list[str]:
    """Return where to connect to: what is looked at is what is connected to, whatever a name leads to later."""
    if target.guard is not None:
        return await target.guard.before(target.host, target.port)
    if _is_literal(target.host):
        return [target.host]
    return await resolved(target.host, target.port)


async def _secured(connection: Connection, target: Target) -> None:
    """Look at what is connected to, and shake hands; nothing has been sent before."""
    transport = connection.transport
    if transport is None:
        raise ConnectionError("closed at once")
    if target.guard is not None:
        target.guard.after(str(transport.get_extra_info("peername")[0]))
    if target.tls is None:
        return
    loop = asyncio.get_running_loop()
    try:
        secured = await loop.start_tls(transport, connection, target.tls(), server_hostname=target.name)
    except BaseException:
        transport.abort()
        raise
    if secured is None:
        raise ConnectionError("closed while TLS began")
    connection.move(secured)


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
