"""A child process with the engine: spawned, spoken to, measured, and seen to its end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from router.providers import _gguf_child

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.providers._gguf_generation import Generation
    from router.providers._gguf_loop import LoopThread

# Seconds that an answer which was left may run on. The engine notices at its next token, or when the next 512 tokens
# of the prompt are read; if that takes longer, the child is killed and the next call loads the model again.
GRACE = 1.0
REAPING = 0.002  # seconds between two looks at whether a killed child has ended
LINE_CAP = 64 * 1024 * 1024
WORDS_CAP = 64 * 1024
LAST_WORDS = 8 * 1024
PROGRAM = _gguf_child.__file__
# What a child may know of its parent's environment: where libraries and cards are, and no secret.
KNOWN = (
    *("PATH", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
)
KNOWN_FAMILIES = ("LC_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "VK_", "GGML_", "OMP_", "KMP_")
_STAMP = re.compile(r"^[\d.]+ [A-Z] ")
# What the engine says after every failure to load.
_IDLE_WORDS = re.compile(r"failed to load model|exiting due to|while trying to fit|failed to read header")


class Child:
    """A running child.

    Args:
        process: It, with pipes that are not buffered.
        errors: The file that takes in its stderr.
        around: Where it is cared for.

    Attributes:
        ready: Whether it has loaded the model.
        words: Once it has ended: the last line of its stderr that says more than that it failed, or "".
    """

    # Mutable: of the loop thread alone.

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes], around: LoopThread) -> None:
        self.ready = False
        self.words = ""
        self._process = process
        self._errors = errors
        self._around = around
        self._said: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._number = 0
        self._grace: asyncio.TimerHandle | None = None
        self._out: asyncio.WriteTransport | None = None
        around.wards.add(self)
        self._listening = asyncio.create_task(self._listen())

    @property
    def code(self) -> int | None:
        """How it ended: its exit code, or a signal's number below 0; None while it runs."""
        return self._process.returncode

    @property
    def memory(self) -> int | None:
        """Bytes of memory that it occupies, the file's included; None where the system does not tell."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[1]
        except (OSError, IndexError):
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def heard(self) -> dict[str, Any] | None:
        """Return the next thing it says, or None once it has ended."""
        return await self._said.get()

    async def ended(self) -> None:
        """Wait until it has ended and its memory is free."""
        await asyncio.wait({self._listening})

    async def answer(self, body: str, generation: Generation) -> dict[str, Any] | None:
        """Have one answer made; return its last line, or None if the child ended before.

        Args:
            body: The request in JSON.
            generation: Takes the answer.
        """
        self._number += 1
        self._tell(f'{{"ask": {self._number}, "body": {body}}}')
        try:
            while (said := await self._said.get()) is not None:
                if "end" in said:
                    break
                if generation.on_chunk(said["chunk"]):
                    self.halt()
        finally:
            if self._grace is not None:
                self._grace.cancel()
                self._grace = None
        self._forget_words()
        return said

    def halt(self) -> None:
        """Have the answer in the making end; kill the child if it does not in time."""
        if self._grace is None:
            self._tell(f'{{"stop": {self._number}}}')
            self._grace = asyncio.get_running_loop().call_later(GRACE, self.kill)

    def kill(self) -> None:
        """End it."""
        self.ready = False
        self._process.kill()

    def forsake(self) -> None:
        """Close this process's ends of its pipes; see `router.providers._gguf_loop.Ward`."""
        self.ready = False
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    async def begin(self, order: Mapping[str, object]) -> None:
        """Give it its order."""
        loop = asyncio.get_running_loop()
        self._out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._process.stdin)
        self._tell(json.dumps(order))

    def _tell(self, line: str) -> None:
        if self._out is not None and not self._out.is_closing():
            self._out.write(line.encode() + b"\n")

    def _forget_words(self) -> None:
        """Empty the file of its stderr before it grows large."""
        if self._listening.done():
            return
        file = self._errors.fileno()
        if os.fstat(file).st_size > WORDS_CAP:
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)  # of the child too: they share the place

    async def _listen(self) -> None:
        """Take in what it says, and see it to its end."""
        reader = asyncio.StreamReader(LINE_CAP)
        loop = asyncio.get_running_loop()
        into, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), self._process.stdout
        )
        with suppress(OSError, ValueError):  # a line that is none is the end as well
            while line := await reader.readline():
                self._said.put_nowait(json.loads(line))
        self.kill()
        while self._process.poll() is None:  # noqa: ASYNC110 - the kernel takes it away, and tells nobody
            await asyncio.sleep(REAPING)
        into.close()
        if self._out is not None and not self._out.is_closing():
            self._out.abort()
        size = os.fstat(self._errors.fileno()).st_size
        self.words = last_words(os.pread(self._errors.fileno(), LAST_WORDS, max(0, size - LAST_WORDS)))
        self._errors.close()
        self._around.wards.discard(self)
        self._said.put_nowait(None)


async def spawn(order: Mapping[str, object], around: LoopThread) -> Child:
    """Start a child and give it its order; runs on the loop thread, whose end is the child's.

    It does not use the subprocesses of asyncio: who watches over them is a matter of the program's event loop policy,
    and some have nobody.

    Raises:
        OSError: No process can be started.
    """
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child has ended
    try:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns once it has begun; it is this Python
            [sys.executable, "-I", "-S", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            env=_environment(),
            cwd="/",
            process_group=0,  # a Ctrl-C is for the parent
        )
    except OSError:
        errors.close()
        raise
    child = Child(process, errors, around)
    await child.begin({**order, "parent": os.getpid()})
    return child


def last_words(stderr: bytes) -> str:
    """Return the last line of the engine's that says more than that it failed; "" if it said nothing."""
    text = stderr.decode("utf-8", "replace").replace("\0", "")
    lines = [line for line in (_STAMP.sub("", each).strip() for each in text.splitlines()) if line]
    telling = [line for line in lines if not _IDLE_WORDS.search(line)]
    return (telling or lines or [""])[-1]


def can_isolate() -> bool:
    """Return whether a child with a Python can be started here."""
    return (
        os.name == "posix"
        and bool(sys.executable)
        and not getattr(sys, "frozen", False)
        and Path(PROGRAM).is_file()
    )


def _environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name in KNOWN or name.startswith(KNOWN_FAMILIES)
    }
