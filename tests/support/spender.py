"""A program that spends through a router until it is killed; it prints the id of each call that was answered."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from support.ledgers import loaded

from router import BudgetExceeded


async def main(path: Path) -> None:
    router, _ = loaded(path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()

    async def spend() -> None:
        while True:
            try:
                answer = await router.complete("one two three")
            except BudgetExceeded:
                await asyncio.sleep(0.001)
                continue
            sys.stdout.write(f"{answer.request_id} {answer.cost}\n")
            sys.stdout.flush()

    await asyncio.gather(*(spend() for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
