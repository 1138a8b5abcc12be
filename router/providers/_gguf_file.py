"""Which file a GGUF endpoint means, and what the file's header says."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from router.core.errors import ModelNotFound
from router.providers._gguf_header import MAGIC, read_fields

SUFFIX = ".gguf"
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")


def find_model(where: str, path: str, model: str) -> Path:
    """Return the file of a model.

    Args:
        where: How messages name the endpoint.
        path: A `.gguf` file, a folder with such files, or `package:NAME`, the folder of an installed package.
        model: In a folder the file's name, with or without `.gguf`; any name if the folder holds one model.

    Raises:
        ModelNotFound: There is no such file, or it is no GGUF file.
    """
    place = _place(where, path)
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


def list_models(where: str, path: str) -> list[Path]:
    """Return the model files that an endpoint has, by name; of a model in several parts the first.

    Args:
        where: How messages name the endpoint.
        path: As for `find_model`.

    Raises:
        ModelNotFound: There is no such folder or file.
    """
    place = _place(where, path)
    if not place.is_dir():
        return [find_model(where, path, place.name)]
    try:
        return sorted(each for each in place.iterdir() if _is_model(each))
    except OSError as error:
        raise ModelNotFound(f"{where}: {place} cannot be read: {error.strerror}") from error


def trained_context(path: Path) -> int | None:
    """Return the tokens of the window a model was trained with, or None when its header does not say."""
    for name, value in read_fields(path):
        if name.endswith(".context_length") and isinstance(value, int):
            return value
    return None


def _place(where: str, path: str) -> Path:
    package = path.startswith("package:")
    place = _package_folder(where, path.removeprefix("package:")) if package else Path(path)
    return place.expanduser()


def _is_model(path: Path) -> bool:
    return path.suffix == SUFFIX and _LATER_PART.search(path.name) is None and path.is_file()


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
