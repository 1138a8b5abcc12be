"""What the kinds of endpoints leave out: options that they cannot send on, and answers made side by side."""

from __future__ import annotations

# OpenCode takes a prompt and a model; sampling is set in its own configuration. Anthropic draws without a seed.
IGNORED: dict[str, frozenset[str]] = {
    "anthropic": frozenset({"seed"}),
    "opencode": frozenset({"temperature", "top_p", "max_tokens", "stop", "seed"}),
}

# Kinds of which each model answers one call at a time, however many are sent.
ONE_AT_A_TIME = frozenset({"gguf"})
