"""A file that a command rewrites: whole or not at all, with its mode, and nobody reads along."""

from __future__ import annotations

import os

import pytest

from router.cli.replacing import replace_text


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text("old", encoding="utf-8")
    return path


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_file_keeps_its_mode_and_its_new_text_is_private_until_it_does(file, mode, monkeypatch):
    seen = []
    real = os.fdopen

    def opened(made, *rest, **more):
        seen.append(os.fstat(made).st_mode & 0o777)
        return real(made, *rest, **more)

    file.chmod(mode)
    monkeypatch.setattr(os, "fdopen", opened)
    replace_text(file, "new\r\n")
    assert (file.read_bytes(), file.stat().st_mode & 0o777, seen) == (b"new\r\n", mode, [0o600])
    assert [path.name for path in file.parent.iterdir()] == ["router.yaml"]


def test_a_link_stays_one_and_what_lies_in_the_way_is_not_followed(file, tmp_path):
    other, link = tmp_path / "other", tmp_path / "link.yaml"
    other.write_text("mine", encoding="utf-8")
    link.symlink_to(file)
    (tmp_path / ".router.yaml.new").symlink_to(other)
    replace_text(link, "new")
    assert (link.is_symlink(), file.read_text(encoding="utf-8")) == (True, "new")
    assert other.read_text(encoding="utf-8") == "mine"


def test_a_file_that_cannot_be_replaced_is_as_it_was_and_told(file, monkeypatch, capsys):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("shutil.copymode", refuse)
    with pytest.raises(SystemExit) as caught:
        replace_text(file, "new")
    assert caught.value.code == 2
    assert "cannot be written: Operation not permitted" in capsys.readouterr().err
    assert [path.read_text(encoding="utf-8") for path in file.parent.iterdir()] == ["old"]
