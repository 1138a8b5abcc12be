"""What several checks want to know of the table, worked out once per configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import blurred
from router.config import problems
from router.config.conditions import Named
from router.core.dimension import MOST
from router.core.frozen import dataclass
from router.table.graph import TooComplex, lay_out
from router.table.regions import condition, winners

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.config.link import Rule
    from router.config.load import Configuration
    from router.core.dimension import Accepted, Dimension
    from router.diagnostics.source import Span
    from router.table.graph import Graph, Space
    from router.table.regions import Region

_UNSURE = (problems.ConditionType, problems.UnknownDimension, problems.UnknownValue, problems.BadNumber)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """The table of a file whose conditions are all understood.

    Attributes:
        rules: Its rows.
        space: The rows laid out.
        graph: What every call meets, or None when it cannot be told within the node budget.
        alive: The rules that some call reaches, the gap among them if there is one; None with the graph.
        unique: Whether the file says that no two rules may match one call.
        outcomes: For each rule the first one that does the same with a call.
    """

    rules: tuple[Rule, ...]
    dimensions: Mapping[str, Dimension]
    space: Space
    graph: Graph | None
    alive: frozenset[int] | None
    unique: bool
    outcomes: tuple[int, ...]

    def same(self, rule: int, other: int) -> bool:
        """Return whether two rules do the same with a call."""
        return self.outcomes[rule] == self.outcomes[other]


def table_facts(configuration: Configuration) -> TableFacts | None:
    """Return the facts, or None where something wrong may hide or misread a condition."""
    if TableFacts not in configuration.worked_out:
        configuration.worked_out[TableFacts] = _work_out(configuration)
    found = configuration.worked_out[TableFacts]
    return found if isinstance(found, TableFacts) else None


def _work_out(configuration: Configuration) -> TableFacts | None:
    document, linked = configuration.document, configuration.linked
    if document is None or not linked.rules or blurred(configuration, "rules", "dimensions"):
        return None
    if any(
        isinstance(problem, _UNSURE) and getattr(problem, "suggestion", None) is None
        for problem in configuration.problems
    ):
        return None
    space = lay_out(linked.dimensions, [rule.accepted for rule in linked.rules])
    graph: Graph | None
    try:
        graph = space.graph()
    except TooComplex:
        graph = None
    alive = frozenset(winners(graph)) if graph is not None else None
    first: dict[object, int] = {}
    outcomes = tuple(first.setdefault(outcome(rule), number) for number, rule in enumerate(linked.rules))
    unique = document.hit == "unique"
    return TableFacts(tuple(linked.rules), linked.dimensions, space, graph, alive, unique, outcomes)


def is_everything(dimension: Dimension, accepted: Accepted) -> bool:
    """Return whether a condition accepts every value of its dimension."""
    if isinstance(accepted, frozenset):
        return len(accepted) == (len(dimension.values) if dimension.kind == "words" else 2)
    return len(accepted) == 1 and accepted[0][0] <= dimension.least and accepted[0][1] >= MOST


def catches_all(facts: TableFacts, rule: Rule) -> bool:
    """Return whether a rule accepts every call."""
    return all(is_everything(facts.dimensions[name], accepted) for name, accepted in rule.accepted.items())


def where(rule: Rule) -> Span:
    """Return what to mark of a rule: its conditions if it has any of its own."""
    return rule.settings.span("when") if rule.settings.has("when") and not rule.settings.matrix else rule.span


def conditions(facts: TableFacts, region: Region) -> dict[str, object]:
    """Return a region as a `when` that accepts just it, in the order of the dimensions."""
    return {
        name: condition(region.cells[name], dimension.least)
        for name, dimension in facts.dimensions.items()
        if name in region.cells and len(region.cells[name]) < _cells(facts, name)
    }


def _cells(facts: TableFacts, name: str) -> int:
    return next(len(axis.cells) for axis in facts.space.axes if axis.dimension.name == name)


def in_words(condition: Mapping[str, object]) -> str:
    """Return conditions as a person says them: `task is chat or code, tokens <= 4000`."""
    return ", ".join(f"{name} {_value(value)}" for name, value in condition.items()) or "any call"


def _value(value: object) -> str:
    if isinstance(value, list):
        return "is " + " or ".join(_plain(each) for each in value)
    text = _plain(value)
    return text if text.startswith(("<", ">")) else f"is {text}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_yaml(condition: Mapping[str, object]) -> str:
    """Return conditions as a rule writes them: `{task: [chat, code], tokens: "<= 4000"}`."""
    return "{" + ", ".join(f"{name}: {_yaml(value)}" for name, value in condition.items()) + "}"


def _yaml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(each) for each in value) + "]"
    text = _plain(value)
    quoted = isinstance(value, str) and (
        text[0] in "<>" or not text.replace("_", "").replace("-", "").isalnum()
    )
    return f'"{text}"' if quoted else text


def outcome(rule: Rule) -> tuple[object, ...]:
    """Return what a rule does with a call, so that two rules can be compared."""
    settings = rule.settings
    uses = tuple(
        each.name
        if isinstance(each, Named)
        else (tuple((share.name, weight) for share, weight in each.shares), each.by)
        for each in rule.use
    )
    options = settings.options
    return (
        uses,
        tuple(sorted(options.given().items())),
        repr(options.extra),
        settings.deadline,
        settings.retry,
        settings.urgency or "normal",
        repr(settings.cache),
        settings.no_degrade,
    )
