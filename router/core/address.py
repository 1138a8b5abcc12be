"""Where addresses lead: those that no endpoint may have, and those that are this machine or near it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds hand out credentials to whoever asks from the machine itself.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254", "fd00:42::42"),
    )
)
_AMAZON = ipaddress.IPv6Network("fd00:ec2::/32")  # of 254 and 23, and more may come

# Prefixes under which an IPv4 address is wrapped in the last 32 bits, and what a message calls each.
_WRAPPINGS = (
    (ipaddress.IPv6Network("64:ff9b::/96"), "the NAT64 form"),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), "the NAT64 form"),
    (ipaddress.IPv6Network("::/96"), "the IPv4-compatible form"),
)


def why_refused(address: Address) -> str:
    """Return why no endpoint may have this address, as the end of a sentence about it; "" when it may."""
    for each in (address, *(inner for inner, _ in wrapped(address))):
        if each in METADATA or each in _AMAZON:
            return "is a metadata service, which hands out credentials"
        if each.is_link_local:
            return f"is the link-local address {each}, where metadata services are"
        if each.is_unspecified or each.is_multicast:
            return "is no address of a server"
    return ""


def is_here(address: Address) -> bool:
    """Return whether an address is this machine itself."""
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_near(address: Address) -> bool:
    """Return whether an address is this machine or one of a private network, and none of the public internet."""
    return not any(each.is_global for each in (address, *(inner for inner, _ in wrapped(address))))


def wrapped(address: Address) -> Iterator[tuple[ipaddress.IPv4Address, str]]:
    """Yield the IPv4 addresses that an IPv6 address leads to, with the form it wraps each in."""
    if not isinstance(address, ipaddress.IPv6Address) or address.is_unspecified or address.is_loopback:
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped, "the IPv4-mapped form"
    if address.sixtofour is not None:
        yield address.sixtofour, "the 6to4 form"
    if address.teredo is not None:
        yield address.teredo[1], "the Teredo form"
    for network, form in _WRAPPINGS:
        if address in network:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF), form
