"""Reading a file of another program: what is taken from it is ticked off, and what nobody took is told."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from router.config.node import Mapping, Scalar, Sequence
from router.convert.quantities import is_time
from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Dict

    from router.config.node import Node

NO_WORD = "nothing here says the same"
ENVIRON = "os.environ/"


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is not carried over.

    Attributes:
        path: Where it stands: `router_settings.retry_policy`.
        line: On which line.
        why: Why, and what to do.
    """

    path: str
    line: int
    why: str


@dataclass(slots=True)
class Keys:
    """A mapping of the old file. Its state is which keys were taken; `left` is shared by the whole conversion."""

    node: Mapping
    path: str
    left: list[Left]
    _taken: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """Return whether the file writes the key with a value."""
        found = self.node.entries.get(name)
        return found is not None and not (isinstance(found, Scalar) and found.value is None)

    def take(self, name: str) -> Node | None:
        """Return a value that is carried over, or None where there is none."""
        self._taken.add(name)
        return self.node.entries[name] if self.has(name) else None

    def text(self, *names: str) -> str | None:
        """Return the text under the first of some names that is there."""
        for name in names:
            found = self.take(name)
            if isinstance(found, Scalar):
                return found.text
            if found is not None:
                self.leave(name, "it is no text")
        return None

    def number(self, name: str) -> Decimal | None:
        """Return an exact number."""
        found = self.take(name)
        if found is None:
            return None
        try:
            if isinstance(found, Scalar) and not isinstance(found.value, bool):
                number = Decimal(found.text)
                if number.is_finite() and number >= 0:
                    return number
        except InvalidOperation:
            pass
        self.leave(name, "it is no plain number")
        return None

    def whole(self, name: str, most: int) -> int | None:
        """Return a whole number that is more than nothing."""
        number = self.number(name)
        if number is None or (number == int(number) and 0 < number <= most):
            return None if number is None else int(number)
        self.leave(name, f"it is no whole number from 1 to {most:,}")
        return None

    def time(self, name: str) -> Decimal | None:
        """Return a number of seconds that is more than nothing."""
        number = self.number(name)
        if number is None or is_time(number):
            return number
        self.leave(name, "it is no time from 1 ns to 999,999,999 s")
        return None

    def flag(self, name: str) -> bool | None:
        """Return a boolean."""
        found = self.take(name)
        if isinstance(found, Scalar) and isinstance(found.value, bool):
            return found.value
        if found is not None:
            self.leave(name, "it is neither true nor false")
        return None

    def keys(self, name: str) -> Keys:
        """Return the mapping under a key; an empty one where there is none."""
        found = self.take(name)
        path = f"{self.path}.{name}" if self.path else name
        if isinstance(found, Mapping):
            return Keys(found, path, self.left)
        if found is not None:
            self.leave(name, "it is no mapping")
        return Keys(Mapping(self.node.span), path, self.left)

    def items(self, name: str) -> list[Node]:
        """Return the list under a key, or the one value that stands for it."""
        found = self.take(name)
        return found.items if isinstance(found, Sequence) else [found] if found is not None else []

    def line(self, name: str) -> int:
        """Return the line of a key."""
        return self.node.keys[name].line if name in self.node.keys else self.node.span.line

    def leave(self, name: str, why: str) -> None:
        """Tell that a key is not carried over."""
        self._taken.add(name)
        self.left.append(Left(f"{self.path}.{name}" if self.path else name, self.line(name), why))

    def leave_rest(self, reasons: Dict[str, str], otherwise: str = NO_WORD) -> None:
        """Tell of every key that nobody took."""
        for name in self.node.entries:
            if name not in self._taken:
                self.leave(name, reasons.get(name, otherwise))

    def __iter__(self) -> Iterator[str]:
        return iter(self.node.entries)


def referred(text: str) -> str:
    """Return a text with a variable of the old file's form in ours."""
    return f"${{env:{text.removeprefix(ENVIRON)}}}" if text.startswith(ENVIRON) else text
