"""How long it takes to read, check, compile, compare and ask configurations; `python benchmarks/compile.py`.

Prints each figure beside its target. Seconds are of the processor unless they are said to be on the clock; of several
runs the best counts, for nothing but noise makes one slower than another. Not for Windows.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import tables

from router.compile.compiler import check_file, compile_file
from router.compile.diff import diff
from router.diagnostics import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULE = re.compile(r"(?P<rule>.*use: m)(?P<model>[1-4])(?P<end>}\n)")
EVERY = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement.

    Attributes:
        what: What was measured.
        value: How much it took.
        target: How much it may take.
        unit: s, ms or µs.
    """

    what: str
    value: float
    target: float
    unit: str

    def __str__(self) -> str:
        met = "" if self.value <= self.target else "  MISSED"
        return f"{self.what:<64} {self.value:>8.2f} {self.unit:<2}  {self.target:>6g} {self.unit:<2}{met}"


def best(run: Callable[[], object], times: int, clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds of the fastest of some runs."""
    found = []
    for _ in range(times):
        start = clock()
        run()
        found.append(clock() - start)
    return min(found)


def command(folder: Path, *arguments: str) -> None:
    """Run this Python with modules compiled as an installed package's are; findings are no failure of it."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    subprocess.run([sys.executable, *arguments], check=False, stdout=subprocess.DEVNULL, env=env)


def of_commands() -> float:
    """Return the seconds of the processor that all commands so far have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def edited(file: str) -> str:
    """Return a file in which one rule in a hundred uses another model."""
    lines = file.splitlines(keepends=True)
    rules = [number for number, line in enumerate(lines) if RULE.match(line)]
    for number in rules[::EVERY]:
        lines[number] = RULE.sub(
            lambda found: f"{found['rule']}{int(found['model']) % 4 + 1}{found['end']}", lines[number]
        )
    return "".join(lines)


def small(folder: Path) -> Iterator[Figure]:
    """Measure a file as people write them."""
    path = folder / "fifty.yaml"
    path.write_text(tables.fifty(), encoding="utf-8")
    yield Figure("50 rules: check, in a warm process", 1000 * best(lambda: check_file(path), 20), 50, "ms")
    run = best(lambda: command(folder, "-m", "router", "check", str(path)), 10, time.perf_counter)
    yield Figure("50 rules: `router check`, on the clock", run, 0.4, "s")
    empty = best(lambda: command(folder, "-c", "pass"), 10, of_commands)
    imported = best(lambda: command(folder, "-c", "import router"), 10, of_commands)
    yield Figure("`import router`", imported - empty, 0.1, "s")


def large(folder: Path) -> Iterator[Figure]:
    """Measure 10,000 rules in 7 dimensions that are all of use."""
    path, other = folder / "many.yaml", folder / "edited.yaml"
    path.write_text(tables.many(), encoding="utf-8")
    other.write_text(edited(tables.many()), encoding="utf-8")
    yield Figure("10,000 rules: load, check and compile", best(lambda: compile_file(path), 3), 3, "s")
    (old, _), (new, _) = compile_file(path), compile_file(other)
    yield Figure("10,000 rules: diff, one rule in 100 changed", best(lambda: diff(old, new), 3), 0.5, "s")
    calls = tables.calls(5_000)
    match = old.table.match

    def lookups() -> None:
        for call in calls:
            match(call)

    yield Figure("10,000 rules: one lookup", 1e6 * best(lookups, 20) / len(calls), 2, "µs")


def bad(folder: Path) -> Iterator[Figure]:
    """Measure tables that are wrong, or too hard to tell."""
    path = folder / "tangled.yaml"
    path.write_text(tables.tangled(), encoding="utf-8")
    yield Figure("10,000 random rules, most of them dead: check", best(lambda: check_file(path), 3), 3, "s")
    checked, found = check_file(path)
    shown = best(lambda: text.human(found, checked.sources), 3)
    yield Figure(f"{len(found):,} findings: print them", shown, 1, "s")
    path = folder / "boxes.yaml"
    path.write_text(tables.boxes(), encoding="utf-8")
    seconds = best(lambda: check_file(path), 1)
    codes = {each.code for each in check_file(path)[1]}
    yield Figure(f"200 boxes in 6 dimensions: check, ends with {', '.join(sorted(codes))}", seconds, 10, "s")


def main() -> None:
    """Measure everything and print it."""
    print(f"{platform.platform()}, {os.cpu_count()} processors of {platform.machine()}")
    print(f"{platform.python_implementation()} {platform.python_version()}", end="")
    print(f", PyYAML {version('pyyaml')}, router {version('pantheon-router')}\n")
    print(f"{'':<64} {'measured':>11}  {'target':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for measure in (small, large, bad):
            for figure in measure(Path(folder)):
                print(figure, flush=True)


if __name__ == "__main__":
    main()
