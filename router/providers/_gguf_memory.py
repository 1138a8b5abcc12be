"""How much memory a GGUF model needs, computed from its header before it is loaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from router.core.frozen import dataclass
from router.providers._gguf_header import Many, read_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

# A process with the engine, and what it computes with; measured, like the next.
OVERHEAD = 44 * 1024 * 1024
# Bytes for each entry of the vocabulary and of its table of merges.
PER_TOKEN = 400
# Bytes that the engine notes about each token of the window, beside its keys and values.
PER_CELL = 48
LAYERS_CAP = 10_000
KV_BYTES = 2  # the cache of keys and values holds half precision
_PART = re.compile(r"(?P<stem>.*)-00001-of-(?P<parts>\d{5})\.gguf")


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a model says about its size.

    Attributes:
        context: Tokens of the window it was trained with, or None.
        kv_bytes: Bytes that one token of the window occupies, at most: a window that slides is counted whole.
        tokens: Entries of its vocabulary.
    """

    context: int | None
    kv_bytes: int
    tokens: int

    def memory(self, size: int, context: int) -> int:
        """Return the bytes it needs.

        Args:
            size: Bytes of its files.
            context: Tokens of the window it is loaded with.
        """
        return size + context * (self.kv_bytes + PER_CELL) + OVERHEAD + self.tokens * PER_TOKEN


def read_header(path: Path) -> Header | None:
    """Return what a file's header says, or None when it does not tell."""
    return understood(dict(read_fields(path)))


def understood(fields: Mapping[str, object]) -> Header | None:
    """Return what a header means, or None when it does not tell how large a token is."""
    name = fields.get("general.architecture")
    found = {key.removeprefix(f"{name}."): value for key, value in fields.items()}
    layers = found.get("block_count")
    heads = _per_layer(found.get("attention.head_count"), layers)
    if not isinstance(layers, int) or not heads:
        return None
    width = found.get("embedding_length")
    usual = width // max(heads) if isinstance(width, int) and max(heads) else None
    key = found.get("attention.key_length", usual)
    value = found.get("attention.value_length", key)
    kv_heads = _per_layer(found.get("attention.head_count_kv"), layers) or heads
    if not isinstance(key, int) or not isinstance(value, int):
        return None
    context, tokens = found.get("context_length"), fields.get("tokenizer.ggml.tokens")
    return Header(
        context if isinstance(context, int) else None,
        sum(kv_heads) * (key + value) * KV_BYTES,
        tokens.count if isinstance(tokens, Many) else 0,
    )


def size_of(path: Path) -> int:
    """Return the bytes of a model's file, of all its parts if it is the first of several.

    Raises:
        OSError: A file cannot be read.
    """
    part = _PART.fullmatch(path.name)
    if part is None:
        return path.stat().st_size
    count = part["parts"]
    names = (f"{part['stem']}-{number:05}-of-{count}.gguf" for number in range(1, int(count) + 1))
    return sum(path.with_name(name).stat().st_size for name in names)


def memory_of(path: str | Path, context: int) -> int | None:
    """Return the bytes that a model needs in memory, or None when its file cannot tell.

    Args:
        path: Its `.gguf` file.
        context: Tokens of the window it is loaded with.
    """
    header = read_header(Path(path))
    try:
        return None if header is None else header.memory(size_of(Path(path)), context)
    except OSError:
        return None


def _per_layer(value: object, layers: object) -> tuple[int, ...]:
    """Return a number of heads for each layer; () when the header has none, or nonsense."""
    if isinstance(value, int) and isinstance(layers, int) and 0 < layers <= LAYERS_CAP:
        return (value,) * layers
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return value
    return ()
