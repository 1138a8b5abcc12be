"""`regex: {pattern, replace}`: replaces what a pattern matches, in time that grows with the text alone (google-re2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.core.request import Request


class Regex:
    r"""The processor. It waits for the whole answer: what a pattern matches may reach to the end.

    Args:
        pattern: In the syntax of RE2: no look-around, no back-references.
        replace: What stands there instead; `\1` is the first group.
    """

    def __init__(self, *, pattern: str, replace: str = "") -> None:
        import re2  # noqa: PLC0415 - an extra; the check of the file names it where it is missing

        options = re2.Options()
        options.log_errors = False
        self._pattern: Any = re2.compile(pattern, options)
        self._replace = replace

    def begin(self, request: Request) -> Replacing:  # noqa: ARG002 - it treats all alike
        """Return what changes one answer."""
        return Replacing(self._pattern, self._replace)


class Replacing:
    """One answer. Its state: `_parts`, what has come so far."""

    def __init__(self, pattern: Any, replace: str) -> None:
        self._pattern = pattern
        self._replace = replace
        self._parts: list[str] = []

    def feed(self, text: str) -> str:
        """Return nothing yet."""
        self._parts.append(text)
        return ""

    def end(self) -> str:
        """Return the changed answer."""
        return str(self._pattern.sub(self._replace, "".join(self._parts)))
