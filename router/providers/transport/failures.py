"""How an exchange fails, and what that is to a caller.

    WireError
    ├── CannotConnect     no connection stands
    │   ├── ConnectTooSlow
    │   └── Refused       for the certificate that was shown, or for none
    ├── Hangup            closed before anything was answered
    ├── CutOff            closed in the middle of the answer
    ├── Lost              broken off
    ├── NotHttp           the answer breaks the protocol, or is beyond measure
    ├── Unsendable        the request cannot be written as HTTP
    └── TooSlow           nothing came in the time that a single wait may take

None of them quotes what was sent or received.
"""

from __future__ import annotations

from router.core.errors import (
    CallFailed,
    ConnectFailed,
    ConnectionLost,
    InvalidRequest,
    MalformedResponse,
    StreamInterrupted,
)
from router.providers.transport.alerts import refusal


class WireError(Exception):
    """An exchange failed."""


class CannotConnect(WireError):
    """No connection stands."""


class ConnectTooSlow(CannotConnect):
    """No connection stood in time."""


class Refused(CannotConnect):
    """The other side refuses the certificate that was shown to it, or asks for one."""


class Hangup(WireError):
    """The other side closed the connection before it answered."""


class CutOff(WireError):
    """The other side closed the connection in the middle of its answer."""


class Lost(WireError):
    """The connection broke off."""


class NotHttp(WireError):
    """The answer breaks the protocol, or is beyond measure."""


class Unsendable(WireError):
    """The request cannot be written as HTTP."""


class TooSlow(WireError):
    """Nothing came in the time that a single wait may take."""


def broken(error: Exception) -> WireError:
    """Return how an exchange fails when its connection breaks."""
    told = refusal(error)
    return Lost(type(error).__name__) if told is None else Refused(told)


def failed(where: str, error: WireError, *, begun: bool) -> CallFailed:
    """Return the kind of failure that an error is, in the words that httpx's errors get.

    Args:
        where: How messages name the endpoint.
        error: What went wrong.
        begun: Whether the head of the answer has arrived.
    """
    match error:
        case Unsendable():
            return InvalidRequest(f"{where}: {error}")
        case CannotConnect() if not begun:
            return ConnectFailed(f"{where} {_unreached(error)}")
        case Hangup():
            return ConnectionLost(f"{where} closed the connection without an answer")
        case CutOff():
            return StreamInterrupted(f"{where} closed the connection in the middle of its answer")
        case NotHttp():
            return MalformedResponse(f"{where} does not speak HTTP: {error}")
        case _:
            kind = StreamInterrupted if begun else ConnectionLost
            return kind(f"{where} broke the connection off ({error})")


def _unreached(error: CannotConnect) -> str:
    match error:
        case ConnectTooSlow():
            return "cannot be reached within the time to connect; is the server running?"
        case Refused():
            return f"refuses the connection: {error}"
        case _:
            return f"cannot be reached ({error}); is the server running?"
