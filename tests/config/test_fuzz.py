"""Whatever stands in a file: findings, never an exception, and within a second."""

from __future__ import annotations

import copy
import json
import os
import re
import time
from pathlib import Path
from random import Random

import pytest
from config.ignored import RICH, documents, loaded, makes_no_sense, outcome, text_of
from config.mutations import WORDS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.checks.registry import run_all
from router.compile.compiler import compile_configuration
from router.compile.diff import diff
from router.config.load import load_file, load_source
from router.core.errors import ConfigError
from router.diagnostics.diagnostic import count
from router.diagnostics.fix import fixed
from router.diagnostics.machine import as_json
from router.diagnostics.source import Source
from router.diagnostics.text import concise, human, summary

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage

HERE = Path(__file__).parent
BLOCKS = """\
# a file in the style of blocks
version: 1
dimensions:
  data:
    values: [public, private]
    default: public  # unless said
endpoints:
  here:
    kind: openai  # llama.cpp
    url: "http://127.0.0.1:8080/v1"
    timeout: 30s
  there:
    kind: mock
models:
  # the small one
  small:
    at: here
    context: 4096  # tokens
    options:
      temperature: 0.2
  large:
    at: [there, here]
    temperature: 0.5
rules:
  # privacy first
  - name: private
    when:
      data: private
      tools: [true, false]
    use: small
  - name: code
    when: {task: code, tokens: "< 8000"}  # short
    use: [small, large]
  - name: long
    when: {task: code, tokens: "> 8000"}
    use: large
    deadline: 100s
  - use: small
    # nothing follows
deadline: 60s
"""
WORD = re.compile(r"[\w.$]+")
WHOLE = (HERE / "data" / "whole.yaml").read_text(encoding="utf-8")
TOKENS = st.sampled_from(
    [
        *(
            "version: 1",
            "endpoints:",
            "models:",
            "rules:",
            "here:",
            "at:",
            "use:",
            "when:",
            "matrix:",
            "rows:",
            "kind:",
        ),
        *(
            " ",
            "  ",
            "\n",
            "\n  ",
            "\n    ",
            "\t",
            "- ",
            ": ",
            ", ",
            "[",
            "]",
            "{",
            "}",
            '"',
            "'",
            "|",
            ">",
            "#",
            "&a ",
            "*a",
        ),
        *(
            "openai",
            "mock",
            "here",
            "any",
            "not",
            "others",
            "split",
            "null",
            "~",
            "true",
            "no",
            "1",
            "1.5",
            ".inf",
            "0x1F",
        ),
        *(
            "${env:X}",
            "${env:X:-1}",
            "${",
            "${file:x}",
            "<<: *a",
            "!!str ",
            "---\n",
            "...",
            "? ",
            "é",
            "日本",
            "\x00",
            "\ud800",
        ),
        *(
            " sk-abcdefghijkl",
            "key: ",
            "30s",
            "$5",
            "> 5",
            "1..2",
            "\u2028",
            "\u202e",
            "\ufeff",
            "%YAML 1.1\n",
            "@",
            "`",
        ),
    ]
)
CASES = 2000 if os.environ.get("CI") == "true" else 200
FUZZ = settings(
    max_examples=max(CASES, 500),
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def checked(text: str, env: dict[str, str] | None = None) -> None:
    began = time.perf_counter()
    source = Source("fuzz.yaml", text)
    found = run_all(load_source(source, Path("/nowhere"), env))
    printed = human(found, {"fuzz.yaml": source}) + concise(found) + summary(count(found), 0)
    printed += json.dumps(as_json(found))
    assert time.perf_counter() - began < 1
    assert "sk-abcdefghijkl" not in printed
    printed.encode()
    assert not {"\x00", "\x1b", "\u202e"} & set(printed)


@FUZZ
@given(st.lists(TOKENS, max_size=40).map("".join))
def test_text_that_looks_like_yaml_never_raises(text):
    checked(text)


@FUZZ
@given(st.text(max_size=200))
def test_any_text_never_raises(text):
    checked(text)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_never_raise(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(data)
    configuration = load_file(path)
    human(run_all(configuration), {str(path): configuration.source})


@pytest.mark.parametrize("seed", range(10))
def test_a_changed_example_never_raises(seed):
    random = Random(seed)
    for number in range(15):
        text = WHOLE
        for _ in range(random.choice((1, 1, 2, 5))):
            begin = random.randrange(len(text))
            end = begin + random.choice((0, 1, 1, 2, 10, 40))
            piece = random.choice((*"{}[]:,\"'\n\t -#&*!", "", "${env:X}", "null", WHOLE[end : end + 30]))
            text = text[:begin] + piece + text[end:]
        checked(text, {} if number % 2 else None)


DOCUMENTS = documents()
WHOLES = [outcome(document) for document in DOCUMENTS]


NAMED = ("endpoints", "models", "dimensions", "headers", "temperatures")


def mappings(value, path=""):
    """Every mapping of a document with the path to it, in which a name of the file's own is `*`."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            own = path.removeprefix(".") in NAMED
            yield from mappings(inner, f"{path}.{'*' if own else name}")
    elif isinstance(value, list):
        for inner in value:
            yield from mappings(inner, f"{path}[]")


def entries_by_path():
    """Every entry of the documents by the path to its mapping."""
    found = {}
    for document in DOCUMENTS:
        for path, each in mappings(document):
            found.setdefault(path, []).extend(each.items())
    return found


ENTRIES = entries_by_path()
NAMES = sorted({name for entries in ENTRIES.values() for name, _ in entries})
VALUES = [
    *WORDS,
    *(value for _, each in mappings(RICH) for value in each.values()),
    *(
        "off",
        "live",
        "remote",
        "weighted",
        "unique",
        "first",
        "httpx",
        "low",
        "user",
        "http://localhost:1/v1",
        "2s",
    ),
    *({"attempts": 2}, {"first": "1s"}, {"x": {"kind": "mock"}}, {"x": {"at": "here"}}, {"task": "code"}),
]


def with_change(draw, document):
    """Return a document with one key more, renamed or moved, and the mapping and the key that are new in it."""
    document = copy.deepcopy(document)
    places = list(mappings(document))
    path, holder = draw(st.sampled_from(places))
    change = draw(st.sampled_from(["add", "add any", "rename", "move", "move any"]))
    new, value = draw(st.sampled_from(ENTRIES.get(path) or [("x", 1)]))
    if change.startswith("add") or not holder:
        if change == "add any":
            new, value = draw(st.sampled_from(NAMES)), draw(st.sampled_from(VALUES))
        holder[new] = copy.deepcopy(value)
        return document, holder, new
    old = draw(st.sampled_from(sorted(holder)))
    if change == "rename":
        new = draw(st.sampled_from([new, "x", "retires", "timeout_ms", f"{old}s", old.title()]))
        holder[new] = holder.pop(old)
        return document, holder, new
    value = holder.pop(old)
    kin = [each for other, each in places if other == path or change == "move any"]
    target = draw(st.sampled_from(kin))
    target[old] = value
    return document, target, old


def ever_counts(document, holder, key) -> bool:
    """Whether some value of a key is refused by the checks of meaning, or makes another program."""
    seen = outcome(document)[0]
    for value in VALUES:
        holder[key] = value
        other = outcome(document)
        if makes_no_sense(document) if other is None else other[0] != seen:
            return True
    return False


@settings(FUZZ, max_examples=CASES)
@given(st.data())
def test_no_key_is_accepted_and_ignored(data):
    number = data.draw(st.integers(0, len(DOCUMENTS) - 1))
    document, holder, key = with_change(data.draw, DOCUMENTS[number])
    before, after = WHOLES[number], outcome(document)
    if after is None or before is None:
        return
    told = [each for each in after[1] if each not in before[1]]
    same_keys = after[2] == before[2]  # it says what holds anyway
    assert told or after[0] != before[0] or same_keys or ever_counts(document, holder, key), text_of(document)


def test_every_document_to_start_from_is_accepted():
    assert None not in WHOLES


@pytest.mark.parametrize("name", sorted({name for _, each in mappings(RICH) for name in each}))
def test_a_key_that_is_taken_away_is_missed(name):
    for number, (_, each) in enumerate(mappings(RICH)):
        if name in each:
            document = copy.deepcopy(RICH)
            list(mappings(document))[number][1].pop(name)
            found = outcome(document)
            assert found is None or found[:2] != WHOLES[0][:2], (name, each)


@settings(FUZZ, max_examples=CASES)
@given(st.data())
def test_an_accepted_file_differs_in_nothing_from_itself(data):
    document, _, _ = with_change(data.draw, data.draw(st.sampled_from(DOCUMENTS)))
    try:
        one, other = (compile_configuration(loaded(document))[0] for _ in range(2))
    except ConfigError:
        return
    found = diff(one, other)
    assert (found.same, found.share, found.endpoints, found.policies) == (True, 0, (), ())


def mended(text: str) -> str:
    """The text after all repairs, round after round."""
    for _ in range(100):
        source = Source("fuzz.yaml", text)
        text, made = fixed(source, run_all(load_source(source, Path("/nowhere"))))
        if not made:
            return text
    raise AssertionError("repairs do not end")


def codes(text: str) -> set[str]:
    return {each.code for each in run_all(load_source(Source("fuzz.yaml", text), Path("/nowhere")))}


@st.composite
def misspelt(draw):
    """An example with words misspelt, doubled or swapped, lines doubled or moved, and tabs."""
    text = draw(st.sampled_from([WHOLE, BLOCKS, text_of(RICH)]))
    for _ in range(draw(st.integers(1, 4))):
        words = [each.span() for each in WORD.finditer(text)]
        begin, end = draw(st.sampled_from(words))
        lines = text.splitlines(keepends=True)
        line = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        change = draw(st.integers(0, 5))
        if change == 0 and end - begin > 2:
            text = text[: begin + 1] + text[begin + 2 :]
        elif change == 1:
            text = text[:begin] + text[begin:end] * 2 + text[end:]
        elif change == 2:
            first, last = draw(st.sampled_from(words))
            text = text[:begin] + text[first:last] + text[end:]
        elif change == 3:
            text = "".join([*lines[:line], lines[line], *lines[line:]])
        elif change == 4:
            text = "".join([*lines[:line], lines[other], *lines[line + 1 :]])
        else:
            text = (
                text[:begin] + draw(st.sampled_from(["\t", "no", "010", "5", "# why\n", "&x "])) + text[end:]
            )
    return text


@settings(FUZZ, max_examples=CASES)
@given(misspelt())
def test_repairs_end_lose_no_comment_and_leave_what_can_be_read_and_needs_no_more_of_them(text):
    after = mended(text)
    if after != text:
        assert mended(after) == after
        assert {code for code in codes(after) if code < "R2"} <= codes(text)
        for line in text.splitlines():
            assert line.partition("  # ")[2].strip() in after
