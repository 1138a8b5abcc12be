"""Which client carries the bytes: the fast one where it can serve, unless the file says otherwise."""

from __future__ import annotations

import pytest

from router import ConfigError, load_router
from router.core.carrier import Carrier, carrier, fast_installed
from router.core.request import Endpoint
from router.providers import create
from router.providers._http import transport_for

FILE = """\
version: 1
endpoints:
  here: {{kind: openai, url: "http://127.0.0.1:8080/v1"{more}}}
models: {{m: {{at: here}}}}
rules: [{{use: m}}]
"""


def chosen(**settings):
    return carrier(Endpoint("here", "openai", "local", "http://127.0.0.1:8080", settings=settings))


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setattr("router.core.carrier.fast_installed", lambda: False)


def explained(folder, more=""):
    file = folder / "router.yaml"
    file.write_text(FILE.format(more=more), encoding="utf-8")
    return [words for key, words in load_router(file).explain().policies if key == "transport"]


def test_the_fast_one_carries_unless_the_file_says_httpx():
    assert fast_installed()
    assert chosen() == chosen(transport="fast") == Carrier("fast")
    assert chosen(transport="httpx") == Carrier("httpx")


def test_what_has_a_proxy_goes_through_httpx():
    found = chosen(proxy="http://127.0.0.1:3128")
    assert (found.name, found.trouble) == ("httpx", None)
    assert "proxies" in found.why


@pytest.mark.usefixtures("absent")
def test_without_the_extra_httpx_carries_and_says_why():
    assert chosen().name == "httpx"
    assert "pip install 'pantheon-router[fast]'" in chosen().why
    assert chosen(transport="httpx") == Carrier("httpx")


def test_an_explanation_says_which_where_it_is_not_the_usual_one(tmp_path):
    assert explained(tmp_path) == []
    assert explained(tmp_path, ", transport: httpx") == ["here: httpx"]
    assert explained(tmp_path, ", transport: fast") == ["here: fast"]
    assert explained(tmp_path, ", proxy: 'http://127.0.0.1:3128'") == [
        "here: httpx, for the fast transport knows no proxies"
    ]


def test_an_endpoint_decides_what_carries():
    for name, module in (("httpx", "_http"), ("fast", "transport.fast")):
        endpoint = Endpoint("a", "openai", "local", "http://127.0.0.1:1", settings={"transport": name})
        assert type(transport_for(endpoint)).__module__ == f"router.providers.{module}"


@pytest.mark.usefixtures("absent")
def test_a_file_that_asks_for_the_fast_one_without_the_extra_is_refused_when_it_is_loaded(tmp_path):
    with pytest.raises(ConfigError, match="not installed") as caught:
        explained(tmp_path, ", transport: fast")
    (found,) = caught.value.findings
    assert (found.path, found.span.line) == ("endpoints.here.transport", 3)
    assert "leave `transport` out" in found.help
    with pytest.raises(ConfigError, match="not installed"):
        create(Endpoint("a", "openai", "local", "http://127.0.0.1:1", settings={"transport": "fast"}))


def test_the_fast_one_and_a_proxy_exclude_each_other(tmp_path):
    with pytest.raises(ConfigError) as caught:
        explained(tmp_path, ", transport: fast, proxy: 'http://127.0.0.1:3128'")
    (found,) = caught.value.findings
    assert (found.code, found.span.line) == ("R207", 3)
    assert "knows no proxies" in found.message
    assert explained(tmp_path, ", transport: httpx, proxy: 'http://127.0.0.1:3128'") == ["here: httpx"]
