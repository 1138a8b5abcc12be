"""What models are asked when they are measured: a small set of its own, or a file."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.runtime.pinned import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

MOST_BYTES = 16 * 2**20
LINES_OF_JSON = (".jsonl", ".ndjson")
# What the benchmark says of every call itself.
TAKEN = ("model", *ALONE)
SHORT, LONG = 64, 256


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question that every place is asked.

    Attributes:
        name: How results call it.
        messages: A text, or a conversation in the OpenAI chat form.
        options: Dimensions and options of the call.
    """

    name: str
    messages: str | Sequence[Mapping[str, object]]
    options: Mapping[str, object] = field(default_factory=dict)


BUILT_IN = (
    Prompt("short", "What is the capital of France? Answer in one word.", {"max_tokens": SHORT}),
    Prompt("text", "Explain in about 120 words how a rainbow comes about.", {"max_tokens": LONG}),
    Prompt(
        "code",
        "Write a Python function that returns the n-th Fibonacci number, with a docstring and two tests.",
        {"max_tokens": LONG},
    ),
)


def as_prompts(prompts: Iterable[Prompt | str]) -> tuple[Prompt, ...]:
    """Return prompts as they are, and texts as prompts that are called by their place, from 1."""
    return tuple(
        Prompt(str(number), each) if isinstance(each, str) else each
        for number, each in enumerate(prompts, start=1)
    )


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """Return the prompts of a file: a line each, of JSON in a `.jsonl` (as `router batch` reads it), else of text.

    Raises:
        ValueError: It cannot be read, or a line is no prompt; the text tells why.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"{path} has more than {MOST_BYTES} bytes")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8") from error
    reader = _of_json if path.suffix in LINES_OF_JSON else _of_text
    found = tuple(reader(path, text))
    if not found:
        raise ValueError(f"{path} holds no prompt: write one a line")
    _apart(path, found)
    return found


def _of_text(_: Path, text: str) -> Iterator[Prompt]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield Prompt(f"line {number}", line.strip())


def _of_json(path: Path, text: str) -> Iterator[Prompt]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield _prompt(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                why = str(error) if type(error) is ValueError else f"it is no JSON: {str(error)[:100]}"
                raise ValueError(f"{path}, line {number}: {why}") from error


def _prompt(number: int, value: object) -> Prompt:
    """Return the prompt of a line; `id` is its name."""
    if not isinstance(value, dict):
        raise ValueError("it is no object with `prompt` or `messages`")  # noqa: TRY004 - one error for all
    options = dict(value)
    name = options.pop("id", None)
    said = [options.pop(key) for key in ("prompt", "messages") if key in options]
    if len(said) != 1 or not isinstance(said[0], str | list) or not said[0]:
        raise ValueError("it has no `prompt` (a text) or `messages` (a list), or both")
    taken = next((key for key in TAKEN if key in options), None)
    if taken is not None:
        raise ValueError(f"`{taken}` is not for a line to say: every model is asked, each by itself")
    return Prompt(f"line {number}" if name is None else str(name), said[0], options)


def _apart(path: Path, prompts: tuple[Prompt, ...]) -> None:
    names = [each.name for each in prompts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{path}: two prompts are called {twice[:60]!r}")
