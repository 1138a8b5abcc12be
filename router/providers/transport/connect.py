"""Makes connections: to a name or a socket, with TLS or without, looked at before the first byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from router.providers.transport.connection import Connection
from router.providers.transport.failures import CannotConnect, ConnectTooSlow

if TYPE_CHECKING:
    from router.providers.transport.connection import Shelf
    from router.providers.transport.target import Target

EYEBALLS = 0.25  # seconds after which the next of several addresses is tried too


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
        raise CannotConnect(str(error)) from None


async def _connected(shelf: Shelf, target: Target) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(shelf, target)
    if target.path is not None:
        await loop.create_unix_connection(lambda: connection, target.path)
        return connection
    if target.guard is not None:
        await target.guard.before(target.host, target.port)
    # Only asyncio's own loops race addresses, and a race costs a task for each.
    race: dict[str, Any] = {"happy_eyeballs_delay": EYEBALLS} if _raced(loop, target.host) else {}
    transport, _ = await loop.create_connection(lambda: connection, target.host, target.port, **race)
    try:
        if target.guard is not None:
            target.guard.after(str(transport.get_extra_info("peername")[0]))
        if target.tls is not None:
            secured = await loop.start_tls(transport, connection, target.tls, server_hostname=target.name)
            if secured is None:
                raise ConnectionError("closed while TLS began")
            connection.move(secured)
    except BaseException:
        connection.drop()
        transport.abort()
        raise
    return connection


def _raced(loop: asyncio.AbstractEventLoop, host: str) -> bool:
    literal = ":" in host or host.replace(".", "").isdigit()
    return isinstance(loop, asyncio.BaseEventLoop) and not literal
