"""Rules that ask for long prompts, with the context windows of what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.conditions import models_in
from router.core.dimension import number_ranges
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.language import Document
    from router.config.link import Rule
    from router.config.load import Configuration
    from router.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class Window:
    """One rule with a lower bound on tokens, all of whose context windows are known.

    Attributes:
        rule: The rule.
        least: Tokens of the shortest prompt it matches.
        candidates: Each model, where the rule names it, and tokens of its largest context window.
    """

    rule: Rule
    least: int
    candidates: tuple[tuple[str, Span, int], ...]


def windows(configuration: Configuration) -> Iterator[Window]:
    """Yield each such rule; one with a model of unknown context is left out."""
    document = configuration.document
    for rule in configuration.linked.rules if document is not None else ():
        ranges = number_ranges(rule.accepted.get("tokens", ()))
        if document is None or not ranges or ranges[0][0] <= 0:
            continue
        named = [each for use in rule.use for each in models_in(use)]
        found = [(each.name, each.span, _context(document, each.name)) for each in named]
        known = tuple((name, span, context) for name, span, context in found if context is not None)
        if known and len(known) == len(found):
            yield Window(rule, ranges[0][0], known)


def _context(document: Document, model: str) -> int | None:
    settings = document.models[model]
    contexts = [place.context or settings.context for _, place in settings.at]
    known = [context for context in contexts if context is not None]
    return max(known) if known and len(known) == len(contexts) else None
