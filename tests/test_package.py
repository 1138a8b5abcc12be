"""The package as it is installed: light to import, and one version everywhere."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import router

ROOT = Path(__file__).parent.parent
PROBE = """
import json, sys, time
opened, network = [], []
def audit(event, args):
    if event == "open":
        opened.append(str(args[0]))
    elif event.startswith("socket."):
        network.append(event)
sys.addaudithook(audit)
started = time.process_time()
import router
spent = time.process_time() - started
print(json.dumps({
    "spent": spent,
    "modules": sorted(name.partition(".")[0] for name in sys.modules),
    "network": network,
    "opened": [name for name in opened if not name.endswith((".py", ".pyc", ".so")) and "__pycache__" not in name],
}))
"""


@pytest.fixture(scope="module")
def imported():
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True).stdout)
        for _ in range(3)
    ]
    return min(runs, key=lambda run: run["spent"])


def test_importing_the_package_loads_nothing_heavy(imported):
    heavy = {"click", "httpx", "jsonschema", "yaml", "xllamacpp", "cachetools", "anyio", "difflib", "pytest"}
    assert not heavy & set(imported["modules"])


def test_every_public_name_is_there_and_told():
    assert set(router.__all__) <= set(dir(router))
    assert all(getattr(router, name) is not None for name in router.__all__)


def test_importing_the_package_touches_no_network_and_reads_no_file(imported):
    assert imported["network"] == []
    assert [
        name for name in imported["opened"] if "site-packages" not in name and "/lib/python" not in name
    ] == []


def test_importing_the_package_costs_at_most_150_ms_of_cpu(imported):
    assert imported["spent"] <= 0.15


LOADED = """
import json, sys
before = set(sys.modules)
import router
router.load_router(sys.argv[1], env={})
print(json.dumps(sorted(set(sys.modules) - before)))
"""
FIVE = """\
version: 1
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}
models: {assistant: {at: here}}
rules: [{use: assistant}]
"""
# What some configurations need and most do not, by what it is for.
ASKED_FOR = {
    *("importlib.metadata", "zoneinfo", "platform", "unicodedata", "difflib", "cachetools"),
    *("router.runtime.cache", "router.runtime.residency", "router.compile.explain", "router.observers.calls"),
    *("router.config.repair", "router.config.suppress", "router.diagnostics.text", "router.table.graph"),
    *("router.providers.openai", "router.processors", "router.suite", "router.cli"),
}


def test_loading_a_small_file_imports_nothing_that_it_does_not_ask_for(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(FIVE, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", LOADED, file], check=True, capture_output=True)
    modules = set(json.loads(done.stdout))
    assert not (ASKED_FOR | {"click", "httpx", "jsonschema"}) & modules
    assert sum(name.startswith("router.") for name in modules) <= 155


def test_the_version_is_the_distributions():
    assert router.__version__ == version("pantheon-router")


def test_the_package_is_typed():
    assert (ROOT / "router" / "py.typed").is_file()


DECIDING = [
    *sorted((ROOT / "router" / "policy").glob("*.py")),
    *sorted((ROOT / "router" / "runtime").glob("*.py")),
]


@pytest.mark.parametrize("path", DECIDING, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_time_and_chance_are_handed_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"time", "datetime", "secrets"}
    called = {
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    assert not called & {
        "random.random",
        "random.uniform",
        "asyncio.sleep",
        "asyncio.timeout",
        "asyncio.wait_for",
    }


def test_no_file_outgrows_its_cap():
    long = [
        path for path in (ROOT / "router").rglob("*.py") if path.read_text(encoding="utf-8").count("\n") > 400
    ]
    assert long == []
