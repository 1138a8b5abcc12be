"""Forks: a child process begins anew, and leaves alone what is its parent's."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Something whose state is of no use in a child process: threads, loops, sockets, locks that may be held."""

    def forked(self) -> object:
        """Begin anew. Return all that was: it is kept and never closed, for sockets are shared with the parent."""
        ...


# `_FOLLOWERS` changes with every router made; `_PARENTS` in a child alone, before anything else runs there.
_FOLLOWERS: weakref.WeakSet[Forked] = weakref.WeakSet()
_PARENTS: list[object] = []


def follow(thing: Forked) -> None:
    """Tell something of every fork, in the child, as long as it lives."""
    _FOLLOWERS.add(thing)


def _after_in_child() -> None:
    _PARENTS.extend([thing.forked() for thing in list(_FOLLOWERS)])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
