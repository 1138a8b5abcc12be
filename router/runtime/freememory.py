"""How much memory this machine, or the container or limits this process lives in, really has left."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path("/")
NO_LIMIT = 2**60  # what version 1 of control groups writes where there is none
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_memory(root: Path = ROOT) -> int | None:
    """Return bytes that may be taken before the kernel ends somebody, the least of all limits; None when unknown.

    Args:
        root: Where `/proc` and `/sys` are.
    """
    found = [*_machine(root), *_groups(root), *_process(root)]
    return max(0, min(found)) if found else None


def _machine(root: Path) -> list[int]:
    fields = _fields(root / "proc/meminfo")
    return [fields["MemAvailable:"] * 1024] if "MemAvailable:" in fields else []


def _groups(root: Path) -> list[int]:
    """Return what is left in each of the control groups around this process, of both versions."""
    found = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            found += _left(root / "sys/fs/cgroup", path, _V2)
        elif "memory" in controllers.split(","):
            found += _left(root / "sys/fs/cgroup/memory", path, _V1)
    return found


def _left(base: Path, path: str, names: tuple[str, str, str]) -> list[int]:
    """Return what is left in a group and in those around it; inside a container the outer ones are not to be seen."""
    most, now, reclaimable = names
    group = base / path.strip("/")
    found = []
    for each in (group, *group.parents):
        limit, used = _number(each / most), _number(each / now)
        if limit is not None and used is not None and limit < NO_LIMIT:
            found.append(limit - used + _fields(each / "memory.stat").get(reclaimable, 0))
        if each == base:
            break
    return found


def _process(root: Path) -> list[int]:
    """Return what the limits of this process itself (`ulimit -v`, `prlimit`) leave."""
    if sys.platform == "win32":
        return []
    import resource  # noqa: PLC0415 - there is none on Windows

    pages = _text(root / "proc/self/statm").split()
    found = []
    for limit, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        most = resource.getrlimit(limit)[0]
        if most != resource.RLIM_INFINITY and len(pages) > field:
            found.append(most - int(pages[field]) * resource.getpagesize())
    return found


def _fields(path: Path) -> dict[str, int]:
    """Return the numbers of a file of names and numbers."""
    words = (line.split() for line in _text(path).splitlines())
    return {each[0]: int(each[1]) for each in words if len(each) > 1 and each[1].isdigit()}


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
