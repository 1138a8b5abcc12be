"""Who answers, and how its words get into messages without its secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.core.secret import MASK

if TYPE_CHECKING:
    from router.core.secret import Secret

TEXT_CAP = 300
_KEYS = re.compile(r"\b(sk|pk|rk)-[\w-]{4,}|(?<=Bearer )\S+|(?<=[?&]key=)[^&\s]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """Who answered: how messages name the endpoint, and the values they must not show."""

    where: str
    secrets: tuple[Secret, ...] = ()

    def quote(self, text: str) -> str:
        """Return foreign text fit for a message: keys masked, control characters escaped, cut."""
        for secret in self.secrets:
            if secret.reveal():
                text = text.replace(secret.reveal(), MASK)
        text = _KEYS.sub(MASK, text)[: TEXT_CAP + 1]
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
        return shown if len(shown) <= TEXT_CAP else shown[: TEXT_CAP - 1] + "…"
