"""Which file a GGUF endpoint means, and what the file's header says."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from router.core.errors import ModelNotFound

MAGIC = b"GGUF"
SUFFIX = ".gguf"
HEADER_CAP = 1024 * 1024
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _ARRAY = 8, 9
_WHOLE = {4: "<I", 5: "<i", 10: "<Q", 11: "<q"}


def find_model(where: str, path: str, model: str) -> Path:
    """Return the file of a model.

    Args:
        where: How messages name the endpoint.
        path: A `.gguf` file, a folder with such files, or `package:NAME`, the folder of an installed package.
        model: In a folder the file's name, with or without `.gguf`; any name if the folder holds one model.

    Raises:
        ModelNotFound: There is no such file, or it is no GGUF file.
    """
    place = (
        _package_folder(where, path.removeprefix("package:")) if path.startswith("package:") else Path(path)
    )
    place = place.expanduser()
    found = _in_folder(where, place, model) if place.is_dir() else place
    if not found.is_file():
        what = "is no regular file" if found.exists() else "does not exist"
        raise ModelNotFound(
            f"{where}: {found} {what}; `path` is a .gguf file, a folder of them or `package:NAME`"
        )
    try:
        with found.open("rb") as file:
            magic = file.read(len(MAGIC))
    except OSError as error:
        raise ModelNotFound(f"{where}: {found} cannot be read: {error.strerror}") from error
    if magic != MAGIC:
        raise ModelNotFound(f"{where}: {found} is not a GGUF file")
    return found


def trained_context(path: Path) -> int | None:
    """Return the tokens of the window a model was trained with, or None when its header does not say so early."""
    try:
        with path.open("rb") as file:
            _, _, _, count = struct.unpack("<4sIQQ", file.read(24))
            for _ in range(count):
                name = _read_text(file)
                (kind,) = struct.unpack("<I", file.read(4))
                if name.endswith(b".context_length") and kind in _WHOLE:
                    (value,) = struct.unpack(_WHOLE[kind], file.read(_SIZES[kind]))
                    return int(value)
                if not _skip(file, kind) or file.tell() > HEADER_CAP:
                    return None
    except (OSError, struct.error, OverflowError):
        return None
    return None


def _package_folder(where: str, name: str) -> Path:
    if not name.isidentifier():
        raise ModelNotFound(f"{where}: package:{name} is not the name of a top-level package")
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound(f"{where}: the package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _in_folder(where: str, folder: Path, model: str) -> Path:
    if model in {"", ".", ".."} or any(sign in model for sign in "/\\\0"):
        raise ModelNotFound(f"{where}: {model!r} is not a file name")
    named = folder / (model if model.endswith(SUFFIX) else model + SUFFIX)
    if named.is_file():
        return named
    present = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
    if len(present) == 1 and not model.endswith(SUFFIX):
        return present[0]
    names = ", ".join(path.name for path in present[:5]) or "no .gguf file"
    raise ModelNotFound(f"{where}: {folder} has no {named.name}; it has {names}")


def _read_text(file: BinaryIO) -> bytes:
    (size,) = struct.unpack("<Q", file.read(8))
    if size > HEADER_CAP:
        raise struct.error("text too long")
    return file.read(size)


def _skip(file: BinaryIO, kind: int) -> bool:
    """Pass over one value; return False for a list of texts or anything unknown, which is not worth it."""
    if kind in _SIZES:
        file.seek(_SIZES[kind], 1)
        return True
    if kind == _TEXT:
        _read_text(file)
        return True
    if kind != _ARRAY:
        return False
    inner, count = struct.unpack("<IQ", file.read(12))
    if inner not in _SIZES:
        return False
    file.seek(_SIZES[inner] * count, 1)
    return True
