"""A router in a process that may take little memory: `python tests/support/tight.py CONFIG BYTES MODEL ...`.

It prints what became of a call for each model, and what was loaded, as JSON; the process may take as many further
bytes as it was told.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from router import CallFailed, load_router


class Ear:
    """Remembers what is told of models."""

    def __init__(self):
        self.told = []

    def attempt_ended(self, request_id, record):
        """Take in one attempt."""

    def call_ended(self, record):
        """Take in one call."""

    def noticed(self, notice):
        """Take in what happened beside the calls."""
        self.told.append([notice.subject, notice.state])


def tighten(more):
    """Leave this process so many further bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


async def main():
    config, more, *models = sys.argv[1:]
    tighten(int(more))
    ear, said = Ear(), []
    router = load_router(config, observers=[ear])
    for model in models:
        try:
            said.append((await router.complete("hi", model=model)).text)
        except CallFailed as error:
            said.append(f"{error.kind}: {error}")
    await router.close()
    print(json.dumps({"said": said, "told": ear.told}))  # noqa: T201 - it is a program


if __name__ == "__main__":
    asyncio.run(main())
