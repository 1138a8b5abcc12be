"""Which file a GGUF endpoint means, and what its header says."""

from __future__ import annotations

import os

import pytest

from router.core.errors import ModelNotFound
from router.providers._gguf_file import find_model, list_models, trained_context


def test_a_file_a_folder_with_one_and_a_name_are_found(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"GGUF rest")
    path = tmp_path / "a.gguf"
    assert find_model("here", str(path), "whatever") == path
    assert find_model("here", str(tmp_path), "whatever") == path
    assert find_model("here", str(tmp_path), "a") == path
    (tmp_path / "b.gguf").write_bytes(b"GGUF rest")
    assert find_model("here", str(tmp_path), "b.gguf") == tmp_path / "b.gguf"


@pytest.mark.parametrize(
    ("path", "model", "words"),
    [
        ("two", "c.gguf", "has no c.gguf; it has a.gguf, b.gguf"),
        ("two", "c", "has no c.gguf"),
        ("two", "../two/a.gguf", "not a file name"),
        ("two", "..", "not a file name"),
        ("two", "", "not a file name"),
        ("two", "sub\\a", "not a file name"),
        ("empty", "a", "it has no .gguf file"),
        ("nowhere", "a", "does not exist"),
        ("text", "text.gguf", "is not a GGUF file"),
        ("pipe", "pipe.gguf", "has no pipe.gguf"),
        ("pipe", "x", "is no regular file"),
        ("package:no_such_package", "a", "is not installed"),
        ("package:os.path", "a", "not the name of a top-level package"),
        ("package:struct", "a", "is not installed"),
        ("package:__main__", "a", "is not installed"),
    ],
)
def test_a_file_that_is_missing_or_wrong_is_told(tmp_path, monkeypatch, path, model, words):
    monkeypatch.chdir(tmp_path)
    for folder in ("two", "empty", "text", "pipe"):
        (tmp_path / folder).mkdir()
    for name in ("two/a.gguf", "two/b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF rest")
    (tmp_path / "text/text.gguf").write_text("no")
    os.mkfifo(tmp_path / "pipe/pipe.gguf")
    with pytest.raises(ModelNotFound, match=words):
        find_model("here", path, model)


def test_a_package_is_found_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "fake_models"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "m.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_model("here", "package:fake_models", "m") == package / "m.gguf"


def test_a_file_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ModelNotFound, match="cannot be read: Permission denied"):
        find_model("here", str(path), "a")


def test_the_trained_window_is_read_from_the_header(scripted_model):
    assert trained_context(scripted_model("Small.", context=512)) == 512


def test_a_header_that_does_not_tell_gives_none(tmp_path, scripted_model):
    path = tmp_path / "x.gguf"
    good = scripted_model("Small.", context=512).read_bytes()
    at = good.index(b"llama.context_length") - 8
    for content in (b"GGUF", good[: at + 5], good[:at] + b"\xff" * 8, good[:24], good[:16] + bytes(8)):
        path.write_bytes(content)
        assert trained_context(path) is None
    assert trained_context(tmp_path / "nowhere") is None


def test_values_before_the_window_are_passed_over(tmp_path):
    def text(value):
        return len(value).to_bytes(8, "little") + value

    def field(name, kind, value):
        return text(name) + kind.to_bytes(4, "little") + value

    window = field(b"llama.context_length", 10, (9).to_bytes(8, "little"))
    numbers = field(b"a", 9, (4).to_bytes(4, "little") + (2).to_bytes(8, "little") + bytes(8))
    texts = field(b"b", 9, (8).to_bytes(4, "little") + (1).to_bytes(8, "little") + text(b"x"))
    unknown = field(b"c", 77, b"")
    path = tmp_path / "x.gguf"
    for before, found in ((numbers, 9), (field(b"d", 7, b"\1"), 9), (texts, 9), (unknown, None)):
        path.write_bytes(
            b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (2).to_bytes(8, "little") + before + window
        )
        assert trained_context(path) == found


def test_a_folder_lists_its_models_by_name_and_of_parts_the_first(tmp_path):
    names = ("b.gguf", "a.gguf", "big-00001-of-00002.gguf", "big-00002-of-00002.gguf", "note.txt")
    for name in names:
        (tmp_path / name).write_bytes(b"GGUF")
    (tmp_path / "folder.gguf").mkdir()
    listed = [path.name for path in list_models("here", str(tmp_path))]
    assert listed == ["a.gguf", "b.gguf", "big-00001-of-00002.gguf"]


def test_a_file_lists_itself(tmp_path):
    path = tmp_path / "a.gguf"
    path.write_bytes(b"GGUF")
    assert list_models("here", str(path)) == [path]
    with pytest.raises(ModelNotFound, match="does not exist"):
        list_models("here", str(tmp_path / "b.gguf"))


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(ModelNotFound, match="cannot be read: Permission denied"):
        list_models("here", str(tmp_path))
