"""How an answer's head says where its body ends, and which heads say it in a way that can be misread. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EMPTY = frozenset((204, 304))
SPOKEN = frozenset(("1.1", "1.0"))


def folded(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return header fields by lower-case name; what comes twice is joined by commas."""
    found: dict[str, str] = {}
    for raw, value in fields:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def breach(headers: Mapping[str, str], version: str) -> str | None:
    """Return why nobody can be sure where the answer ends, or None; what the parser refuses is not looked for.

    Args:
        headers: Header fields by lower-case name.
        version: Of HTTP, as the answer gives it.
    """
    if version not in SPOKEN:
        return "its answer is not HTTP/1.1"
    encoding = headers.get("transfer-encoding")
    if encoding is None:
        return None
    if "content-length" in headers:
        return "it gives its answer two lengths"
    if encoding.strip().lower() != "chunked" or version == "1.0":
        return "it used a transfer encoding that was not asked for"
    return None


def has_end(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer ends by what its head says, and not with its connection."""
    return status in EMPTY or "content-length" in headers or "transfer-encoding" in headers
