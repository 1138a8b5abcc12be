"""Makes a whole router for the fault simulator; as a program it replays seeds: `python tests/support/simulation.py 17`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from router import load_router
from router.testing.simulate import simulate


def load(parts):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "router.yaml")
        file.write_text(parts.text, encoding="utf-8")
        return load_router(
            file,
            env=parts.env,
            providers=parts.providers,
            clock=parts.clock,
            dice=parts.dice,
            observers=parts.observers,
        )


def accounts(router):
    """Return what is spent and what is held of each sum of each budget of a router."""
    query = "SELECT spent, reserved FROM accounts"
    return router._engine.spending.scribe.read(lambda db: db.execute(query).fetchall())


def main():
    for seed in map(int, sys.argv[1:]):
        print(simulate(load, seed))  # noqa: T201 - it is a program


if __name__ == "__main__":
    main()
