from __future__ import annotations

import os
from pathlib import Path

from router.config.language import DOCUMENT
from router.config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_reference_in_the_tree_is_what_the_description_gives():
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(reference(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_key_of_the_file_and_of_what_is_in_it_is_there():
    text = reference()
    defs: dict[str, object] = {}
    DOCUMENT.schema(defs)
    records = {name: part for name, part in defs.items() if name not in ("Condition", "Use")}
    for part in _parts(records):
        for name in part.get("properties", {}) if part.get("additionalProperties") is False else ():
            assert f"`{name}`" in text


def test_what_is_required_and_what_is_not_supported_yet_is_said():
    text = reference()
    assert "| `version` | The language's version: 1. | `1` | **required** |" in text
    assert "*Not supported yet" in text


def _parts(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)
