"""One answer of a GGUF model in the making, and what went wrong with a model: shared by both isolations."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from router.core.frozen import dataclass
from router.providers._errors import error_for_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from router.core.errors import CallFailed
    from router.core.port import Residence
    from router.providers._source import Source

EXTRA = "pip install 'pantheon-router[gguf]'"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a model is not there; each call that hears of it raises an error of its own."""

    kind: type[CallFailed]
    message: str

    def error(self) -> CallFailed:
        """Return it as an error."""
        return self.kind(self.message)


class Generation:
    """One answer in the making; `stop` ends it at its next token.

    Args:
        deliver: Takes a chunk; None after the last.
        source: Who answers whom: what messages about it must not show. None where there is no prompt.
    """

    # Mutable: `stopped`, set by any thread, read by the engine's; `halt`, set before the answer begins; `begun`, of
    # the engine's thread alone.

    def __init__(
        self, deliver: Callable[[Mapping[str, Any] | None], None], source: Source | None = None
    ) -> None:
        self._deliver = deliver
        self.source = source
        self.stopped = False
        self.begun = False
        self.halt: Callable[[], object] | None = None

    def stop(self) -> None:
        """End it at its next token, or before its first if it still waits."""
        self.stopped = True
        if self.halt is not None:
            self.halt()

    def end(self) -> None:
        """Tell the caller that nothing more comes."""
        with suppress(RuntimeError):  # its loop may be closed
            self._deliver(None)

    def on_chunk(self, chunk: Mapping[str, Any]) -> bool:
        """Hand a chunk over; tell the engine whether to stop. Never raises: the engine would swallow it."""
        self.begun = self.begun or "choices" in chunk
        if not self.stopped:
            try:
                self._deliver(chunk)
            except RuntimeError:  # the caller's loop is closed
                self.stopped = True
        return self.stopped


class Home(Protocol):
    """A model with one window, and where it lives: in a child process, or in a thread of this one."""

    @property
    def busy(self) -> int:
        """How many answers are in the making or wait to be; one that was left counts until it stops."""
        ...

    @property
    def state(self) -> Residence:
        """Whether the model is in memory."""
        ...

    @property
    def memory(self) -> int | None:
        """Bytes it occupies now, or None when that cannot be measured."""
        ...

    def load(self) -> Future[Trouble | None]:
        """Have the model in memory; the future ends when it is there, or tells why not."""
        ...

    def start(self, body: Mapping[str, Any], generation: Generation) -> Future[None]:
        """Queue one answer; the model is loaded first if need be. The future ends when the engine is done."""
        ...

    def free(self) -> Future[None]:
        """Stop what runs, then free the model; the future ends when its memory is free. For once only."""
        ...


def refused(source: Source, status: int, message: str) -> CallFailed:
    """Return the error that the engine's refusal means."""
    body = json.dumps({"error": {"message": message}}).encode()
    return error_for_status(source, status, body=body, has_image=True)
