"""Addresses that no endpoint may have, however they are written."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from router.core.address import is_here, is_near, why_refused


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("169.254.169.254", "link-local address 169.254.169.254"),
        ("169.254.0.1", "link-local"),
        ("::ffff:169.254.169.254", "link-local address 169.254.169.254"),
        ("64:ff9b::a9fe:a9fe", "link-local address 169.254.169.254"),
        ("2002:a9fe:a9fe::", "link-local address 169.254.169.254"),
        ("64:ff9b:1::a9fe:a9fe", "link-local address 169.254.169.254"),
        ("::a9fe:a9fe", "link-local address 169.254.169.254"),
        ("2001:0:4136:e378:8000:63bf:5601:5601", "link-local address 169.254.169.254"),
        ("fe80::1", "link-local"),
        ("fe80::1%2", "link-local"),
        ("fd00:ec2::254", "metadata service"),
        ("fd00:ec2::23", "metadata service"),
        ("fd20:ce::254", "metadata service"),
        ("100.100.100.200", "metadata service"),
        ("::ffff:168.63.129.16", "metadata service"),
        ("0.0.0.0", "no address of a server"),  # noqa: S104 - refused
        ("::", "no address of a server"),
        ("224.0.0.1", "no address of a server"),
        ("ff02::1", "no address of a server"),
    ],
)
def test_an_address_that_hands_out_credentials_or_is_no_server_is_refused(address, why):
    assert why in why_refused(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.2", "8.8.8.8", "fd00::1", "2606:4700::1", "64:ff9b::808:808"],
)
def test_every_other_address_may_be_an_endpoints(address):
    assert why_refused(ip_address(address)) == ""


@pytest.mark.parametrize(
    ("address", "here", "near"),
    [
        ("127.0.0.1", True, True),
        ("127.0.1.1", True, True),
        ("::1", True, True),
        ("::ffff:127.0.0.1", True, True),
        ("64:ff9b::7f00:1", False, False),
        ("10.0.0.1", False, True),
        ("192.168.1.2", False, True),
        ("100.64.0.1", False, True),
        ("fd00::1", False, True),
        ("8.8.8.8", False, False),
        ("::ffff:8.8.8.8", False, False),
        ("2002:808:808::", False, False),
        ("2003::1", False, False),
    ],
)
def test_an_address_is_this_machine_or_near_it_or_neither(address, here, near):
    assert (is_here(ip_address(address)), is_near(ip_address(address))) == (here, near)
