from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random

import pytest
from config.mutations import SMALL, mutated, node_of
from jsonschema import Draft202012Validator

from router.config.expand import Decoding
from router.config.language import DOCUMENT
from router.config.node import plain
from router.config.schema import as_text, json_schema
from router.config.yaml import read
from router.diagnostics.source import Source

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schemas" / "router.schema.json"
VALIDATOR = Draft202012Validator(json_schema())


def whole():
    return plain(read(Source("whole.yaml", (HERE / "data" / "whole.yaml").read_text(encoding="utf-8")))[0])


def shape_problems(node):
    to = Decoding(Source("mutated.yaml", ""), HERE)
    DOCUMENT.decode(node, to, "the file")
    return [problem for problem in to.problems if problem.shape]


def parts(schema):
    """Yield every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts(inner)


def test_the_schema_in_the_tree_is_the_one_the_description_gives():
    text = as_text(json_schema())
    if os.environ.get("UPDATE_GOLDEN"):
        SCHEMA.write_text(text, encoding="utf-8")
    assert SCHEMA.read_text(encoding="utf-8") == text


def test_the_schema_is_legal_draft_2020_12():
    Draft202012Validator.check_schema(json_schema())


def test_the_schema_has_no_one_of_because_validators_cannot_explain_it():
    assert '"oneOf"' not in json.dumps(json_schema())


def test_every_property_is_described():
    silent = [
        name
        for part in parts(json_schema())
        for name, value in (part.get("properties") or {}).items()
        if part.get("additionalProperties") is False and not value.get("description")
    ]
    assert silent == []


def test_the_whole_example_and_the_small_ones_are_valid():
    for document in (whole(), *SMALL):
        assert shape_problems(node_of(document)) == []
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("seed", range(8))
def test_the_schema_refuses_exactly_what_the_decoder_calls_a_problem_of_shape(seed):
    random = Random(seed)
    documents = (*SMALL, *SMALL, *SMALL, whole())
    for _ in range(300):
        document = mutated(random.choice(documents), random)
        problems = shape_problems(node_of(document))
        errors = [] if VALIDATOR.is_valid(document) else [_told(document)]
        assert bool(problems) == bool(errors), f"{document}\n\ndecoder: {problems}\n\nschema: {errors}"


def _told(document):
    error = next(VALIDATOR.iter_errors(document))
    return f"{error.json_path}: {error.message}"
