"""Whatever stands in a file: findings, never an exception, and within a second."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.checks.registry import run_all
from router.config.load import load_file, load_source
from router.diagnostics.diagnostic import count
from router.diagnostics.machine import as_json
from router.diagnostics.source import Source
from router.diagnostics.text import concise, human, summary

HERE = Path(__file__).parent
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
FUZZ = settings(
    max_examples=500, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
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
