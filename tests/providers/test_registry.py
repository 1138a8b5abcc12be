"""Kinds are found by name, and imported only then."""

from __future__ import annotations

import subprocess
import sys

import pytest

from router.core.errors import ConfigError
from router.core.request import Endpoint
from router.providers import KINDS, create
from router.providers.mock import MockProvider


class Entry:
    value = "somewhere:Else"

    def __init__(self, found):
        self.found = found

    def load(self):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def endpoint(kind, **fields):
    return Endpoint("x", kind, "local", "http://127.0.0.1:1", settings={"path": "x"}, **fields)


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_kind_is_made(kind):
    assert hasattr(create(endpoint(kind)), "open")


def test_an_unknown_kind_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match="'opnai' is unknown; built in are openai, anthropic, "):
        create(endpoint("opnai"))


def test_a_third_partys_kind_is_found_by_its_entry_point(monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Entry(MockProvider)])
    assert isinstance(create(endpoint("theirs")), MockProvider)


def test_a_third_partys_kind_that_cannot_be_imported_is_told(monkeypatch):
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Entry(ImportError("no module"))])
    with pytest.raises(ConfigError, match="somewhere:Else cannot be imported: no module"):
        create(endpoint("theirs"))


def test_importing_the_package_imports_no_http_client_and_no_engine():
    program = "import sys, router.providers, router.testing, router.testing.contract; print({'httpx', 'xllamacpp', 'pytest'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
