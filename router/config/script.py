"""The language: the steps of a mock endpoint's script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.config import problems
from router.config.compound import ByType, Mapped
from router.config.expand import END
from router.config.record import Fields, Record, key, record
from router.config.shapes import Leaf, Text
from router.core.outcome import STEP_WORDS
from router.diagnostics.source import printable
from router.diagnostics.suggest import nearest

if TYPE_CHECKING:
    from router.config.node import Plain, Scalar
    from router.config.shapes import Schema


class StepWord(Leaf):
    """A step of a mock's script: `ok`, `429 retry-after=2`, `timeout`, an error kind."""

    wants = "a step such as `ok`, `cut`, `timeout`, `refused`, `429 retry-after=2`, a kind of failure or `{say: TEXT}`"
    typed = True
    blank = "ok"
    _pattern = rf"^(({'|'.join(STEP_WORDS)}){END}|[345][0-9][0-9]([ ]+retry-after=[0-9]{{1,6}}([.][0-9]{{1,3}})?)?{END})"

    def read(self, value: Plain) -> str | int | None:
        """Return the step."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        return value if re.match(self._pattern, str(value)) else None

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Name the nearest word."""
        if not isinstance(node.value, str):
            return super().refusal(node, owner)
        near = nearest(node.value, STEP_WORDS)
        return problems.NotAllowed(node.span, printable(node.text), self.wants, suggestion=near)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        status = {"type": "integer", "minimum": 300, "maximum": 599}
        word = {"type": "string", "pattern": self._pattern}
        return self.referable(
            {"type": ["string", "integer"], "if": {"type": "integer"}, "then": status, "else": word}
        )


@record
class Saying(Record):
    """A text that a mock answers with."""

    say: str = key(Text(), "The answer.")


def _step(value: object, _node: object) -> object:
    return {"say": value.say} if isinstance(value, Saying) else value


STEP = Mapped(ByType(scalar=StepWord(), mapping=Fields(Saying, "step")), _step)
