"""What only the router does, measured in this process: decisions, kept answers, importing, loading."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from router import load_router
from router.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (2, 100, 1_000, 10_000)
HEAD = """\
version: 1
dimensions: {{team: {{values: [{teams}], default: t0}}}}
endpoints: {{here: {{kind: mock}}}}
models: {{main: {{at: here}}, spare: {{at: here, id: other}}}}
cache: {{}}
rules:
"""
FIVE = 'version: 1\nendpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1"}}\nmodels: {assistant: {at: here}}\nrules: [{use: assistant}]\n'
# What a process has used so far, of its processor and of memory, when it has imported, and when it has loaded.
USED = """
import json, resource, sys, time
def used():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return [(spent.ru_utime + spent.ru_stime) * 1000, spent.ru_maxrss / 1024]
before = used()
import router
imported = used()
router.load_router(sys.argv[1], env={})
loaded = used()
print(json.dumps([[a - b for a, b in zip(imported, before)][0], [a - b for a, b in zip(loaded, before)][0], loaded[1]]))
"""


def best(work: Callable[[], object], times: int, rounds: int = 7) -> float:
    """Return microseconds of the processor for one, the median of rounds."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - start) / times * 1e6)
    return statistics.median(found)


def table(folder: Path, rules: int) -> Path:
    """Write a file of so many rules, the last of which takes what is left."""
    teams = ", ".join(f"t{number}" for number in range(rules))
    lines = [f"  - {{when: {{team: t{number}}}, use: main}}" for number in range(rules - 1)]
    file = folder / f"{rules}.yaml"
    file.write_text(HEAD.format(teams=teams) + "\n".join([*lines, "  - {use: spare}", ""]), encoding="utf-8")
    return file


def decision(folder: Path, rules: int) -> float:
    """Return microseconds of one look-up in a table of so many rules."""
    router = load_router(table(folder, rules), env={})
    program = router._engine.program  # noqa: SLF001 - the look-up alone
    values = {**program.defaults, "team": f"t{max(rules - 2, 0)}"}
    return best(lambda: program.table.match(values), 20_000)


async def kept(folder: Path) -> float:
    """Return microseconds of a call whose answer was kept."""
    router = load_router(table(folder, 2), providers={"here": ScriptedProvider({"say": "Paris."})}, env={})
    found = []
    async with router:
        for _ in range(8):
            start = time.process_time()
            for _ in range(500):
                await router.complete("What is the capital of France?", cache="always")
            found.append((time.process_time() - start) / 500 * 1e6)
    return statistics.median(found[1:])


def started(folder: Path) -> tuple[float, float, float]:
    """Return milliseconds of the processor for importing and until a file is loaded besides, and MiB then."""
    file = folder / "five.yaml"
    file.write_text(FIVE, encoding="utf-8")
    # An installed package has its bytecode: a first run writes it, whatever this process was told of that.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", USED, str(file)], capture_output=True, text=True, check=True, env=env
            ).stdout
        )
        for _ in range(8)
    ]
    one, two, three = (statistics.median(each) for each in zip(*found[1:], strict=True))
    return one, two, three


async def alone() -> dict[str, float]:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        imported, loaded, memory = started(folder)
        return {
            **{f"decision, {rules:,} rules": decision(folder, rules) for rules in SIZES},
            "kept answer": await kept(folder),
            "import": imported,
            "loaded": loaded,
            "memory": memory,
        }
