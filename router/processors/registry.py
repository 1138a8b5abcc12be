"""Which function stands behind which name, imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from router.core.errors import ConfigError
from router.core.processor import After

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.core.processor import Before, ProcessorUse

GROUP = "router.processors"
BEFORE = {
    "system": "system:system",
    "merge_system": "merge_system:merge_system",
    "prefix": "prefix:prefix",
    "template": "prefix:template",
    "strip_images": "strip_images:strip_images",
    "truncate": "truncate:truncate",
}
AFTER = {
    "fence_code": "fence_code:FenceCode",
    "strip_thinking": "strip_thinking:StripThinking",
    "strip": "strip:Strip",
    "json_repair": "json_repair:JsonRepair",
    "regex": "regex:Regex",
}


def before(use: ProcessorUse) -> Before:
    """Return what changes a call's messages.

    A name that is not built in is looked up among the entry points of the group `router.processors`, whose objects
    take the options as keywords.

    Raises:
        ConfigError: No installed package provides it, it refuses its options, or it is for answers.
    """
    found = _made(use, BEFORE)
    if isinstance(found, After) or not callable(found):
        raise ConfigError(f"{use.place}: processor `{use.name}` changes answers; it belongs under `after`")
    return cast("Before", found)


def after(use: ProcessorUse) -> After:
    """Return what changes answers; see `before`.

    Raises:
        ConfigError: No installed package provides it, it refuses its options, or it is for messages.
    """
    found = _made(use, AFTER)
    if not isinstance(found, After):
        raise ConfigError(f"{use.place}: processor `{use.name}` changes messages; it belongs under `before`")
    return found


def version(use: ProcessorUse) -> str:
    """Return what tells one version of a processor from the next, as far as packages tell it."""
    if use.name in BEFORE or use.name in AFTER:
        return ""
    return " ".join(
        f"{entry.value} {entry.dist.version if entry.dist is not None else ''}"
        for entry in entry_points(group=GROUP, name=use.name)
    )


def _made(use: ProcessorUse, built_in: dict[str, str]) -> object:
    if use.name in built_in:
        module, _, name = built_in[use.name].partition(":")
        factory = getattr(import_module(f"router.processors.{module}"), name)
    else:
        factory = _third_party(use)
    try:
        return factory(**use.options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{use.place}: processor `{use.name}` refuses its options: {error}") from error


def _third_party(use: ProcessorUse) -> Callable[..., object]:
    for entry in entry_points(group=GROUP, name=use.name):
        try:
            return cast("Callable[..., object]", entry.load())
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"{use.place}: processor `{use.name}`: {entry.value} cannot be imported: {error}"
            ) from error
    raise ConfigError(f"{use.place}: processor `{use.name}` is provided by no installed package")
