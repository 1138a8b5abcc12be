"""Kinds of endpoints that other packages bring along: which of them are installed. None is imported here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from router.config import problems
from router.config.expand import END
from router.config.shapes import Choice
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from router.config.node import Plain, Scalar
    from router.config.shapes import Schema

GROUP = "router.providers"
PATTERN = rf"^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*{END}"
_MATCH = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class UnknownKind(problems.NotAllowed):
    """A kind of endpoint that neither this package nor an installed one provides."""

    shape: ClassVar[bool] = False


def installed() -> tuple[str, ...]:
    """Return the kinds that installed packages provide, in order."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and few files need it

    return tuple(sorted({each.name for each in entry_points(group=GROUP)}))


class KindChoice(Choice):
    """A kind of this package, or one that an installed package provides by an entry point of `router.providers`."""

    def read(self, value: Plain) -> str | None:
        """Return the kind if somebody provides it."""
        own = super().read(value)
        if own is not None or not isinstance(value, str) or not _MATCH.match(value):
            return own
        return value if value in installed() else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Name the legal words; a schema cannot know which kinds are installed, so it is no matter of shape."""
        found = super().refusal(node, owner)
        if (
            isinstance(found, problems.NotAllowed)
            and isinstance(node.value, str)
            and _MATCH.match(node.value)
        ):
            legal = (*found.legal, *installed())
            return UnknownKind(found.span, found.value, found.wanted, legal, found.suggestion)
        return found

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema: the kinds of this package to choose from, and any word that may be another's."""
        return {
            "anyOf": [{"type": "string", "enum": list(self.words)}, {"type": "string", "pattern": PATTERN}]
        }
