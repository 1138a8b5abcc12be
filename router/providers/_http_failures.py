"""What httpx raises, as the kinds of failure."""

from __future__ import annotations

import ssl

import httpx

from router.core.errors import (
    CallFailed,
    ConnectFailed,
    ConnectionLost,
    InvalidRequest,
    MalformedResponse,
    StreamInterrupted,
)
from router.providers.transport.alerts import refusal

# A name that no resolver can be asked for is a UnicodeError; alerts of TLS behind the handshake come through as they are.
FOREIGN = (httpx.TransportError, httpx.InvalidURL, UnicodeError, ssl.SSLError)


def failure(where: str, error: Exception, *, begun: bool) -> CallFailed:
    """Return the kind of failure that a foreign error is.

    Its cause is a likeness of the foreign error: that one itself carries the request, and frames whose variables
    hold the request's header fields, keys and all.

    Args:
        where: How messages name the endpoint.
        error: One of `FOREIGN`.
        begun: Whether the head of the answer has arrived.
    """
    found = _failure(where, error, begun=begun)
    if isinstance(error, UnicodeError):
        found.__cause__ = UnicodeError(str(error))
    elif not isinstance(error, httpx.ProtocolError):  # those quote header fields
        found.__cause__ = type(error)(str(error))
    return found


def _failure(where: str, error: Exception, *, begun: bool) -> CallFailed:
    refused = None if begun else refusal(error)
    if refused is not None:
        return ConnectFailed(f"{where} refuses the connection: {refused}")
    match error:
        case httpx.LocalProtocolError():
            return InvalidRequest(f"{where}: the request cannot be written as HTTP")
        case httpx.ConnectTimeout():
            return ConnectFailed(
                f"{where} cannot be reached within the time to connect; is the server running?"
            )
        case httpx.ConnectError() | httpx.ProxyError():
            return ConnectFailed(f"{where} cannot be reached ({error}); is the server running?")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | UnicodeError():
            return ConnectFailed(f"{where} has no usable address")
        case httpx.RemoteProtocolError():
            return _broken(where, str(error), begun=begun)
        case _:
            kind = StreamInterrupted if begun else ConnectionLost
            return kind(f"{where} broke the connection off ({type(error).__name__})")


def _broken(where: str, text: str, *, begun: bool) -> CallFailed:
    """Return what a breach of protocol is; the text is httpx's own, never the endpoint's."""
    if not begun and text.startswith("Server disconnected"):
        return ConnectionLost(f"{where} closed the connection without an answer")
    if begun and text.startswith("peer closed"):
        return StreamInterrupted(f"{where} closed the connection in the middle of its answer")
    return MalformedResponse(f"{where} does not speak HTTP")
