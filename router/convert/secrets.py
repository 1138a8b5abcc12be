"""Names of variables for secrets that the old file wrote out; the secrets themselves are never shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.config.node import leaves
from router.convert.old import ENVIRON

if TYPE_CHECKING:
    from router.config.node import Node


class Secrets:
    """Its state is which variables are spoken for; equal secrets share one."""

    def __init__(self, root: Node) -> None:
        self._names = {
            leaf.text.removeprefix(ENVIRON) for leaf in leaves(root) if leaf.text.startswith(ENVIRON)
        }
        self._known: dict[str, str] = {}

    def named(self, secret: str, wanted: str) -> str:
        """Return the variable that a secret is to be in: the wanted one, or that with a number."""
        if secret not in self._known:
            wanted = re.sub(r"\W", "_", wanted, flags=re.ASCII)
            name, number = wanted, 2
            while name in self._names:
                name, number = f"{wanted}_{number}", number + 1
            self._names.add(name)
            self._known[secret] = name
        return self._known[secret]
