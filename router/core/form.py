"""The JSON that commands print: its version (fields may be added, never renamed), and how it is written."""

from __future__ import annotations

import json
import re

FORMAT_VERSION = "1.0"
# What JSON lets stand and a terminal obeys, or shows in another order; and halves of characters.
_UNSHOWN = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# The same, and what JSON escapes: of the controls only tabs and line ends may stand in a text.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON that any terminal shows and none obeys; what is no value of JSON is written as text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return _UNSHOWN.sub(_as_json, text)


def tame(text: str) -> str:
    """Return a foreign text of many lines as a terminal may be given it: its control characters are shown, not sent."""
    return _OBEYED.sub(_escaped, text.replace("\r\n", "\n"))


def _as_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
