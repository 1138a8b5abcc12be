"""The program in the child: what it says to its parent, with an engine that is told what to do."""

from __future__ import annotations

import io
import json
import os
import sys
from types import SimpleNamespace

import pytest

from router.providers import _gguf_child

ORDER = {"path": "/m/a.gguf", "context": 512, "threads": 2, "folder": "/f", "engine": "/e", "parent": 0}


class Engine:
    """The parts of xllamacpp that the child uses."""

    def __init__(self, answer=None, failure=None, cards=()):
        self._answer = answer
        self._failure = failure
        self._cards = cards

    def CommonParams(self):  # noqa: N802 - its name there
        return SimpleNamespace(
            model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
        )

    def get_device_info(self):
        return [{"name": name} for name in ("CPU", *self._cards)]

    def Server(self, params):  # noqa: N802
        if self._failure is not None:
            raise self._failure
        return SimpleNamespace(params=params, handle_chat_completions=self._answer)


@pytest.fixture
def be_child(monkeypatch):
    """Run the child over what its parent wrote, and give what it said, and whether it left."""

    def run(engine, *lines):
        left = []
        out = io.BytesIO()
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setitem(sys.modules, "xllamacpp", engine)
        written = "".join(json.dumps(line) + "\n" for line in lines)
        desk = _gguf_child.Desk(io.BytesIO(written.encode()), out, lambda: left.append(True))
        desk.read()
        _gguf_child.run(ORDER, desk)
        assert left == [True]
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return run


def test_it_answers_in_order_and_ends_with_its_parent(be_child):
    def answer(body, on_chunk):
        on_chunk({"prompt_progress": {}})
        assert not on_chunk({"n": body["n"]})
        assert body["return_progress"]

    said = be_child(Engine(answer), {"ask": 1, "body": {"n": "ü"}}, {"ask": 2, "body": {"n": 2}})
    assert said == [
        {"ready": True},
        {"of": 1, "chunk": {"n": "ü"}},
        {"of": 1, "end": True},
        {"of": 2, "chunk": {"n": 2}},
        {"of": 2, "end": True},
    ]


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("bad"), 400), (RuntimeError("bad"), 500), (TypeError("bad"), 500)]
)
def test_a_refusal_has_a_status_and_words(be_child, error, status):
    def answer(_body, _on_chunk):
        raise error

    said = be_child(Engine(answer), {"ask": 1, "body": {}})
    assert said[1:] == [{"of": 1, "end": True, "status": status, "message": "bad"}]


def test_what_was_stopped_before_its_turn_is_not_begun(be_child):
    said = be_child(Engine(None), {"ask": 1, "body": {}}, {"stop": 1})
    assert said[1:] == [{"of": 1, "end": True}]


@pytest.mark.parametrize("error", [RuntimeError("broken"), MemoryError("broken")])
def test_a_model_that_cannot_be_loaded_is_told(be_child, error):
    assert be_child(Engine(failure=error)) == [{"failed": f"{type(error).__name__}: broken"}]


def test_an_engine_that_cannot_be_imported_is_told(be_child):
    (said,) = be_child(None)
    assert said["failed"].startswith("ModuleNotFoundError")


@pytest.mark.parametrize(("cards", "fits"), [((), False), (("CUDA0",), True)])
def test_the_engine_is_told_what_was_ordered(cards, fits):
    params = _gguf_child.open_engine(Engine(cards=cards), ORDER).params
    assert (params.model.path, params.n_ctx, params.cpuparams.n_threads) == ("/m/a.gguf", 512, 2)
    assert (params.hostnames, params.port, params.cache_ram_mib) == (["/f/gguf.sock"], 0, 0)
    assert params.fit_params is fits


def test_it_leaves_at_once_when_its_parent_is_another(monkeypatch):
    def leave(code):
        raise SystemExit(code)

    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("sys.platform", "other")
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit):
        _gguf_child.die_with(os.getpid())
    _gguf_child.die_with(os.getppid())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux can do it")
def test_on_linux_the_kernel_is_asked_to_end_it(monkeypatch):
    asked = []
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(prctl=lambda *what: asked.append(what)))
    _gguf_child.die_with(os.getppid())
    assert asked == [(1, 9)]
