"""A process that fills a cache: `cache_writer.py FILE NAME COUNT`; prints how many of its answers it found again."""

from __future__ import annotations

import sys
from pathlib import Path

from router.runtime.cachefile import CacheFile
from router.runtime.kept import Kept

SIZE = 2**30


def main(path: str, name: str, count: int) -> None:
    """Write answers one by one, and read each of them back through another connection."""
    writer, reader = CacheFile(path, SIZE), CacheFile(path, SIZE)
    found = 0
    for number in range(count):
        key = f"{name}-{number}"
        writer.put({key: Kept(key, 1.0, 1e12, 1e12)}, {}, 1.0)
        kept = reader.get(key)
        found += kept is not None and kept.body == key
    writer.close()
    reader.close()
    print(found)  # noqa: T201


if __name__ == "__main__":
    main(str(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3]))
