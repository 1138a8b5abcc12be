"""Files that tell who asked what are their owner's alone, also where they were there before."""

from __future__ import annotations

import os

import pytest

from router.core.private import keep_database_private, keep_private, mode_for_others


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.touch()
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o666, 0o604, 0o620])
def test_a_file_that_others_may_read_or_write_is_taken_from_them_and_told_of_once(file, mode):
    file.chmod(mode)
    assert keep_private(str(file), "the log") == (
        f"the log could be read by others (mode {mode:04o}); it is for its owner alone now"
    )
    assert file.stat().st_mode & 0o777 == mode & 0o700
    assert keep_private(str(file), "the log") is None


def test_what_a_file_is_open_as_will_do(file):
    file.chmod(0o644)
    with file.open("rb") as opened:
        assert "0644" in keep_private(opened.fileno(), "it")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_private_file_a_folder_a_device_and_none_are_left_alone(tmp_path, file):
    file.chmod(0o600)
    tmp_path.chmod(0o755)
    for each in (str(file), str(tmp_path), os.devnull, str(tmp_path / "none")):
        assert mode_for_others(each) is None
        assert keep_private(each, "it") is None
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_file_that_is_someone_elses_is_told_of(file, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    file.chmod(0o664)
    monkeypatch.setattr(os, "chmod", refuse)
    assert keep_private(str(file), "the log") == (
        "the log can be read by others (mode 0664), which cannot be changed: Operation not permitted"
    )


def test_what_stands_beside_a_database_is_taken_too(file):
    beside = file.with_name(f"{file.name}-wal")
    beside.touch()
    for each in (file, beside):
        each.chmod(0o644)
    notes = list(keep_database_private(str(file)))
    assert [note.partition(" ")[0] for note in notes] == [str(file), str(beside)]
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in (file, beside))
