"""The JSON Schema of the language, written from the description that the decoder reads by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from router.config.language import DOCUMENT

if TYPE_CHECKING:
    from router.config.record import Fields
    from router.config.shapes import Schema


def json_schema() -> Schema:
    """Return the schema (Draft 2020-12) of a `router.yaml`; equal runs give equal text."""
    description = "Which model answers what: endpoints, models, and rules of which the first match wins."
    return framed(DOCUMENT, "router", description)


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
