"""A test of a rule, ready to be pasted into a file of routing tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9_ .-]*[A-Za-z0-9_-])?\Z")
# What readers of YAML take for something else than text, and the word that expects nothing.
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"})


def ready_test(rule: str, given: Mapping[str, object]) -> str:
    """Return an item of `tests` that expects a rule to decide a call."""
    call = ", ".join(f"{in_flow(name)}: {in_flow(value)}" for name, value in given.items())
    name = in_flow(rule)
    return f"- {{name: {name}, given: {{{call}}}, expect: {{rule: {name}}}}}"


def in_flow(value: object) -> str:
    """Return a word, a number or a boolean as it may stand inside `{...}` or `[...]`."""
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    plain = _PLAIN.match(value) and value.casefold() not in _RESERVED
    return value if plain else f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"
