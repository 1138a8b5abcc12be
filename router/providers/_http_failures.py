"""What httpx raises, as the kinds of failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from router.core.errors import (
    CallFailed,
    ConnectFailed,
    ConnectionLost,
    InvalidRequest,
    MalformedResponse,
    StreamInterrupted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress:
    """How far an exchange has come: whether the head of the answer has arrived."""

    begun = False


@contextmanager
def mapped(where: str) -> Iterator[Progress]:
    """Turn everything httpx raises into the kind of failure it is."""
    progress = Progress()
    try:
        yield progress
    except httpx.LocalProtocolError:
        raise InvalidRequest(f"{where}: the request cannot be written as HTTP") from None  # it quotes headers
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        reason = "within the time to connect" if isinstance(error, httpx.ConnectTimeout) else f"({error})"
        raise ConnectFailed(f"{where} cannot be reached {reason}; is the server running?") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise ConnectFailed(f"{where} has no usable address") from error
    except httpx.RemoteProtocolError as error:
        raise _broken(where, str(error), progress) from error
    except httpx.TransportError as error:
        kind = StreamInterrupted if progress.begun else ConnectionLost
        raise kind(f"{where} broke the connection off ({type(error).__name__})") from error


def _broken(where: str, text: str, progress: Progress) -> CallFailed:
    """Return what a breach of protocol is; the text is httpx's own, never the endpoint's."""
    if not progress.begun and text.startswith("Server disconnected"):
        return ConnectionLost(f"{where} closed the connection without an answer")
    if progress.begun and text.startswith("peer closed"):
        return StreamInterrupted(f"{where} closed the connection in the middle of its answer")
    return MalformedResponse(f"{where} does not speak HTTP")
