"""Families of models: what holds for each unless the file says otherwise. Rows of data, no code."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Family:
    """A row.

    Attributes:
        system: The system message of calls that have none.
        options: Sampling options below all others.
        after: Processors of answers, by name.
    """

    system: str
    options: Mapping[str, object] = field(default_factory=dict)
    after: tuple[str, ...] = ()


FAMILIES: Mapping[str, Family] = {
    "llama-2": Family(
        "You are LLaMA-2, a helpful assistant.",
        {"temperature": 0.7, "max_tokens": 2048},
    ),
    "mistral": Family(
        "You are Mistral, a capable language model.",
        {"temperature": 0.5, "max_tokens": 4096},
    ),
    "code-llama": Family(
        "You are Code LLaMA, specialized in programming tasks.",
        {"temperature": 0.2, "max_tokens": 4096},
        ("fence_code",),
    ),
}
