"""The hosts of endpoints, read as a resolver would read them; nothing is looked up."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from router.config.node import Scalar
from router.core.address import why_refused, wrapped
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.endpoint import EndpointSettings
    from router.config.load import Configuration
    from router.core.address import Address

# Where clouds hand out credentials to whoever asks from the machine itself.
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})

_AUTHORITY = re.compile(r"https?://(\[[^\]]*\]|[^/:?#]*)")


@dataclass(frozen=True, slots=True)
class Place:
    """An address in an endpoint.

    Attributes:
        name: The endpoint's name.
        settings: The endpoint.
        key: `url` or `proxy`.
        url: The address.
        node: Where it stands.
        host: Its host; "" for a socket.
        loopback: Whether it is this machine.
        near: Whether it is this machine or a private network.
        forbidden: Why no endpoint can have it, or "".
    """

    name: str
    settings: EndpointSettings
    key: str
    url: str
    node: Scalar
    host: str
    loopback: bool
    near: bool
    forbidden: str


def endpoint_hosts(configuration: Configuration) -> Iterator[Place]:
    """Yield each address of each endpoint; one that is not known yet is left out."""
    document = configuration.document
    for name, settings in document.endpoints.items() if document is not None else ():
        for key, url in (("url", settings.url), ("proxy", settings.proxy)):
            node = settings.node.entries.get(key)
            if url and isinstance(node, Scalar):
                yield _place(name, settings, key, url, node)


def _place(name: str, settings: EndpointSettings, key: str, url: str, node: Scalar) -> Place:
    found = _AUTHORITY.match(url)
    host = found[1].strip("[]").rstrip(".").casefold() if found else ""
    address, odd = _address(host)
    named_here = not found or host == "localhost" or host.endswith(".localhost")
    loopback = named_here or (address is not None and address.is_loopback)
    near = loopback or (address is not None and address.is_private)
    forbidden = _forbidden(host, address) or odd if found else ""
    return Place(name, settings, key, url, node, host, loopback, near, forbidden)


def _address(host: str) -> tuple[Address | None, str]:
    """Return the address that a host is, and what is odd about how it is written."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _odd_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return mapped, f"is another way to write {mapped}"
    return address, ""


def _odd_address(host: str) -> tuple[Address | None, str]:
    if ":" in host:
        return None, "is no address"
    try:
        # Reads `0x7f.1` and `2130706433` as resolvers do; it looks nothing up.
        address = ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        odd = "is no host name" if not host.strip("-._") or ".." in host else ""
        return None, odd
    return address, f"is another way to write {address}"


def _forbidden(host: str, address: Address | None) -> str:
    if host in METADATA_NAMES:
        return "is a metadata service, which hands out credentials"
    if address is None:
        return ""
    for inner, form in wrapped(address):
        # A wrapped public address is how an IPv6-only network reaches IPv4; one of the machine itself is a disguise.
        if inner.is_loopback or _forbidden("", inner):
            return f"hides {inner} in {form}"
    return why_refused(address)
