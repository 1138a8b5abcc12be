"""The language of `*.test.yaml`, described once, like that of `router.yaml`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from router.config.compound import Anything, ListOf, MapOf
from router.config.record import Fields, Record, key, record
from router.config.schema import framed
from router.config.script import STEP
from router.config.shapes import Text
from router.core.units import parse_duration

if TYPE_CHECKING:
    from router.config.shapes import Schema

SUFFIX = ".test.yaml"
# What can be expected of any test, beside options by their names, and of one with a `script` alone.
DECIDED = ("rule", "model", "models", "endpoint", "locality")
SCRIPTED = ("attempts", "served_by", "elapsed", "error")
EXPECTATIONS = (*DECIDED, *SCRIPTED)
ARROW = "->"
NONE = "none"
_BOUND = re.compile(r"(<=|>=|<|>)?\s*(.+)\Z")


@record
class TestSettings(Record):
    """One test, or a table of them."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (
        ("given", "columns"),
        ("expect", "columns"),
        ("script", "columns"),
    )
    ONE_OF: ClassVar[tuple[str, ...]] = ("expect", "columns")
    NEEDS: ClassVar[tuple[tuple[str, str], ...]] = (("columns", "rows"), ("rows", "columns"))

    name: str = key(Text(), "What it shows.")
    given: dict[str, object] = key(
        MapOf(Anything(), "value"),
        "The call: dimensions, measured ones too, options, `model`, `user`; a list stands for each of its values.",
        default=None,
    )
    expect: dict[str, object] = key(
        MapOf(Anything(), "expectation"),
        "What is compared: rule, model (the first choice), models (the chain), endpoint, locality, any option by name; under a `script` also"
        " attempts (endpoints), served_by, elapsed, error.",
        default=None,
    )
    columns: tuple[str, ...] = key(
        ListOf(Text(), least=2),
        "Columns of a table: what is given, then `-> ` and what is expected.",
        default=(),
    )
    rows: tuple[tuple[object, ...], ...] = key(
        ListOf(ListOf(Anything()), least=1), "One test a row.", default=()
    )
    script: dict[str, tuple[object, ...]] = key(
        MapOf(ListOf(STEP, least=1), "endpoint"),
        "A scripted world on a virtual clock: what each endpoint does, a step a request, the last one for ever.",
        default=None,
    )


@record
class TestFile(Record):
    """Tests of one configuration."""

    config: str = key(Text(), "The configuration, as a path from this file's folder.")
    defaults: dict[str, object] = key(
        MapOf(Anything(), "value"), "What every test is given unless it says otherwise.", default=None
    )
    tests: tuple[TestSettings, ...] = key(ListOf(Fields(TestSettings), least=1), "The tests.")


TEST_FILE = Fields(TestFile)


def json_schema() -> Schema:
    """Return the JSON Schema of test files (Draft 2020-12)."""
    return framed(TEST_FILE, "router.test", "Tests of routing: what a configuration does with calls.")


def parse_bound(text: str) -> tuple[str, float] | None:
    """Return the sign and the seconds of `<= 60s`, `> 2s` or `2s` (sign ""); None if the text is no such time."""
    found = _BOUND.match(text)
    seconds = parse_duration(found[2]) if found else None
    return (found[1] or "", seconds) if found and seconds is not None else None
