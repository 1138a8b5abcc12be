"""Did you mean: the nearest legal name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NEAR = 0.6
LONGEST = 256

# Names users bring from elsewhere (LiteLLM, the OpenAI SDK, llama.cpp, seed configurations), to ours.
ALIASES: dict[str, tuple[str, ...]] = {
    "api_base": ("url",),
    "api_key": ("key",),
    "api_keys": ("keys",),
    "apikey": ("key",),
    "base_url": ("url",),
    "baseurl": ("url",),
    "cooldown_time": ("open",),
    "deployments": ("at",),
    "endpoint": ("at", "url", "endpoints"),
    "fallback": ("use", "failover"),
    "fallbacks": ("use", "failover"),
    "hops": ("attempts",),
    "host": ("url",),
    "if": ("when",),
    "match": ("when",),
    "max_completion_tokens": ("max_tokens",),
    "max_new_tokens": ("max_tokens",),
    "max_parallel_requests": ("concurrency",),
    "max_retries": ("attempts",),
    "max_retry": ("attempts",),
    "maxtokens": ("max_tokens",),
    "model": ("use", "models"),
    "model_list": ("models",),
    "model_path": ("path",),
    "modelpath": ("path",),
    "n_ctx": ("context",),
    "n_predict": ("max_tokens",),
    "n_threads": ("threads",),
    "num_ctx": ("context",),
    "num_predict": ("max_tokens",),
    "num_retries": ("attempts",),
    "params": ("options",),
    "parameters": ("options",),
    "provider": ("kind", "at"),
    "request_timeout": ("timeout",),
    "retries": ("attempts", "retry"),
    "route_to": ("use",),
    "routes": ("rules",),
    "rpm": ("requests_per_minute",),
    "temp": ("temperature",),
    "then": ("use",),
    "timeout_seconds": ("timeout",),
    "tpm": ("tokens_per_minute",),
    "type": ("kind",),
    "weights": ("split",),
}


def nearest(name: str, legal: Iterable[str]) -> str | None:
    """Return the legal name that was surely meant, or None."""
    names = list(legal)
    folded = _fold(name)
    for candidate in names:
        if _fold(candidate) == folded:
            return candidate
    for alias in ALIASES.get(name.casefold().replace("-", "_"), ()):
        if alias in names:
            return alias
    words = _words(folded)
    if len(words) > 1:
        for candidate in names:
            if _words(_fold(candidate)) == words:
                return candidate
    return _spelt_alike(folded, names) if len(name) <= LONGEST else None


def _spelt_alike(folded: str, names: list[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - few files have a name to correct

    found = get_close_matches(folded, [_fold(each) for each in names], n=1, cutoff=NEAR)
    return next((each for each in names if _fold(each) == found[0]), None) if found else None


class Suggester:
    """`nearest` within a budget of comparisons: a file with thousands of unknown names must not take minutes.

    Its state is the budget that is left; one run owns it.
    """

    def __init__(self, budget: int = 20_000) -> None:
        self._left = budget

    def nearest(self, name: str, legal: Iterable[str]) -> str | None:
        """Return the legal name that was surely meant, or None, also when the budget is spent."""
        names = list(legal)
        self._left -= len(names)
        return nearest(name, names) if self._left >= 0 else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return names as a message shows them: `a, b, c`, cut after the first dozen."""
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _fold(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return snake.casefold().replace("-", "_").replace(" ", "_")


def _words(folded: str) -> list[str]:
    return sorted(part for part in folded.split("_") if part)
