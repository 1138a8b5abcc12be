"""The decision table shows what `explain` says, for every call."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import CALLS, DIMENSIONS, tables

from router.compile.compiler import compile_configuration, compile_file
from router.compile.explain import explain
from router.compile.matrix import TooLarge, matrix
from router.compile.sides import NotADimension
from router.config.load import load_source
from router.core.dimension import MEASURED
from router.diagnostics.source import Source
from router.table.index import build

EXAMPLES = Path(__file__).parents[2] / "examples" / "configs"
CONFIGURATIONS = sorted(path for path in EXAMPLES.glob("*.yaml") if not path.name.endswith(".test.yaml"))
HEAD = """\
version: 1
endpoints: {here: {kind: mock}}
models:
  a: {at: here, options: {temperature: 0.5}}
  b: {at: here}
  c: {at: here}
"""
RANGES = """\
rules:
  - {name: short, when: {task: code, tokens: "<= 4000"}, use: [a, b]}
  - {name: long, when: {task: code, tokens: "8001..20000"}, use: {split: {a: 3, b: 1}}}
  - {name: streamed, when: {task: chat, stream: true}, use: c}
"""


def program(text: str):
    return compile_configuration(load_source(Source("x.yaml", HEAD + text), Path("/n")))[0]


def accepts(condition, value) -> bool:
    """Whether a condition, as JSON has it, accepts a value."""
    if isinstance(condition, list):
        return any(accepts(each, value) for each in condition)
    if isinstance(condition, str) and isinstance(value, int) and not isinstance(value, bool):
        if condition[0] in "<>":
            bound = int(condition[3:])
            return value <= bound if condition[0] == "<" else value >= bound
        low, high = condition.split("..")
        return int(low) <= value <= int(high)
    return condition == value


def entries(shown, call):
    return [
        cell
        for cell in shown["cells"]
        if all(accepts(condition, call[name]) for name, condition in cell["call"].items())
    ]


def assert_agrees(compiled, shown, call) -> None:
    """A call is in one entry alone, and that says what `explain` says."""
    (entry,) = entries(shown, call)
    told = explain(compiled, call, {})
    assert (entry["rule"], entry["gap"]) == (told.rule, told.rule is None)
    if told.rule is None:
        assert (entry["models"], entry["temperature"]) == ([], None)
        return
    first = told.candidates[0]
    assert entry["first"] == first.model
    if not entry["split"]:
        assert entry["models"] == list(dict.fromkeys(each.model for each in told.candidates))
    option = first.options.get("temperature")
    assert entry["temperature"] == (option.value if option else None)


def every_call(compiled, numbers=(0,)):
    """Every combination of words and booleans, with some whole numbers."""
    values = [
        each.values if each.kind == "words" else (False, True) if each.kind == "boolean" else numbers
        for each in compiled.dimensions.values()
    ]
    for chosen in product(*values):
        yield dict(zip(compiled.dimensions, chosen, strict=True))


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_every_cell_of_an_example_says_what_explain_says(path):
    compiled, _ = compile_file(path)
    shown = matrix(compiled).as_json()
    for call in every_call(compiled, (0, 1500, 1501, 30_001)):
        assert_agrees(compiled, shown, call)


def test_the_table_of_the_example_has_its_eight_models():
    found = matrix(compile_file(EXAMPLES / "matrix.yaml")[0])
    assert [(edge.dimension, edge.values) for edge in (*found.rows, *found.columns)] == [
        ("task", ("chat", "code", "analysis", "creative")),
        ("priority", ("speed", "quality", "cost")),
        ("complexity", ("simple", "medium", "complex")),
    ]
    written = {
        tuple(cell.call.values()): (cell.outcomes[0].first, cell.outcomes[0].temperature)
        for row in found.cells
        for cell in row
        if cell.outcomes[0].rule != "otherwise"
    }
    assert written == {
        ("chat", "speed", "simple"): ("llama-2-7b-chat", 0.7),
        ("chat", "quality", "complex"): ("llama-2-13b-chat", 0.7),
        ("code", "speed", "simple"): ("starcoder-7b", 0.2),
        ("code", "quality", "complex"): ("code-llama-34b", 0.2),
        ("analysis", "speed", "simple"): ("mistral-7b", 0.3),
        ("analysis", "quality", "complex"): ("llama-2-13b", 0.3),
        ("creative", "speed", "simple"): ("mistral-7b", 0.9),
        ("creative", "quality", "complex"): ("llama-2-13b", 0.9),
    }
    others = [cell.outcomes for row in found.cells for cell in row if cell.outcomes[0].rule == "otherwise"]
    assert len(others) == 28
    assert {outcome.models for outcomes in others for outcome in outcomes} == {("mistral-7b-instruct",)}


def test_whole_numbers_are_intervals_and_calls_without_a_rule_are_gaps():
    compiled = program(RANGES)
    found = matrix(compiled)
    assert [edge.dimension for edge in (*found.rows, *found.columns)] == ["task", "tokens"]
    assert found.columns[0].values == ("<= 4000", "4001..8000", "8001..20000", ">= 20001")
    assert found.rows[0].values == ("chat", "code", ["analysis", "creative"])
    chat, code, others = ([[each.rule for each in cell.outcomes] for cell in row] for row in found.cells)
    assert chat == [["streamed", None]] * 4
    assert code == [["short"], [None], ["long"], [None]]
    assert others == [[None]] * 4
    assert found.gaps == 10
    shown = found.as_json()
    for call in every_call(compiled, (0, 4000, 4001, 8000, 8001, 20_000, 20_001)):
        assert_agrees(compiled, shown, call)


def test_an_outcome_tells_its_chain_its_shares_and_its_place():
    found = matrix(program(RANGES))
    short, long = found.cells[1][0].outcomes[0], found.cells[1][2].outcomes[0]
    assert (short.models, short.first, short.split, short.temperature) == (("a", "b"), "a", None, 0.5)
    assert (long.models, long.first, long.split) == (("a 75% / b 25%",), "a", {"a": 3, "b": 1})
    assert short.at == "x.yaml:8:5"
    assert found.cells[0][0].outcomes[0].when == ({"stream": True},)


def test_tasks_are_told_apart_where_only_their_temperature_differs():
    compiled = program("temperatures: {code: 0.2, default: 0.7}\nrules:\n  - {name: all, use: b}\n")
    found = matrix(compiled)
    assert (found.rows[0].values, found.columns) == ((["chat", "analysis", "creative"], "code"), ())
    assert [row[0].outcomes[0].temperature for row in found.cells] == [0.7, 0.2]


def test_temperatures_are_told_apart_inside_cells_too():
    compiled = program(
        "dimensions: {data: {values: [public, private], default: public}}\n"
        "temperatures: {code: 0.2}\n"
        "rules:\n  - {name: secret, when: {data: private, tools: true}, use: a}\n  - {name: all, use: b}\n"
    )
    found = matrix(compiled, rows=["data"], columns=["tools"])
    told = [(each.rule, each.temperature, each.when) for each in found.cells[1][1].outcomes]
    assert told == [
        ("secret", 0.5, ({"task": ["chat", "analysis", "creative"]},)),
        ("secret", 0.2, ({"task": "code"},)),
    ]
    for call in every_call(compiled):
        assert_agrees(compiled, found.as_json(), call)


def test_one_rule_for_everything_is_one_cell():
    found = matrix(program("rules:\n  - {name: all, use: b}\n"))
    assert (found.rows, found.columns, found.gaps) == ((), (), 0)
    assert [[(cell.call, len(cell.outcomes)) for cell in row] for row in found.cells] == [[({}, 1)]]


def test_rows_and_columns_can_be_chosen():
    compiled = program(RANGES)
    found = matrix(compiled, rows=["stream"])
    assert [[edge.dimension for edge in side] for side in (found.rows, found.columns)] == [
        ["stream"],
        ["task"],
    ]
    found = matrix(compiled, columns=["stream", "tokens"])
    assert [[edge.dimension for edge in side] for side in (found.rows, found.columns)] == [
        ["task"],
        ["stream", "tokens"],
    ]
    shown = found.as_json()
    assert (len(shown["rows"]), len(shown["columns"]), len(shown["cells"])) == (3, 8, 24)
    assert shown["columns"][0] == {"stream": False, "tokens": "<= 4000"}
    for call in every_call(compiled, (0, 5000, 9000, 30_000)):
        assert_agrees(compiled, shown, call)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (["nonsense"], [], "`nonsense` is not a dimension; there are task"),
        (["images"], [], "`images` decides nothing in this file; what decides: task, tokens, stream"),
        (["task"], ["task"], "`task` cannot make rows or columns twice"),
    ],
)
def test_a_dimension_that_makes_no_rows_is_refused(rows, columns, message):
    with pytest.raises(NotADimension, match=re.escape(message)):
        matrix(program(RANGES), rows, columns)


def many(count: int, dimensions: int) -> str:
    """Return rules that tell all of `count` words apart, in each of some dimensions."""
    words = [f"w{number}" for number in range(count)]
    lines = ["dimensions:"]
    lines += [f"  d{each}: {{values: [{', '.join(words)}], default: w0}}" for each in range(dimensions)]
    lines.append("rules:")
    for each, word in product(range(dimensions), words):
        lines.append(f"  - {{name: d{each}-{word}, when: {{d{each}: {word}, tools: true}}, use: a}}")
    return "\n".join(lines) + "\n"


def test_a_table_of_too_many_cells_is_refused_and_by_default_made_smaller():
    compiled = program(many(60, 2))
    with pytest.raises(TooLarge, match="3,600 cells, more than 2,000"):
        matrix(compiled, ["d0"], ["d1"])
    found = matrix(compiled)
    assert [edge.dimension for edge in (*found.rows, *found.columns)] == ["d0", "tools"]


@pytest.mark.parametrize("limit", ["MOST_REGIONS", "MOST_LOOKED_AT"])
def test_too_many_regions_inside_cells_are_refused(limit, monkeypatch):
    monkeypatch.setattr(f"router.compile.matrix.{limit}", 4)
    with pytest.raises(TooLarge, match="the cells of the table would hold more than"):
        matrix(program(RANGES))


def test_conditions_inside_a_cell_are_as_few_as_can_be():
    compiled = program("""\
