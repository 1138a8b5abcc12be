"""What an adapter knows of HTTP: a request, an answer, and something that turns one into the other."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from router.core.request import Endpoint
    from router.core.secret import Secret

BODY_CAP = 64 * 1024 * 1024
# Seconds that an idle connection is kept: llama.cpp and uvicorn close theirs after five, and who sends at that
# moment loses the request.
KEEP_ALIVE = 4.0
# Where paths begin on a unix socket, for kinds whose own do not begin with `/v1`.
SOCKET_BASE = {"ollama": "http://localhost"}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent.

    Attributes:
        method: `GET`, `POST` ...
        path: Appended to the endpoint's address; begins with a slash.
        rooted: Whether the path begins at the host's root instead.
        headers: Header fields; a secret is revealed only on the way out.
        body: The body.
    """

    method: str
    path: str
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    rooted: bool = False


class HttpResponse(Protocol):
    """The head of an answer, and its body."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields; names are found in lower case."""
        ...

    async def read(self, limit: int = BODY_CAP) -> bytes:
        """Return the first `limit` bytes of the body at most."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Iterate over the body as it arrives."""
        ...

    async def linger(self) -> None:
        """Wait a moment for the end of a body that says no more, so that its connection is kept."""
        ...


class Prompt(HttpResponse, Protocol):
    """What an answer may be that can be read without waiting."""

    def whole(self) -> bytes | None:
        """Return the body, of which nothing was read yet, if all of it is there: then there is nothing left to free."""
        ...


class Transport(Protocol):
    """Sends requests to one endpoint."""

    def open(self, request: HttpRequest) -> AbstractAsyncContextManager[HttpResponse]:
        """Send; entering waits for the head, leaving frees the connection. Raises `CallFailed` only."""
        ...

    async def close(self) -> None:
        """Close the connections; it may be opened again afterwards."""
        ...


def place(endpoint: Endpoint) -> str:
    """Return how messages name an endpoint: its name and its host:port."""
    if endpoint.url.startswith("unix:"):
        return f"{endpoint.name} ({endpoint.url})"
    parts = urlsplit(endpoint.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{endpoint.name} ({parts.hostname}:{port})"
