"""Processors by name, those of other packages too."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from router.config import processors as described
from router.core.errors import ConfigError
from router.core.processor import ProcessorUse
from router.processors import registry


class Shout:
    """A processor of another package."""

    def __init__(self, *, sign="!"):
        if not sign:
            raise ValueError("sign is empty")
        self._sign = sign

    def begin(self, _request):
        return self

    def feed(self, text):
        return text.upper()

    def end(self):
        return self._sign


def quiet(**_options):
    return lambda messages: messages


def installed(monkeypatch, **objects):
    """Have packages that provide these processors."""
    entries = [EntryPoint(name, value, registry.GROUP) for name, value in objects.items()]

    def entry_points(group, name=None):
        return [each for each in entries if group == registry.GROUP and name in (None, each.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


HERE = __name__


def test_what_the_language_describes_is_what_is_built():
    assert set(described.NAMES["before"]) == set(registry.BEFORE)
    assert set(described.NAMES["after"]) == set(registry.AFTER)


def test_a_package_may_provide_one(monkeypatch):
    installed(monkeypatch, shout=f"{HERE}:Shout", quiet=f"{HERE}:quiet")
    found = registry.after(ProcessorUse("shout", {"sign": "?"}))
    assert found.begin(None).end() == "?"
    assert registry.before(ProcessorUse("quiet"))(("a",)) == ("a",)
    assert HERE in registry.version(ProcessorUse("shout"))
    assert registry.version(ProcessorUse("strip")) == ""
    assert described.provided() == ("quiet", "shout")


@pytest.mark.parametrize(
    ("verb", "name", "options", "why"),
    [
        ("after", "shout", {"sign": ""}, "refuses its options: sign is empty"),
        ("after", "shout", {"loud": 1}, "refuses its options"),
        ("before", "shout", {}, "changes answers; it belongs under `after`"),
        ("after", "quiet", {}, "changes messages; it belongs under `before`"),
        ("after", "gone", {}, "cannot be imported"),
        ("after", "nobody", {}, "provided by no installed package"),
    ],
)
def test_one_that_is_of_no_use_is_told_with_its_place(monkeypatch, verb, name, options, why):
    installed(monkeypatch, shout=f"{HERE}:Shout", quiet=f"{HERE}:quiet", gone="no_such_module:Thing")
    with pytest.raises(ConfigError, match=f"r.yaml:3:4: processor `{name}`.*{why}"):
        getattr(registry, verb)(ProcessorUse(name, options, "r.yaml:3:4"))
