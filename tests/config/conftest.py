"""Fixtures of the tests of configurations."""

from __future__ import annotations

import pytest

from router.config.load import load_file


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write files and load the first of them; its folder is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(named, **env):
        for name, text in named.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return load_file((tmp_path / next(iter(named))).relative_to(tmp_path), env or None)

    return write
