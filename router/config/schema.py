"""The JSON Schema of the language, written from the description that the decoder reads by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from router.config.language import DOCUMENT, Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.record import Fields
    from router.config.shapes import Schema


PART = "Part"


def json_schema() -> Schema:
    """Return the schema (Draft 2020-12) of a `router.yaml`; equal runs give equal text."""
    description = "Which model answers what: endpoints, models, and rules of which the first match wins."
    return _also_in_parts(framed(DOCUMENT, "router", description))


def _also_in_parts(schema: Schema) -> Schema:
    """Return a schema by which a file that names others may leave to them what is required."""
    merged = {"anyOf": [{"required": [name]} for name in Document.MERGED]}
    whole: str = schema.pop("$ref")
    parts = _parts(schema["$defs"], whole.rpartition("/")[2])
    parts[f"Document{PART}"]["required"] = [name for name, spec in DOCUMENT.keys.items() if spec.own]
    branches = {"if": merged, "then": {"$ref": f"{whole}{PART}"}, "else": {"$ref": whole}}
    return {**schema, **branches, "$defs": dict(sorted({**schema["$defs"], **parts}.items()))}


def _parts(defs: Schema, root: str) -> Schema:
    """Return a definition without what it requires, and likewise those it refers to that require something."""
    changed = {name for name, each in defs.items() if _loose(each) != each}
    while more := {name for name, each in defs.items() if changed & set(_references(each))} - changed:
        changed |= more
    parts: Schema = {}
    wanted = [root]
    while wanted:
        name = wanted.pop()
        if f"{name}{PART}" not in parts:
            parts[f"{name}{PART}"] = _renamed(_loose(defs[name]), changed)
            wanted += changed & set(_references(defs[name]))
    return parts


def _loose(schema: Schema) -> Schema:
    """Return the schema of a record without what it requires."""
    if "properties" not in schema:
        return schema
    rules = schema.get("allOf", [])
    if any("then" in rule for rule in rules):
        branches = [{**rule, "then": _loose(rule["then"])} for rule in rules]
        without = {"if": {"not": {"required": ["kind"]}}, "then": _joined(branches)}
        left = {**schema, "required": None, "allOf": [*branches, without]}
    else:
        rules = [rule for rule in rules if "anyOf" not in rule]
        left = {**schema, "required": None, "dependentRequired": None, "allOf": rules}
    return {word: left[word] for word in schema if left[word] or word == "additionalProperties"}


def _joined(branches: list[Schema]) -> Schema:
    """Return the schema of a record whose kind stands in another file: it may have the keys of all kinds."""
    joined: Schema = {"properties": {}, "allOf": []}
    for branch in branches:
        each = branch["then"]
        joined["properties"] |= each["properties"]
        joined["allOf"] += [rule for rule in each.get("allOf", ()) if rule not in joined["allOf"]]
        joined = {**each, **joined}
    return joined


def _references(schema: Any) -> Iterator[str]:
    """Yield the definitions that a schema refers to; not from lists, which are not merged."""
    if isinstance(schema, list):
        for each in schema:
            yield from _references(each)
    elif isinstance(schema, dict):
        for word, value in schema.items():
            if word == "$ref" and isinstance(value, str):
                yield value.rpartition("/")[2]
            elif word != "items":
                yield from _references(value)


def _renamed(schema: Any, names: set[str]) -> Any:
    """Return a schema whose references to some definitions lead to their parts."""
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref", "").rpartition("/")[2] in names:
        return {**schema, "$ref": f"{schema['$ref']}{PART}"}
    return {word: value if word == "items" else _renamed(value, names) for word, value in schema.items()}


def framed(root: Fields, name: str, description: str) -> Schema:
    """Return a whole schema for files called `NAME.yaml`."""
    defs: Schema = {}
    inner = root.schema(defs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{name}.schema.json",
        "title": f"{name}.yaml",
        "description": description,
        **inner,
        "$defs": dict(sorted(defs.items())),
    }


def as_text(schema: dict[str, Any]) -> str:
    """Return a schema as the file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
