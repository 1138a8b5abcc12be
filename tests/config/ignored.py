"""What a configuration comes to, in a form that can be compared, and documents whose keys all count."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.compile.compiler import compile_configuration
from router.config.load import load_source
from router.config.node import plain
from router.config.yaml import read
from router.core.errors import ConfigError
from router.core.secret import Secret
from router.diagnostics.source import Source, Span

if TYPE_CHECKING:
    from router.config.load import Configuration

EXAMPLES = Path(__file__).parents[2] / "examples" / "configs"
# Every key whose behaviour is built, none with its default.
RICH: dict[str, Any] = {
    "version": 1,
    "name": "rich",
    "dimensions": {
        "data": {"values": ["public", "private"], "default": "public"},
        "size": {"type": "integer", "default": 3},
    },
    "endpoints": {
        "here": {
            "kind": "openai",
            "url": "http://192.168.1.9:8080/v1",
            "locality": "local",
            "key": "${env:ONE}",
            "headers": {"X-Team": "a", "X-Token": "${env:TWO}"},
            "timeout": {"connect": "1s", "first": "2s", "idle": "3s", "total": "40s"},
            "concurrency": 3,
            "queue": {"max": 7, "timeout": "4s"},
        },
        "away": {
            "kind": "openai",
            "url": "https://example.com/v1",
            "proxy": "http://127.0.0.1:3128",
            "ca": "ca.pem",
            "cert": {"file": "client.pem", "keyfile": "client.key", "password": "${env:THREE}"},
            "verify": False,
            "timeout": "9s",
        },
        "file": {"kind": "gguf", "path": "./m.gguf", "threads": 2, "isolation": "none"},
        "fake": {"kind": "mock", "script": ["ok", {"say": "hello"}]},
    },
    "models": {
        "a": {
            "at": ["here", "fake"],
            "id": "a-7b",
            "context": 8000,
            "capabilities": ["tools", "json"],
            "options": {"temperature": 0.2, "seed": 4, "stop": ["x"], "extra": {"min_p": 0.1}},
            "failover": ["b"],
        },
        "b": {
            "at": {"away": {"id": "b-70b", "context": 9000, "price": {"input": "$1", "output": "$2"}}},
            "options": {"top_p": 0.5, "max_tokens": 50},
        },
        "c": {"at": "file", "price": {"input": "$3", "output": "$4", "cached_input": "$1"}},
    },
    "temperatures": {"chat": 0.7, "default": 0.6},
    "rules": [
        {
            "name": "big",
            "when": {"data": "private", "tokens": "> 5000", "tools": False},
            "use": ["a", "c"],
            "options": {"temperature": 0.1, "reasoning_effort": "low"},
            "deadline": "77s",
            "retry": {
                "attempts": 3,
                "same": 3,
                "backoff": {"first": "100ms", "factor": 3, "max": "5s"},
                "wait": "2s",
                "wait_alone": "30s",
            },
            "urgency": "high",
        },
        {
            "name": "table",
            "when": {"data": "public"},
            "matrix": ["task", "size", "use"],
            "rows": [["code", "> 3", "b"], ["chat", {"not": 3}, {"split": {"a": 1, "b": 2}, "by": "user"}]],
        },
        {"use": ["b", {"split": {"a": 9, "c": 1}}]},
    ],
    "deadline": "88s",
    "min_left": "300ms",
    "retry": {"attempts": 5, "same": 2, "backoff": {"first": "200ms", "factor": 4, "max": "9s"}},
    "failover": {"also_on": ["invalid_request"], "never_on": ["server_error"]},
    "stream": {"inside": True},
    "invariants": [
        {"name": "private stays", "for_all": {"data": "private", "tools": False}, "every_hop": {"kind": ["openai", "mock", "gguf"]}}
    ],
    "lint": {"R503": "info", "R502": "info"},
}  # fmt: skip


class Environment(Mapping[str, str]):
    """An environment in which every variable is set, each to something else."""

    def __getitem__(self, name: str) -> str:
        return f"http://127.0.0.1/{name}" if name.endswith("URL") else f"value-of-{name}"

    def __iter__(self):
        return iter(())

    def __len__(self) -> int:
        return 0


def documents() -> list[Any]:
    """The documents to start from: the rich one, and the shipped examples."""
    paths = [path for path in sorted(EXAMPLES.glob("*.yaml")) if not path.name.endswith(".test.yaml")]
    roots = [read(Source(path.name, path.read_text(encoding="utf-8")))[0] for path in paths]
    return [RICH, *(plain(root) for root in roots if root is not None)]


def text_of(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


def loaded(document: Any) -> Configuration:
    return load_source(Source("x.yaml", text_of(document)), EXAMPLES, Environment())


def outcome(document: Any) -> tuple[object, object, object] | None:
    """What a document comes to: its program and what else it decides, its findings, its keys; None if it is refused."""
    configuration = loaded(document)
    try:
        program, findings = compile_configuration(configuration)
    except ConfigError:
        return None
    settings = configuration.document
    assert settings is not None
    # What a file says of its own checking is read by the checks alone.
    of_checks = (settings.lint, settings.hit, settings.allow_literal_secrets)
    told = sorted((each.code, each.message) for each in findings)
    return (comparable(program), of_checks), told, comparable(settings)


def makes_no_sense(document: Any) -> bool:
    """Whether a document is refused for what it means, not for how it is written."""
    try:
        compile_configuration(loaded(document))
    except ConfigError as error:
        return all(each.code > "R4" for each in error.findings if each.severity == "error")
    return False


def comparable(value: object) -> object:
    """A value as tuples and texts: without places, with what secrets hold."""
    if isinstance(value, Span):
        return None
    if isinstance(value, Secret):
        return ("secret", value.reveal())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [each.name for each in dataclasses.fields(value) if each.name != "node"]
        return (type(value).__name__, *(comparable(getattr(value, name)) for name in fields))
    if isinstance(value, Mapping):
        return tuple((name, comparable(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(comparable(each) for each in value)
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(repr, value)))
    # What is worked out from the rest, such as an index, is no part of it.
    return value if isinstance(value, str | int | float | bool | Decimal | None) else repr(type(value))
