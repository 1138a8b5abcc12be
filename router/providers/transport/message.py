"""A request as bytes. It never shows: its head holds keys, its body prompts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.core.errors import InvalidRequest
from router.core.secret import Secret
from router.providers.transport.failures import Unsendable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping, Sequence

    import httpx

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
SENDABLE = re.compile(r"[\x20-\x7e\t]*\Z")
# What httpx sends too; an endpoint's own fields replace them.
USUAL = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "connection": "keep-alive",
    "user-agent": "pantheon-router",
}


class Message:
    """One request.

    Args:
        head: All of its head.
        body: Its body.
        more: What follows the body, or None.
        bodiless: Whether its answer has no body: a HEAD.
    """

    __slots__ = ("bodiless", "body", "head", "more")

    def __init__(
        self, head: bytes, body: bytes, more: AsyncIterable[bytes] | None = None, *, bodiless: bool = False
    ) -> None:
        self.head = head
        self.body = body
        self.more = more
        self.bodiless = bodiless


def head_of(url: httpx.URL, method: str, headers: Mapping[str, str | Secret], where: str) -> bytes:
    """Return the head of a request to an endpoint, short of the length of its body and the empty line.

    Args:
        url: Where to.
        method: `GET`, `POST` ...
        headers: Header fields; their secrets are revealed.
        where: How messages name the endpoint.

    Raises:
        InvalidRequest: A field has characters that cannot be sent.
    """
    if not TOKEN.match(method.encode()) or not TARGET.match(url.raw_path):
        raise Unsendable("the request cannot be written as HTTP")
    fields: dict[str, tuple[str, str | Secret]] = {name: (name, value) for name, value in USUAL.items()}
    for name, value in headers.items():
        # No variable holds what is revealed: tracebacks may show the variables of a frame.
        if not TOKEN.match(name.encode()) or not SENDABLE.match(_plain(value)):
            raise InvalidRequest(f"{where}: the header {name!r} has characters that cannot be sent")
        fields[name.lower()] = (name, value)
    return _written(
        method.encode(),
        url.raw_path,
        [
            (b"host", url.netloc),
            *((name.encode(), _plain(value).encode()) for name, value in fields.values()),
        ],
    )


def written(method: bytes, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a whole head as it is sent.

    Raises:
        Unsendable: Something of it would be read as something else.
    """
    sendable = TOKEN.match(method) and TARGET.match(target)
    if not sendable or not all(TOKEN.match(name) and VALUE.match(value) for name, value in fields):
        raise Unsendable("the request cannot be written as HTTP")
    return _written(method, target, fields) + b"\r\n"


def _written(method: bytes, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"%b %b HTTP/1.1\r\n%b" % (method, target, b"".join(b"%b: %b\r\n" % each for each in fields))


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
