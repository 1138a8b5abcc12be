"""Two processes that write one ledger are killed, again and again: nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from support.ledgers import complaints, loaded, rows, write

pytestmark = pytest.mark.long  # its own code is short: it runs without coverage

TESTS = Path(__file__).parents[1]
ROUNDS = 15
CAP = Decimal("0.01")
HELD = Decimal("0.00003")  # at most, for one attempt
AT_ONCE = 4


def start(path):
    return subprocess.Popen(
        [sys.executable, "-m", "support.spender", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
    )


def read_until_killed(process, seconds):
    """Return the answers of a program that is killed some time after it is ready."""
    lines = []

    def read():
        lines.extend(process.stdout)

    assert process.stdout.readline() == "ready\n"
    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reader.join()
    process.stdout.close()
    return [line.split() for line in lines if line.endswith("\n")]


@pytest.mark.skipif(os.name == "nt", reason="no such signal")
def test_nothing_that_was_answered_is_lost_when_two_writers_are_killed(tmp_path):
    path = write(tmp_path, f"{{ledger: costs.sqlite, budgets: [{{name: all, limit: ${CAP}, per: total}}]}}")
    dice, answered = random.Random(3), {}
    for _ in range(ROUNDS):
        programs = [start(path) for _ in range(2)]
        readers = []
        for program in programs:
            seconds = dice.uniform(0.05, 0.25)

            def reading(program=program, seconds=seconds):
                answered.update(read_until_killed(program, seconds))

            readers.append(threading.Thread(target=reading))
            readers[-1].start()
        for reader in readers:
            reader.join()
    asyncio.run(one_more(path))
    ledger = tmp_path / "costs.sqlite"
    written = dict(rows(ledger, "SELECT call, cost FROM attempts"))
    assert len(answered) > ROUNDS
    assert answered.keys() <= written.keys()
    assert rows(ledger, "SELECT COUNT(*) FROM attempts WHERE state = 'open'") == [(0,)]
    spent, reserved = rows(ledger, "SELECT spent, reserved FROM accounts")[0]
    assert reserved == 0
    assert spent <= int((CAP + HELD * AT_ONCE * 2) * 10**9)
    assert complaints(ledger) == []


async def one_more(path):
    """Start once more: what the killed left open is settled then."""
    router, _ = loaded(path)
    async with router:
        router.usage()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_process_writes_the_ledger_of_its_parent_too(tmp_path):
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from support.ledgers import loaded\n"
        "router, _ = loaded(Path(sys.argv[1]))\n"
        "asyncio.run(router.complete('parent'))\n"
        "child = os.fork()\n"
        "asyncio.run(router.complete('both'))\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    path = write(tmp_path)
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, env=where
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert rows(tmp_path / "costs.sqlite", "SELECT state, COUNT(*) FROM attempts GROUP BY state") == [
        ("settled", 3)
    ]
    assert complaints(tmp_path / "costs.sqlite") == []
