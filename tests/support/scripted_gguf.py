"""Writes tiny real GGUF models that always say the same: for tests against the real llama.cpp engine.

The model has one block of zeros, so that what goes in comes out; each token is embedded as one dimension; and
the output matrix is a table that says which token follows which. The token that opens the assistant's turn is
followed by the first word of the reply, each word by the next, and the last by the end, or by the first again.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TOOLS = (
    "{% if tools %}<|system|>{% for t in tools %}<tools>{{ t | tojson }}</tools>{% endfor %}<|end|>{% endif %}"
    "{% for m in messages %}<|{{ m.role }}|>{% if m.content %}{{ m.content }}{% endif %}"
    "{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>\n"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}\n</tool_call>'
    "{% endfor %}{% endif %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
HEAD = 32
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
BOS, EOS = 1, 2
F32, F16 = 0, 1


def write_model(
    path: Path,
    reply: str,
    *,
    loop: bool = False,
    context: int = 4096,
    template: str = PLAIN,
    name: str = "scripted",
) -> Path:
    """Write a model that answers with `reply`, again and again if `loop`, and return its path."""
    words = _words(reply)
    tokens = _vocabulary(words)
    tensors = _tensors(len(tokens), _table(tokens, len(words), loop=loop))
    fields = _fields(tokens, context, template, name)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(fields)) + b"".join(fields)
    data = b""
    for title, shape, kind, content in tensors:
        head += _text(title) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data))
        data += _padded(content)
    path.write_bytes(_padded(head) + data)
    return path


def _words(reply: str) -> list[str]:
    """Cut a text into pieces of which no two are equal, for each piece has but one successor."""
    words: list[str] = []
    for word in re.findall(r"\s?\S+|\s+", reply):
        words.append(word)
        while len(words) > 1 and words.count(words[-1]) > 1:
            words[-2:] = [words[-2] + words[-1]]
    if len(set(words)) != len(words):
        raise ValueError("the reply repeats itself too much")
    return words


def _vocabulary(words: list[str]) -> list[tuple[str, int]]:
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    tokens += [(f"<|{role}|>", CONTROL) for role in ("system", "user", "assistant", "tool", "end")]
    return tokens + [(word.replace(" ", "\u2581"), NORMAL) for word in words]


def _table(tokens: list[tuple[str, int]], words: int, *, loop: bool) -> dict[int, int]:
    first = len(tokens) - words
    following = dict.fromkeys(range(len(tokens)), EOS)
    following[tokens.index(("<|assistant|>", CONTROL))] = first
    following |= {token: token + 1 for token in range(first, len(tokens) - 1)}
    following[len(tokens) - 1] = first if loop else EOS
    return following


def _tensors(size: int, following: dict[int, int]) -> list[tuple[str, tuple[int, ...], int, bytes]]:
    width = -(-size // 32) * 32
    ones = struct.pack(f"<{width}f", *[1.0] * width)
    tensors = [
        ("token_embd.weight", (width, size), F16, _matrix(size, width, {(t, t): 1.0 for t in range(size)})),
        ("output_norm.weight", (width,), F32, ones),
        (
            "output.weight",
            (width, size),
            F16,
            _matrix(size, width, {(b, a): 20.0 for a, b in following.items()}),
        ),
        ("blk.0.attn_norm.weight", (width,), F32, ones),
        ("blk.0.ffn_norm.weight", (width,), F32, ones),
    ]
    for part, shape in (
        ("attn_q", (width, HEAD)),
        ("attn_k", (width, HEAD)),
        ("attn_v", (width, HEAD)),
        ("attn_output", (HEAD, width)),
        ("ffn_gate", (width, HEAD)),
        ("ffn_up", (width, HEAD)),
        ("ffn_down", (HEAD, width)),
    ):
        tensors.append((f"blk.0.{part}.weight", shape, F16, bytes(2 * shape[0] * shape[1])))
    return tensors


def _fields(tokens: list[tuple[str, int]], context: int, template: str, name: str) -> list[bytes]:
    size = len(tokens)
    numbers = {
        "llama.context_length": context,
        "llama.embedding_length": -(-size // 32) * 32,
        "llama.block_count": 1,
        "llama.feed_forward_length": HEAD,
        "llama.attention.head_count": 1,
        "llama.attention.head_count_kv": 1,
        "llama.attention.key_length": HEAD,
        "llama.attention.value_length": HEAD,
        "llama.rope.dimension_count": HEAD,
        "llama.vocab_size": size,
        "tokenizer.ggml.bos_token_id": BOS,
        "tokenizer.ggml.eos_token_id": EOS,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    texts = {
        "general.architecture": "llama",
        "general.name": name,
        "tokenizer.ggml.model": "llama",
        "tokenizer.chat_template": template,
    }
    fields = [_text(key) + struct.pack("<I", 8) + _text(value) for key, value in texts.items()]
    fields += [_text(key) + struct.pack("<II", 4, value) for key, value in numbers.items()]
    fields.append(_text("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", 6, 1e-6))
    scores = struct.pack(f"<{size}f", *[-place / 1000 for place in range(size)])
    kinds = struct.pack(f"<{size}i", *[kind for _, kind in tokens])
    fields.append(_list("tokenizer.ggml.tokens", 8, size, b"".join(_text(token) for token, _ in tokens)))
    fields.append(_list("tokenizer.ggml.scores", 6, size, scores))
    fields.append(_list("tokenizer.ggml.token_type", 5, size, kinds))
    return fields


def _matrix(rows: int, columns: int, values: dict[tuple[int, int], float]) -> bytes:
    content = bytearray(2 * rows * columns)
    for (row, column), value in values.items():
        struct.pack_into("<e", content, 2 * (row * columns + column), value)
    return bytes(content)


def _list(key: str, kind: int, size: int, content: bytes) -> bytes:
    return _text(key) + struct.pack("<IIQ", 9, kind, size) + content


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 32)
