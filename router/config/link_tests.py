"""Tests of routing held against what they test: names and values that the configuration does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config import problems
from router.config.node import Sequence, leaves
from router.config.routing_tests import EXPECTATIONS, NONE, SCRIPTED, parse_bound
from router.core import errors
from router.core.options import CALL_OPTIONS, PARAMS
from router.diagnostics.source import printable
from router.diagnostics.suggest import Suggester

if TYPE_CHECKING:
    from router.config.cases import Case, Place
    from router.config.load import Configuration
    from router.config.node import Node
    from router.core.dimension import Dimension
    from router.diagnostics.source import Span

# What a call may be given beside dimensions and sampling options.
ALSO_GIVEN = ("model", "user")
# What is a list, and of what.
LISTS = {"models": "model", "attempts": "endpoint"}
TIME = "a time such as `<= 30s`, `> 500ms` or `2s`"
# Problems that hide no name of a configuration.
HARMLESS = (
    problems.AmbiguousScalar,
    problems.BadSecretFile,
    problems.CredentialsInUrl,
    problems.NotSupportedYet,
    problems.PlaintextSecret,
    problems.SecretInPlainField,
    problems.UndefinedVariable,
)


def link_tests(cases: tuple[Case, ...], tested: Configuration) -> list[problems.Problem]:
    """Return what is wrong with the names and values of tests; nothing where the configuration may hide some."""
    if tested.document is None or not all(isinstance(each, HARMLESS) for each in tested.problems):
        return []
    linker = _Linker(tested)
    for case in cases:
        linker.case(case)
    return linker.problems


def failures() -> tuple[str, ...]:
    """Return every kind of failure that a call may end with."""
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    middle = (errors.CallFailed, errors.AllAttemptsFailed)
    return tuple(each.kind for each in found if issubclass(each, errors.CallFailed) and each not in middle)


class _Linker:
    """One pass over cases. It alone fills `problems` and remembers what it has looked at."""

    def __init__(self, tested: Configuration) -> None:
        self.problems: list[problems.Problem] = []
        self._dimensions = tested.linked.dimensions
        self._suggest = Suggester()
        document = tested.document
        endpoints = tuple(document.endpoints) if document is not None else ()
        models = tuple(document.models) if document is not None else ()
        self._rules = {rule.name: rule.span for rule in tested.linked.rules}
        self._legal = {
            "model": models,
            "served_by": models,
            "endpoint": endpoints,
            "locality": ("local", "remote"),
            "error": failures(),
        }
        # Unfolded cases share their places: each is looked at once.
        self._seen: set[tuple[Span, Span]] = set()

    def case(self, case: Case) -> None:
        for name, value in case.given.items():
            place = case.given_at.get(name)
            if place is not None and value is not None and self._new(place):
                self._given(name, value, place)
        for name, value in case.expect.items():
            place = case.expect_at.get(name)
            if place is not None and self._new(place):
                self._expected(name, value, place, scripted=case.script is not None)
        for name, span in case.script_at.items():
            if (span, span) not in self._seen:
                self._seen.add((span, span))
                self._word(name, span, "endpoint")

    def _new(self, place: Place) -> bool:
        spans = (place.key, place.node.span)
        new = spans not in self._seen
        self._seen.add(spans)
        return new

    def _given(self, name: str, value: object, place: Place) -> None:
        dimension = self._dimensions.get(name)
        if dimension is not None:
            self._value(dimension, value, place.node.span)
        elif name == "model":
            self._word(value, place.node.span, "model")
        elif name in PARAMS or name in ALSO_GIVEN:
            self._option(name, value, place.node.span)
        elif name in CALL_OPTIONS:
            self.problems.append(
                problems.MisplacedKey(place.key, name, "`given`", "to calls, not to the table")
            )
        else:
            legal = (*self._dimensions, *PARAMS, *ALSO_GIVEN)
            near = self._suggest.nearest(name, legal)
            self.problems.append(problems.UnknownDimension(place.key, printable(name), near, legal))

    def _value(self, dimension: Dimension, value: object, span: Span) -> None:
        if not dimension.accepts(value):
            words = isinstance(value, str) and dimension.kind == "words"
            near = self._suggest.nearest(str(value), dimension.values) if words else None
            legal = dimension.values or (dimension.legal,)
            self.problems.append(problems.UnknownValue(span, _shown(value), dimension.name, near, legal))

    def _option(self, name: str, value: object, span: Span) -> None:
        wanted = (PARAMS.get(name) or CALL_OPTIONS[name])(value)
        if wanted is not None:
            self.problems.append(problems.NotAllowed(span, _shown(value), wanted))

    def _expected(self, name: str, value: object, place: Place, *, scripted: bool) -> None:
        if name not in EXPECTATIONS and name not in PARAMS:
            legal = (*EXPECTATIONS, *PARAMS)
            near = self._suggest.nearest(name, legal)
            self.problems.append(
                problems.UnknownKey(place.key, name, "`expect`", legal, near, fits=not place.column)
            )
        elif name in SCRIPTED and not scripted:
            self.problems.append(
                problems.MisplacedKey(place.key, name, "`expect`", "to tests with a `script`")
            )
        elif name in LISTS:
            self._words(name, place.node)
        elif value not in (None, NONE):
            self._fact(name, value, place.node.span)

    def _fact(self, name: str, value: object, span: Span) -> None:
        if name == "rule":
            self._rule(value, span)
        elif name == "elapsed":
            if not isinstance(value, str) or parse_bound(value) is None:
                self.problems.append(problems.NotAllowed(span, _shown(value), TIME))
        elif name in PARAMS:
            self._option(name, value, span)
        else:
            self._word(value, span, name)

    def _words(self, name: str, node: Node) -> None:
        if not isinstance(node, Sequence):
            wanted = f"a list of {LISTS[name]}s"
            self.problems.append(problems.NotAllowed(node.span, _node(node), wanted))
            return
        for item in node.items:
            self._word(getattr(item, "value", None), item.span, LISTS[name])

    def _word(self, value: object, span: Span, what: str) -> None:
        legal = self._legal[what]
        if value not in legal:
            near = self._suggest.nearest(str(value), legal)
            self.problems.append(problems.UnknownValue(span, _shown(value), what, near, legal))

    def _rule(self, value: object, span: Span) -> None:
        if not isinstance(value, str) or value not in self._rules:
            near = self._suggest.nearest(str(value), self._rules)
            at = self._rules[near] if near is not None else None
            self.problems.append(problems.UnknownRule(span, _shown(value), near, tuple(self._rules), at))


def _shown(value: object) -> str:
    return printable(str(value).lower() if isinstance(value, bool) else value)


def _node(node: Node) -> str:
    return printable(", ".join(leaf.text for leaf in leaves(node)))