rules:
  - {name: corner, when: {task: code, priority: cost}, use: c}
  - {name: blind, when: {tools: true, images: false}, use: a}
  - {name: sees, when: {images: true}, use: b}
  - {name: bare, when: {tools: false}, use: c}
  - {name: rest, when: {tools: true}, use: a}
""")
    found = matrix(compiled)
    assert [(each.rule, each.when) for each in found.cells[0][0].outcomes] == [
        ("blind", ({"tools": True, "images": False},)),
        ("sees", ({"images": True},)),
        ("bare", ({"tools": False, "images": False},)),
    ]
    for call in every_call(compiled):
        assert_agrees(compiled, found.as_json(), call)


BASE = program("temperatures: {code: 0.2, default: 0.7}\nrules:\n  - {name: all, use: b}\n")


@settings(max_examples=60)
@given(tables, st.permutations(list(DIMENSIONS)), st.integers(0, 2))
def test_random_tables_are_shown_exactly(rules, order, chosen):
    dimensions = {**{each.name: each for each in MEASURED}, **DIMENSIONS}
    uses = [("a",), ("b", "c"), ("c", "a")]
    routes = tuple(
        replace(
            BASE.routes[0],
            name=f"r{number}",
            accepted=rule,
            uses=uses[number % 3],
            candidates=tuple(d for use in uses[number % 3] for d in BASE.models[use].deployments),
        )
        for number, rule in enumerate(rules)
    )
    compiled = replace(BASE, dimensions=dimensions, routes=routes, table=build(dimensions, rules))
    try:
        shown = matrix(compiled, rows=order[:chosen]).as_json()
    except NotADimension:
        shown = matrix(compiled).as_json()
    for call in CALLS[::7]:
        assert_agrees(compiled, shown, {"images": False, "json": False, "stream": False, **call})


def test_the_json_object_is_complete():
    shown = matrix(program(RANGES)).as_json()
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["format_version"], shown["file"], shown["rules"], shown["gaps"]) == ("1.0", "x.yaml", 3, 10)
    assert shown["dimensions"] == {"rows": ["task"], "columns": ["tokens"]}
    entry = next(cell for cell in shown["cells"] if cell["rule"] == "short")
    assert entry == {
        "row": 1,
        "column": 0,
        "call": {"task": "code", "tokens": "<= 4000"},
        "rule": "short",
        "first": "a",
        "models": ["a", "b"],
        "split": None,
        "temperature": 0.5,
        "gap": False,
    }
