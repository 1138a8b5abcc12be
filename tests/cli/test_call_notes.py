"""What `router call` prints of an answer whose options were bounded."""

from __future__ import annotations

import json

from click.testing import CliRunner

from router.cli.main import cli

FILE = """\
version: 1
endpoints: {here: {kind: mock, script: [{say: fine}]}}
models: {m: {at: here, clamp: {temperature: "<= 0.5"}}}
temperatures: {default: 0.9}
rules: [{use: m}]
"""


def test_a_bounded_option_is_printed_with_the_answer(tmp_path):
    path = tmp_path / "router.yaml"
    path.write_text(FILE, encoding="utf-8")
    plain = CliRunner().invoke(cli, ["call", "-c", str(path), "hi"])
    assert plain.exit_code == 0
    assert "temperature 0.9 became 0.5 (clamp)" in plain.stderr
    shown = CliRunner().invoke(cli, ["call", "-c", str(path), "--format", "json", "hi"])
    assert json.loads(shown.stdout)["notes"] == ["temperature 0.9 became 0.5 (clamp)"]
