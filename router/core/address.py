"""Addresses that no endpoint may have, whether the file writes them or a name leads there."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds hand out credentials to whoever asks from the machine itself.
METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def why_refused(address: Address) -> str:
    """Return why no endpoint may have this address, as the end of a sentence about it; "" when it may."""
    address = _carried(address)
    if address in METADATA:
        return "is a metadata service, which hands out credentials"
    if address.is_link_local:
        return f"is the link-local address {address}, where metadata services are"
    if address.is_unspecified or address.is_multicast:
        return "is no address of a server"
    return ""


def _carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
