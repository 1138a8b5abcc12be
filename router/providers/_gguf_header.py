"""What the header of a GGUF file says, field by field, read no further than is asked for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"GGUF"
HEADER_CAP = 64 * 1024 * 1024
TEXT_CAP = 1024 * 1024
LIST_CAP = 4096
_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_TEXT, _LIST = 8, 9


@dataclass(frozen=True, slots=True)
class Many:
    """A list that is not worth reading: how many entries it has."""

    count: int


def read_fields(path: Path) -> Iterator[tuple[str, object]]:
    """Yield name and value of each field, in the file's order, up to the first that cannot be read.

    A value is a number, a text, a tuple of numbers, or `Many`. It raises nothing: a file that is broken, or not there,
    has fewer fields.
    """
    try:
        with path.open("rb") as file:
            magic, _, _, count = _unpack(file, "4sIQQ")
            for _ in range(count if magic == MAGIC else 0):
                name = _text(file)
                (kind,) = _unpack(file, "I")
                yield name, _value(file, kind)
                if file.tell() > HEADER_CAP:
                    return
    except (OSError, struct.error, OverflowError):
        return


def _value(file: BinaryIO, kind: int) -> object:
    if kind in _NUMBERS:
        return _unpack(file, _NUMBERS[kind])[0]
    if kind == _TEXT:
        return _text(file)
    if kind != _LIST:
        raise struct.error("unknown kind")
    inner, count = _unpack(file, "IQ")
    if inner in _NUMBERS:
        if count <= LIST_CAP:
            return _unpack(file, f"{count}{_NUMBERS[inner]}")
        file.seek(struct.calcsize(_NUMBERS[inner]) * count, 1)
    else:
        _pass_texts(file, inner, count)
    return Many(count)


def _pass_texts(file: BinaryIO, inner: int, count: int) -> None:
    if inner != _TEXT or count > HEADER_CAP:
        raise struct.error("unknown kind")
    size_of = struct.Struct("<Q").unpack
    read, seek = file.read, file.seek
    for _ in range(count):
        (size,) = size_of(read(8))
        if size > TEXT_CAP:
            raise struct.error("text too long")
        seek(size, 1)


def _text(file: BinaryIO) -> str:
    (size,) = _unpack(file, "Q")
    if size > TEXT_CAP:
        raise struct.error("text too long")
    return bytes(file.read(size)).decode("utf-8", "replace")


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    # Native sizes differ between systems; "<" has those of the format.
    shape = struct.Struct("<" + form)
    return shape.unpack(file.read(shape.size))
