"""The prompts of a benchmark: a file of them, a line each."""

from __future__ import annotations

import json

import pytest

from router.bench import Prompt, read_prompts
from router.bench.prompts import MOST_BYTES


def read(folder, text, name="prompts.jsonl"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_prompts(path)


def test_a_file_of_text_has_a_prompt_a_line(tmp_path):
    assert read(tmp_path, "one\n\n  two words \r\n", "prompts.txt") == (
        Prompt("line 1", "one"),
        Prompt("line 3", "two words"),
    )


@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.ndjson"])
def test_a_file_of_json_has_prompts_or_messages_with_names_and_options(tmp_path, name):
    messages = [{"role": "user", "content": "two"}]
    lines = [{"id": "first", "prompt": "one", "max_tokens": 5}, {"messages": messages, "task": "code"}]
    text = "\ufeff" + "\n\n".join(map(json.dumps, lines)) + "\n"
    assert read(tmp_path, text, name) == (
        Prompt("first", "one", {"max_tokens": 5}),
        Prompt("line 3", messages, {"task": "code"}),
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it is no object with `prompt` or `messages`"),
        ("{}", "it has no `prompt` (a text) or `messages` (a list), or both"),
        ('{"prompt": ""}', "it has no `prompt`"),
        ('{"prompt": 7}', "it has no `prompt`"),
        ('{"prompt": "a", "messages": []}', "or both"),
        ('{"prompt": "a", "model": "m"}', "`model` is not for a line to say"),
        ('{"prompt": "a", "cache": "always"}', "`cache` is not for a line to say"),
        ('{"prompt": "a", "no_degrade": false}', "`no_degrade` is not for a line to say"),
    ],
)
def test_a_line_that_is_no_prompt_is_told_with_its_number(tmp_path, line, why):
    with pytest.raises(ValueError, match=r"prompts\.jsonl, line 2: ") as caught:
        read(tmp_path, '{"prompt": "good"}\n' + line)
    assert why in str(caught.value)


def test_names_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match="two prompts are called 'x'"):
        read(tmp_path, '{"id": "x", "prompt": "a"}\n{"id": "x", "prompt": "b"}')


@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.txt"])
def test_a_file_without_prompts_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="holds no prompt: write one a line"):
        read(tmp_path, "\n \n", name)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_prompts(tmp_path / "nowhere.txt")
    with pytest.raises(ValueError, match="is no text in UTF-8"):
        read(tmp_path, b"\xff\xfe\xff")
    with pytest.raises(ValueError, match="has more than"):
        read(tmp_path, b"a" * (MOST_BYTES + 1))
