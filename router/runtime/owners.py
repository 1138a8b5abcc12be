"""Who writes to a ledger, and whether a writer is gone: attempts it left open are nobody's then."""

from __future__ import annotations

import os
from pathlib import Path

from router.core.frozen import dataclass

SILENCE = 120.0  # seconds without a sign of life of a writer on another machine


@dataclass(frozen=True, slots=True)
class Owner:
    """One router in one process.

    Attributes:
        name: Its own name, never given twice.
        machine: The machine, since it was started, and the process's own view of it.
        pid: The process.
        began: When the process began, as the machine counts it; empty where it does not tell.
    """

    name: str
    machine: str
    pid: int
    began: str

    def gone(self, machine: str, pid: int, began: str, silent: float) -> bool:
        """Whether another writer is gone.

        Args:
            machine: Its machine.
            pid: Its process.
            began: When that began.
            silent: Seconds since its last sign of life, which counts where the process cannot be looked at.
        """
        if machine != self.machine:
            return silent > SILENCE
        return not _running(pid) or (began != "" and _began(pid) != began)


def owner() -> Owner:
    """Return this process as an owner with a name of its own."""
    pid = os.getpid()
    return Owner(new_name(), _machine(), pid, _began(pid))


def new_name() -> str:
    """Return a name for a writer of this process, never given twice."""
    return f"{os.getpid()}-{os.urandom(6).hex()}"


def _machine() -> str:
    import platform  # noqa: PLC0415 - slow to import, and only a ledger asks

    parts = [platform.node()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        try:
            link = path.endswith("pid")
            found = Path(path)
            parts.append(str(found.readlink()) if link else found.read_text(encoding="ascii").strip())
        except OSError:
            parts.append("")
    return " ".join(parts)


def _running(pid: int) -> bool:
    if os.name == "nt":
        return True  # a signal would end it there; what it leaves open waits for its silence
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; a dead one that nobody buried has no beginning."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
