"""What is kept, lowered: answers, as the file and its rules say, and a line for each call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from router.config.cache import CacheSettings, CacheUseSettings, SqliteSettings
from router.core.dimension import BUILT_IN
from router.policy.cachekey import CachePolicy
from router.policy.calllog import LogPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from router.config.language import Document
    from router.config.link import Linked
    from router.config.settings import LogSettings
    from router.policy.cachekey import CacheUse
    from router.policy.calllog import Content


def cache_policy(document: Document, linked: Linked, folder: Path) -> CachePolicy | None:
    """Return which answers are kept, for new calls or for when nobody answers; None for none."""
    settings = document.cache
    stale = document.offline.stale_cache if document.offline is not None else None
    if settings is None and stale is None:
        return None
    found = settings or CacheSettings()
    store, path = found.store, None
    if isinstance(store, SqliteSettings):
        path = str(folder / os.path.expanduser(store.sqlite))  # noqa: PTH111 - `~` inside a name stays
    if found.separate is None:
        known = {each.name for each in BUILT_IN}
        separate = [
            name for name, each in linked.dimensions.items() if not each.measured and name not in known
        ]
    else:
        separate = [each.name for each in found.separate if each.name in linked.dimensions]
    return CachePolicy(
        path, found.size_, found.ttl, found.tools, tuple(separate), fresh=settings is not None, stale=stale
    )


def cache_use(settings: object) -> CacheUse | None:
    """Return what a rule says of the cache."""
    return settings.ttl if isinstance(settings, CacheUseSettings) else cast("CacheUse | None", settings)


def log_policy(settings: LogSettings, folder: Path) -> LogPolicy:
    """Return where and how calls are written down."""
    path = str(folder / os.path.expanduser(settings.calls))  # noqa: PTH111 - `~` inside a name stays
    return LogPolicy(path, cast("Content", settings.content), settings.size_, settings.keep)
