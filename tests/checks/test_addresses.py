"""Addresses of endpoints: disguised ones are refused, the path of a call is cut off, and usual ones pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.checks.registry import run_all
from router.config.load import load_source
from router.diagnostics.fix import fixed
from router.diagnostics.source import Source

REST = "version: 1\nmodels: {a: {at: here}}\nrules: [{use: a}]\n"


def check(endpoint: str):
    source = Source("x.yaml", f"endpoints: {{here: {{kind: openai, {endpoint}}}}}\n{REST}")
    found = run_all(load_source(source, Path("/nowhere")))
    return source, [each for each in found if each.code in ("R611", "R810")]


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("64:ff9b::a9fe:a9fe", "hides 169.254.169.254 in the NAT64 form"),
        ("64:ff9b:1::169.254.169.254", "hides 169.254.169.254 in the NAT64 form"),
        ("64:ff9b::100.100.100.200", "hides 100.100.100.200 in the NAT64 form"),
        ("64:ff9b::0.0.0.0", "hides 0.0.0.0 in the NAT64 form"),
        ("2002:a9fe:a9fe::1", "hides 169.254.169.254 in the 6to4 form"),
        ("2002:7f00:1::", "hides 127.0.0.1 in the 6to4 form"),
        ("2001:0:a9fe:a9fe:0:0:5601:5601", "hides 169.254.169.254 in the Teredo form"),
        ("::127.0.0.1", "hides 127.0.0.1 in the IPv4-compatible form"),
        ("::ffff:169.254.169.254", "is the link-local address 169.254.169.254"),
        ("::ffff:8.8.8.8", "is another way to write 8.8.8.8"),
        ("fd00:ec2::254", "is a metadata service"),
    ],
)
def test_an_address_inside_another_is_found(host, why):
    _, (found,) = check(f'url: "http://[{host}]/v1"')
    assert (found.code, found.severity) == ("R611", "error")
    assert why in found.message


@pytest.mark.parametrize(
    "host",
    ["64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "2002:808:808::1", "2606:4700::1", "::1", "fd12:3456::1"],
)
def test_an_address_of_a_server_passes(host):
    assert check(f'url: "http://[{host}]/v1"')[1] == []


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ('"http://127.0.0.1:8080/v1/chat/completions"', '"http://127.0.0.1:8080/v1"'),
        ("http://127.0.0.1:8080/v1/chat/completions/", '"http://127.0.0.1:8080/v1"'),
        ("'https://example.com/v1//completions'", '"https://example.com/v1"'),
        ("http://127.0.0.1/completions", '"http://127.0.0.1"'),
    ],
)
def test_the_path_of_a_call_is_cut_off(url, base):
    source, found = check(f"url: {url}, timeout: 5s")
    assert [each.code for each in found] == ["R810"]
    assert fixed(source, found)[0] == source.text.replace(url, base)


def test_the_path_of_a_call_in_a_reference_is_told_and_left_to_its_author():
    _, (found,) = check('url: "${env:BASE:-http://127.0.0.1:8080/v1/chat/completions}"')
    assert (found.code, found.fixes) == ("R810", ())


@pytest.mark.parametrize(
    "endpoint",
    [
        'url: "http://127.0.0.1/chat/completions/v1"',
        'url: "http://127.0.0.1/v1/mycompletions"',
        'url: "unix:/run/llama.sock"',
        'url: "http://127.0.0.1/v1", proxy: "http://127.0.0.1:3128/completions"',
        'url: "${env:BASE}"',
    ],
)
def test_other_addresses_pass(endpoint):
    assert check(endpoint)[1] == []
