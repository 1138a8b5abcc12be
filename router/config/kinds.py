"""What the kinds of endpoints leave out: options and contents that they cannot send on, answers made side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import NEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable

# Kinds that are spoken to over HTTP.
HTTP_KINDS = ("openai", "anthropic", "opencode", "ollama")

# OpenCode takes a prompt and a model; sampling is set in its own configuration. Anthropic draws without a seed.
IGNORED: dict[str, frozenset[str]] = {
    "anthropic": frozenset({"seed"}),
    "opencode": frozenset({"temperature", "top_p", "max_tokens", "stop", "seed"}),
}

# What a call may carry that a kind has no place for, whatever the model could take: OpenCode is sent text.
UNABLE: dict[str, frozenset[str]] = {"opencode": frozenset({"tools", "images", "json"})}

# Kinds of which each model answers one call at a time, however many are sent.
ONE_AT_A_TIME = frozenset({"gguf"})

# Kinds of which each call costs the server so much memory that few are sent at once, wherever it is.
FEW_AT_ONCE = frozenset({"opencode"})


def able(
    kind: str, written: Iterable[str] | None, spared: frozenset[str] = frozenset()
) -> frozenset[str] | None:
    """Return what a model can take at an endpoint of a kind; None where nobody knows.

    Args:
        kind: The endpoint's kind.
        written: The model's own capabilities, or None when the file does not tell them.
        spared: What is taken out of a call before it is sent, so that any model can take it.
    """
    if kind not in UNABLE:
        return None if written is None else frozenset(written) | spared
    return (frozenset(NEEDS if written is None else written) - UNABLE[kind]) | spared
