"""The language, answers that are kept: the block `cache`, and what a rule says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.compound import ByType, ListOf, Mapped
from router.config.conditions import Named
from router.config.quantities import duration, size
from router.config.record import Fields, Record, key, record
from router.config.shapes import Boolean, Choice, Text

if TYPE_CHECKING:
    from router.config.node import Node


def _named(value: object, node: Node) -> Named:
    return Named(str(value), node.span)


@record
class SqliteSettings(Record):
    """Answers are kept in a file: over restarts, and for all processes that use it."""

    sqlite: str = key(Text("a path"), "The file, from this file's folder.")


@record
class CacheSettings(Record):
    """Answers that are kept."""

    store: object = key(
        ByType(scalar=Choice("memory", what="store"), mapping=Fields(SqliteSettings, "store")),
        "`memory` or `{sqlite: PATH}`.",
        default="memory",
        written="memory",
    )
    size_: int = key(
        size(),
        "Bytes to keep; what was not used for longest goes first.",
        default=64 * 2**20,
        written="64MiB",
    )
    ttl: float = key(
        duration(), "How long an answer stays good, a tenth more or less.", default=3600.0, written="1h"
    )
    tools: bool = key(Boolean(), "Keep answers that call tools.", default=False, written="false")
    separate: tuple[Named, ...] | None = key(
        ListOf(Mapped(Text("a dimension", known=True), _named)),
        "Dimensions that keep answers apart, as users always do.",
        default=None,
        written="every dimension of your own",
    )


@record
class CacheUseSettings(Record):
    """How one rule uses the cache."""

    ttl: float = key(duration(), "How long its answers stay good.")


CACHE_USE = ByType(scalar=Choice("off", "always", what="cache"), mapping=Fields(CacheUseSettings, "cache"))
