"""The options of a call: their names, and what each may be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from router.core.dimension import MEASURED
from router.core.errors import InvalidCall
from router.core.extra import wrong_extra, wrong_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

URGENCIES = ("critical", "high", "normal", "batch")
REASONING_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
ALIASES = {"maxTokens": "max_tokens"}


def _number(least: float, most: float) -> Callable[[object], str | None]:
    def wrong(value: object) -> str | None:
        good = isinstance(value, (int, float)) and type(value) is not bool
        return None if good and least <= value <= most else f"a number from {least:g} to {most:g}"  # type: ignore[operator]

    return wrong


def _whole(least: int, most: int) -> Callable[[object], str | None]:
    def wrong(value: object) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool)
        return None if good and least <= value <= most else f"a whole number of at least {least}"  # type: ignore[operator]

    return wrong


def _word(*words: str) -> Callable[[object], str | None]:
    return lambda value: None if value in words else f"one of {', '.join(words)}"


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value else "a text"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _stop(value: object) -> str | None:
    texts = [value] if isinstance(value, str) else value
    good = isinstance(texts, list | tuple) and texts and all(isinstance(text, str) and text for text in texts)
    return None if good else "a text or a list of texts"


def _seconds(value: object) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return None if good and 0 < value < math.inf else "seconds, more than 0"  # type: ignore[operator]


def _extra(value: object) -> str | None:
    if _mapping(value) is not None or not isinstance(value, dict):
        return _mapping(value)
    return wrong_extra(value)


def _cache(value: object) -> str | None:
    if isinstance(value, dict) and value.keys() == {"ttl"} and _seconds(value["ttl"]) is None:
        return None
    return None if value in ("off", "always") else "off, always or {'ttl': SECONDS}"


def _mapping(value: object) -> str | None:
    good = isinstance(value, dict) and all(isinstance(name, str) for name in value)
    return None if good else "a mapping with text keys"


def _tools(value: object) -> str | None:
    good = isinstance(value, list | tuple) and all(_mapping(tool) is None for tool in value)
    return wrong_tools(value) if good else "a list of tool declarations"  # type: ignore[arg-type]


def _tool_choice(value: object) -> str | None:
    good = value in ("auto", "none", "required") if isinstance(value, str) else _mapping(value) is None
    return None if good else "auto, none, required or a mapping that names a function"


# What goes to the endpoint with every attempt, and may stand under `options` in the file.
PARAMS: Mapping[str, Callable[[object], str | None]] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _whole(1, 10_000_000),
    "stop": _stop,
    "seed": _whole(0, 2**63 - 1),
    "reasoning_effort": _word(*REASONING_EFFORTS),
}
# What only a call can say.
CALL_OPTIONS: Mapping[str, Callable[[object], str | None]] = {
    "model": _text,
    "deadline": _seconds,
    "user": _text,
    "urgency": _word(*URGENCIES),
    "tools": _tools,
    "tool_choice": _tool_choice,
    "response_format": _mapping,
    "extra": _extra,
    "tags": _mapping,
    "no_degrade": _boolean,
    "cache": _cache,
}
RESERVED = frozenset({*PARAMS, *CALL_OPTIONS, *ALIASES, *(each.name for each in MEASURED), "use", "self"})


def gathered(opts: Mapping[str, object] | None, keywords: Mapping[str, object]) -> dict[str, object]:
    """Return one mapping of options; None as a value means that nothing was said.

    Raises:
        InvalidCall: The second argument is no mapping, or a name stands in both places.
    """
    if opts is not None and not hasattr(opts, "items"):
        raise InvalidCall(f"the options must be a mapping, not {type(opts).__name__}")
    found: dict[str, object] = {}
    for given in (opts or {}, keywords):
        for key, value in given.items():
            name = ALIASES.get(str(key), str(key))
            if name in found:
                raise InvalidCall(f"`{name}` is given twice")
            if value is not None:
                found[name] = value
    return found
