"""Documents of the language, changed at random: most are wrong in one place, some in several, some not at all."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from router.config.node import Mapping, Scalar, Sequence
from router.diagnostics.source import Span

if TYPE_CHECKING:
    from random import Random

    from router.config.node import Node

SMALL: tuple[dict[str, Any], ...] = (
    {
        "version": 1,
        "endpoints": {"here": {"kind": "openai", "url": "http://127.0.0.1:8080/v1"}},
        "models": {"assistant": {"at": "here"}},
        "rules": [{"use": "assistant"}],
    },
    {
        "version": 1,
        "dimensions": {"data": {"values": ["a", "b"], "default": "a"}, "size": {"type": "integer"}},
        "endpoints": {
            "here": {
                "kind": "openai",
                "url": "unix:/run/llama.sock",
                "key": "${env:K}",
                "headers": {"X-A": "${env:B:-b}"},
                "timeout": {"connect": "1s", "first": "2s", "idle": "3s", "total": "4s"},
                "queue": {"max": 3, "timeout": "1s"},
                "limits": {"requests_per_minute": 3},
                "health": "off",
                "transport": "httpx",
                "verify": True,
            },
            "cloud": {"kind": "anthropic", "keys": ["${env:A}", "${file:b}"]},
            "file": {"kind": "gguf", "path": "./m.gguf", "threads": 2, "isolation": "none"},
            "fake": {"kind": "mock", "script": ["ok", {"say": "x"}]},
        },
        "models": {
            "a": {"at": ["here", "file"], "price": "free", "capabilities": ["tools"], "failover": ["b"]},
            "b": {
                "at": {
                    "here": {"id": "x", "weight": 2, "context": 5, "price": {"input": "$1", "output": "$2"}}
                },
                "options": {"stop": ["x"], "seed": 1, "extra": {"a": [1, None, {"b": 2.5}]}},
                "truncate": "oldest",
                "family": "llama-2",
                "clamp": {"temperature": "0.1..1", "max_tokens": "<= 9"},
                "before": [
                    {"system": "x"},
                    {"template": "a {text} b"},
                    "strip_images",
                    {"truncate": {"tokens": 5, "drop": "middle"}},
                    {"merge_system": {"into": "user"}},
                ],
                "after": [
                    "strip",
                    {"fence_code": {"language": "c"}},
                    {"strip_thinking": {"to": "nowhere", "opened": True}},
                    {"json_repair": {"otherwise": "keep"}},
                    {"regex": {"pattern": "a", "replace": "b"}},
                ],
            },
        },
        "rules": [
            {
                "name": "n",
                "when": {"data": {"not": ["a"]}, "tokens": "> 5", "tools": True},
                "use": ["a", "others"],
            },
            {"matrix": ["data", "size", "use"], "rows": [["a", 5, "a"], [["a", "b"], "any", ["a", "b"]]]},
            {"when": {"size": 4}, "use": {"split": {"a": 1, "b": 2}, "by": "user"}, "urgency": "high"},
            {
                "use": ["a", {"split": {"b": 2}}],
                "cache": {"ttl": "1h"},
                "retry": {"attempts": 2},
                "deadline": "1s",
            },
        ],
        "stream": {"delivery": "live", "inside": False},
    },
    {
        "version": 1,
        "extends": ["base.yaml", "more/base.yaml"],
        "overlays": "over.yaml",
        "dimensions": {"data": {"default": "a"}},
        "endpoints": {"here": {"timeout": "3s"}, "cloud": {"kind": "openai", "verify": True}},
        "models": {"a": {"context": 5, "price": {"input": "$1"}}, "b": {"at": {"here": {"id": "x"}}}},
        "rules": [{"when": {"data": "a"}, "use": ["a"]}],
        "hedge": {"max": "3%"},
    },
)
WORDS: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    3.0,
    0.5,
    1e18,
    "",
    " ",
    "x",
    "any",
    "off",
    "free",
    "openai",
    "gguf",
    "30s",
    "30",
    "0s",
    "-1s",
    "5 seconds",
    "9999999999s",
    "$5",
    "5%",
    "101%",
    "8GiB",
    "30s\n",
    "a\nb",
    "\x1b[31m",
    "é",
    "a" * 129,
    "> 5",
    "http://h:99999/v1",
    "http://h/v1?q",
    "http://u:p@h/",
    "${env:X}",
    "${env:X:-30s}",
    "${env:X:-1}",
    "${env:X:-}",
    "a${env:X}b",
    "$${env:X}",
    "$$${env:X}",
    "${env:API_KEY}",
    "${file:x}",
    "${file:/etc/passwd}",
    "${X}",
    "${",
    "${env:X",
    "${${env:X}}",
    "${env:X:-$(id)}",
    "${env:X}é",
    [],
    {},
    ["x"],
    [["x"]],
    {"x": 1},
    {"not": "x"},
    {"not": None},
    {"split": {"a": 1}},
    {"split": {"a": 0}},
    {"ttl": "1h"},
)
KEYS = (
    "x",
    "",
    " x",
    "a/b",
    "kind",
    "keys",
    "default",
    "Host",
    "a b",
    "tmeout",
    "use",
    "rows",
    "not",
    "a" * 130,
    "x\n",
)


def mutated(document: Any, random: Random) -> Any:
    """Return a copy with one to three changes."""
    document = copy.deepcopy(document)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(document, random)
    return document


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        _places(inner, found)
    return found


def _change(document: Any, random: Random) -> None:
    places = _places(document, [])
    if not places:
        return
    holder, key = random.choice(places)
    what = random.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        new = random.choice([*KEYS, *{str(place[1]) for place in places}, f"{key}x", str(key)[:-1]])
        holder[new] = holder.pop(key)
    elif what == 2 and isinstance(holder, dict):
        holder[random.choice([*KEYS, *{str(place[1]) for place in places}])] = random.choice(WORDS)
    elif what == 3:
        other, name = random.choice(places)
        holder[key] = copy.deepcopy(other[name])
    else:
        holder[key] = copy.deepcopy(random.choice(WORDS))


def node_of(value: Any, line: int = 1) -> Node:
    """Return a value as the reader gives it, each part at a place of its own."""
    span = Span("mutated.yaml", next(_LINES), 1, line, 2)
    if isinstance(value, dict):
        entries = {name: node_of(inner) for name, inner in value.items()}
        return Mapping(
            span, entries, {name: Span("mutated.yaml", next(_LINES), 1, line, 2) for name in value}
        )
    if isinstance(value, list):
        return Sequence([node_of(item) for item in value], span)
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(value, text, plain=not isinstance(value, str), span=span)


def _count():
    number = 0
    while True:
        number += 1
        yield number


_LINES = _count()
