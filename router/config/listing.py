"""Files of JSON with one list of entries, which the configuration names: prices, figures of a benchmark."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_listing(path: Path, name: str, most: int) -> tuple[dict[str, Any], list[Any]]:
    """Return a file's object, and the list in it.

    Args:
        path: The file.
        name: The list's name.
        most: Bytes that the file may have.

    Raises:
        ValueError: It cannot be read, or is of another form; the text tells why.
    """
    try:
        # Looked at before it is opened: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is no regular file")
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ValueError(f"it has more than {most} bytes")
        found = json.loads(data.decode("utf-8"))
    except OSError as error:
        raise ValueError(error.strerror or "it cannot be read") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    entries = found.get(name) if isinstance(found, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f'it is no object with a list `"{name}"`')  # noqa: TRY004 - one error for all
    return found, entries
