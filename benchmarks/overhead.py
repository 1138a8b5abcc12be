"""What a call costs through the router, and through others; `python benchmarks/overhead.py [--write] [--quick]`.

A server in a process of its own answers at once. Every client has its own process, and its own environment where it
needs one, installed here. In each round all take a turn, in an order drawn anew, so that whatever else the machine does
hits them alike; figures are medians of the rounds, and ratios are medians of the ratios within a round. `--write` puts
all of it into docs/benchmarks.md. Not for Windows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alone import alone
from drivers import DRIVERS, ENVIRONMENTS
from page import written
from upstream import SLOW

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROUNDS, CALLS, STREAMS = 15, 200, 8
LANES = (16, 128, 1000)
Figures = dict[str, list[float]]


@contextmanager
def upstream() -> Iterator[str]:
    """Run the server, and give its address."""
    command = [sys.executable, str(HERE / "upstream.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - asked for above
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def interpreter(environment: str) -> str:
    """Return the Python of an environment, which is made first where it is missing.

    Raises:
        subprocess.CalledProcessError: It cannot be made.
    """
    if environment == "here":
        return sys.executable
    folder = HERE / ".venvs" / environment
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {', '.join(ENVIRONMENTS[environment])} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *ENVIRONMENTS[environment]], check=True)
        (folder / "ready").touch()
    return str(python)


class Worker:
    """A client's process."""

    def __init__(self, name: str, base: str) -> None:
        command = [interpreter(DRIVERS[name][0]), str(HERE / "worker.py"), name, base]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.read()

    def read(self) -> dict[str, Any]:
        """Return its next answer.

        Raises:
            RuntimeError: It has ended.
        """
        assert self.process.stdout is not None  # noqa: S101 - asked for above
        for line in self.process.stdout:
            if line.startswith("{"):  # some clients talk beside
                return json.loads(line)
        _, said = self.process.communicate()
        raise RuntimeError(said.strip().rpartition("\n")[2])

    def ask(self, command: dict[str, object]) -> dict[str, Any]:
        """Have it do something."""
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate()


@contextmanager
def workers(names: list[str], base: str, missing: dict[str, str]) -> Iterator[dict[str, Worker]]:
    """Start clients; those that cannot run are told of in `missing`."""
    with ExitStack() as stack:
        found = {}
        for name in names:
            try:
                found[name] = Worker(name, base)
            except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
                missing[name] = str(error)[:200]
            else:
                stack.callback(found[name].close)
        yield found


def rounds(
    running: dict[str, Worker], count: int, command: dict[str, object], missing: dict[str, str]
) -> dict[str, Figures]:
    """Have all take turns; return for each, by round, microseconds of the clock and of the processor for one."""
    found: dict[str, Figures] = {name: {"clock": [], "cpu": []} for name in running}
    for number in range(count + 1):
        for name in random.sample(list(found), len(found)):
            try:
                answer = running[name].ask(dict(command))
            except (RuntimeError, OSError) as error:
                missing[name] = str(error)[:200]
                del found[name]
                continue
            if number:  # the first one warms up
                each = max(answer["done"], 1)
                found[name]["clock"].append(answer["seconds"] / each * 1e6)
                found[name]["cpu"].append(answer["cpu"] / each * 1e6)
    return found


def compared(figures: dict[str, Figures], which: str) -> dict[str, tuple[float, float]]:
    """Return for each the median, and the median of how many times the router's it is in the same round."""
    ours = figures["router"][which]
    return {
        name: (
            statistics.median(each[which]),
            statistics.median([value / own for value, own in zip(each[which], ours, strict=True)]),
        )
        for name, each in figures.items()
    }


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its chart")
    parser.add_argument(
        "--quick", action="store_true", help="a third of the rounds, and only what is installed here"
    )
    asked = parser.parse_args()
    count = ROUNDS // 3 if asked.quick else ROUNDS
    names = [name for name, (where, _) in DRIVERS.items() if where == "here" or not asked.quick]
    missing: dict[str, str] = {}
    found: dict[str, Any] = {}
    with upstream() as address:
        with workers(names, f"{address}/plain", missing) as running:
            found["call"] = rounds(running, count, {"do": "calls", "times": CALLS, "first": 50}, missing)
            crowd = {name: each for name, each in running.items() if name != "router, kept answer"}
            for lanes in LANES[:2]:
                found[f"{lanes} at once"] = rounds(
                    crowd,
                    max(count // 3, 2),
                    {"do": "at_once", "lanes": lanes, "times": 4 * lanes, "first": lanes},
                    missing,
                )
        with workers(
            [each for each in names if each != "router, kept answer"], f"{address}/stream", missing
        ) as running:
            found["event"] = rounds(running, count, {"do": "events", "times": STREAMS}, missing)
        with workers(
            [each for each in names if each in {"floor", "aiohttp", "router", "router on uvloop", "litellm"}],
            f"{address}/slow",
            missing,
        ) as running:
            many = {"do": "at_once", "lanes": LANES[2], "times": 3 * LANES[2], "first": LANES[2]}
            found["slow"] = rounds(running, max(count // 3, 2), many, missing)
    table = {
        "call": compared(found["call"], "clock"),
        "call cpu": compared(found["call"], "cpu"),
        **{f"{lanes} at once": compared(found[f"{lanes} at once"], "clock") for lanes in LANES[:2]},
        "event": compared(found["event"], "cpu"),
        "slow": {
            name: (each[0], SLOW * 1e6 / LANES[2] / each[0])
            for name, each in compared(found["slow"], "clock").items()
        },
    }
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "versions": versions(names, missing),
        "rounds": count,
        "day": time.strftime("%Y-%m-%d"),
    }
    own = asyncio.run(alone())
    text, chart = written(table, own, about, missing)
    print(text)
    if asked.write:
        docs = HERE.parent / "docs"
        (docs / "benchmarks.md").write_text(text, encoding="utf-8")
        (docs / "benchmarks.svg").write_text(chart, encoding="utf-8")


def versions(names: list[str], missing: dict[str, str]) -> str:
    """Return the versions of what was measured."""
    asked = {"here": ("httpx", "httptools", "msgspec"), **ENVIRONMENTS}
    said = []
    for environment in dict.fromkeys(DRIVERS[name][0] for name in names if name not in missing):
        for package in asked[environment]:
            code = f"import importlib.metadata as m; print(m.version({package!r}))"
            done = subprocess.run(
                [interpreter(environment), "-c", code], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                said.append(f"{package} {done.stdout.strip()}")
    return ", ".join(said)


if __name__ == "__main__":
    main()
