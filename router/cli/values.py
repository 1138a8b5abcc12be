"""`name=value` on the command line: values as the file would read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from router.config.yaml import core_scalar

if TYPE_CHECKING:
    from collections.abc import Iterable


def pairs(words: Iterable[str]) -> dict[str, object]:
    """Return `tokens=9000 task=code` as a mapping; numbers and booleans as in YAML.

    Raises:
        click.BadParameter: A word is no pair, or a name stands twice.
    """
    found: dict[str, object] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{word!r} is not of the form name=value, such as task=code")
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice")
        found[name] = core_scalar(value)
    return found
