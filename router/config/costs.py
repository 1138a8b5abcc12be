"""The language, its money: prices, budgets, the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from router.config import problems
from router.config.compound import ByType, ListOf, Mapped
from router.config.conditions import Named
from router.config.quantities import money
from router.config.record import Fields, Record, key, record
from router.config.shapes import Choice, Leaf, Text
from router.core.calendar import zone_of
from router.core.usage import FREE, NOTHING, Price
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from decimal import Decimal

    from router.config.node import Node, Plain, Scalar
    from router.config.shapes import Schema


class ZoneName(Leaf):
    """A time zone that this machine knows."""

    wants = "a time zone such as `UTC` or `Europe/Paris`"
    blank = "UTC"

    def read(self, value: Plain) -> str | None:
        """Return its name."""
        if not isinstance(value, str):
            return None
        try:
            zone_of(value)
        except ValueError:
            return None
        return value

    def refusal(self, node: Scalar, owner: str) -> problems.Problem:
        """Tell an unknown zone from what is no text."""
        if isinstance(node.value, str):
            return problems.NotAllowed(node.span, printable(node.text), self.wants)
        return super().refusal(node, owner)

    def schema(self, defs: Schema) -> Schema:  # noqa: ARG002
        """Return the JSON Schema."""
        return self.referable({"type": "string", "minLength": 1})


def _named(value: object, node: Node) -> Named:
    return Named(str(value), node.span)


@record
class PriceSettings(Record):
    """What tokens cost, in dollars per million."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (("input", "per_hour"), ("output", "per_hour"))
    ONE_OF: ClassVar[tuple[str, ...]] = ("input", "output", "per_hour")
    NEEDS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("input", "output"),
        ("output", "input"),
        ("cached_input", "input"),
    )

    input: Decimal | None = key(money(), "A million input tokens.", default=None)
    output: Decimal | None = key(money(), "A million output tokens.", default=None)
    cached_input: Decimal | None = key(
        money(), "A million input tokens that the endpoint had cached.", default=None, written="as input"
    )
    per_hour: Decimal | None = key(
        money(), "An hour of the machine; each attempt pays for its own time.", default=None
    )


def _price(value: object, _node: object) -> Price | None:
    if value == "free":
        return FREE
    if isinstance(value, PriceSettings) and value.input is not None and value.output is not None:
        return Price(value.input, value.output, value.cached_input)
    if isinstance(value, PriceSettings) and value.per_hour is not None:
        return Price(NOTHING, NOTHING, None, value.per_hour)
    return None


PRICE = Mapped(ByType(scalar=Choice("free", what="price"), mapping=Fields(PriceSettings, "price")), _price)


@record
class BudgetThen(Record):
    """A model that answers when a budget is spent."""

    use: Named = key(Mapped(Text("a name", most=128), _named), "The model.")


@record
class BudgetSettings(Record):
    """A sum that may be spent."""

    name: str = key(Text("a name", most=128), "Its name in reports and messages.")
    limit: Decimal = key(money(), "The sum.")
    per: str = key(
        Choice("hour", "day", "month", "total", what="per"),
        "The time it is for, by the clock of `timezone`.",
        default="day",
        written="day",
    )
    each: Named | None = key(
        Mapped(Text("a name", most=128), _named),
        "`user` or a dimension: a sum of its own for each.",
        default=None,
    )
    then: object = key(
        ByType(scalar=Choice("refuse", "warn", what="then"), mapping=Fields(BudgetThen, "then")),
        "What happens when an attempt may cost more than is left.",
        default="refuse",
        written="refuse",
    )


@record
class CostSettings(Record):
    """What is spent, and what may be."""

    ledger: str | None = key(
        Text(),
        "File (SQLite) that keeps every attempt, shared by processes; without it sums end with the process.",
        default=None,
    )
    budgets: tuple[BudgetSettings, ...] = key(
        ListOf(Fields(BudgetSettings, "budget")), "Sums that may be spent.", default=()
    )
    prices: str | None = key(
        Text(), "File of prices (JSON), asked before those that come with the package.", default=None
    )
    on_ledger_error: str | None = key(
        Choice("allow", "deny", what="on_ledger_error"),
        "Whether attempts that may cost something are made while the ledger cannot be written.",
        default=None,
        written="deny under a budget, else allow",
    )
    timezone: str = key(ZoneName(), "Whose hours, days and months are counted.", default="UTC", written="UTC")
