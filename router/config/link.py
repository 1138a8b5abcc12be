"""Names to what they stand for: dimensions, conditions, endpoints and models.

A name that stands for nothing is reported, and the nearest one is taken in its place, so that one typing
error does not cause five findings.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from router.config import problems
from router.config.conditions import OTHERS, Named, Split
from router.config.endpoint import KINDS
from router.config.match import Matching
from router.config.shapes import whole
from router.core.dimension import BUILT_IN, MEASURED, Dimension
from router.core.frozen import dataclass
from router.core.options import RESERVED
from router.diagnostics.source import printable
from router.diagnostics.suggest import Suggester

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.config.conditions import UseItem
    from router.config.costs import BudgetSettings
    from router.config.endpoint import EndpointSettings
    from router.config.language import Dimension as Settings
    from router.config.language import Document, ModelSettings, RuleSettings
    from router.config.settings import InvariantSettings
    from router.core.dimension import Accepted
    from router.diagnostics.source import Span

PROPERTIES = ("locality", "endpoint", "model", "kind")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: a rule, or a row of a matrix, with its names resolved.

    Attributes:
        name: `code-low`, `rules[3]` or `table[2]`.
        accepted: What it accepts, by dimension; a dimension that is absent is left open.
        use: What it uses, in order.
        settings: The rule it comes from.
        span: Where it stands.
        when_spans: Where each condition stands, by dimension.
        use_span: Where what it uses stands.
    """

    name: str
    accepted: dict[str, Accepted]
    use: tuple[UseItem, ...]
    settings: RuleSettings
    span: Span
    when_spans: dict[str, Span]
    use_span: Span


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold at every hop of some calls.

    Attributes:
        name: Its name.
        accepted: The calls, by dimension; a dimension that is absent is left open.
        every_hop: What each hop must have: for locality, endpoint, model or kind the legal values.
        settings: Where it stands.
    """

    name: str
    accepted: dict[str, Accepted]
    every_hop: dict[str, frozenset[str]]
    settings: InvariantSettings


@dataclass(slots=True)
class Linked:
    """A document whose names are resolved.

    Attributes:
        dimensions: Every dimension, the built-in and measured ones too.
        rules: The rows of the table, in order.
        places: The endpoints of each model, in order.
        failover: The models that answer when a call names one itself and it fails.
        used: The models that a rule or another block names.
        invariants: What must hold at every hop.
        instead: The model that answers when a budget is spent, by the budget's name.
        offline: What `offline.use` names, in order.
    """

    dimensions: dict[str, Dimension] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    places: dict[str, list[str]] = field(default_factory=dict)
    failover: dict[str, list[str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    invariants: list[Invariant] = field(default_factory=list)
    instead: dict[str, str] = field(default_factory=dict)
    offline: tuple[UseItem, ...] = ()


def link(document: Document, suggest: Suggester | None = None) -> tuple[Linked, list[problems.Problem]]:
    """Resolve every name of a document; return what it links to and what is wrong."""
    linker = _Linker(document, suggest or Suggester())
    return linker.run(), linker.problems


def _folded(name: str) -> str:
    """Return a name as people would compare it: neither letter case nor width tells two apart."""
    if name.isascii():
        return name.casefold()
    from unicodedata import normalize  # noqa: PLC0415 - large, and most names are plain

    return normalize("NFKC", name).casefold()


class _Linker:
    """One pass over a document. It alone fills `linked` and `problems`."""

    def __init__(self, document: Document, suggest: Suggester) -> None:
        self._document = document
        self._suggest = suggest
        self._linked = Linked()
        self.problems: list[problems.Problem] = []

    def run(self) -> Linked:
        for key, what in (("dimensions", "dimension"), ("endpoints", "endpoint"), ("models", "model")):
            names = getattr(self._document, key) or {}
            self._alike(what, [(name, self._document.entry_span(key, name)) for name in names])
        budgets = self._document.costs.budgets if self._document.costs else ()
        self._alike("budget", [(each.name, each.span("name")) for each in budgets if each.name])
        for name, endpoint in self._document.endpoints.items():
            self._transported(name, endpoint)
        self._dimensions()
        for name, model in self._document.models.items():
            self._model(name, model)
        self._temperatures()
        self._rules()
        self._elsewhere()
        return self._linked

    def _transported(self, name: str, endpoint: EndpointSettings) -> None:
        """Take note of keys that bear on connections of another sort than the endpoint's."""
        wrong = []
        if endpoint.proxy and endpoint.url.startswith("unix:"):
            wrong.append(("proxy", "to endpoints with an http address"))
        if endpoint.url.startswith(("unix:", "http:")):
            # What a proxy with an https address shows is checked by them too.
            checks = not (endpoint.proxy or "").startswith("https:")
            asked = {
                "cert": endpoint.cert,
                "ca": checks and endpoint.ca,
                "verify": checks and not endpoint.verify,
            }
            wrong += [(key, "to endpoints with an https address") for key, is_set in asked.items() if is_set]
        for key, belongs in wrong:
            owner = f"endpoint `{printable(name)}`"
            self.problems.append(problems.MisplacedKey(endpoint.key_span(key), key, owner, belongs))

    def _alike(self, what: str, names: Iterable[tuple[str, Span]]) -> None:
        """Report names that stand twice, or that nobody could tell apart."""
        seen: dict[str, tuple[str, Span]] = {}
        for name, span in names:
            folded = _folded(name)
            first, place = seen.setdefault(folded, (name, span))
            if place != span:
                other = printable(first) if first != name else ""
                self.problems.append(problems.DuplicateName(span, printable(name), place, what, other))

    def _words(self, name: str, settings: Settings) -> None:
        node = settings.node.entries.get("values")
        spans = [item.span for item in getattr(node, "items", ())]
        words = [pair for pair in zip(settings.values, spans, strict=False) if pair[0]]
        self._alike(f"value of `{printable(name)}`", words)

    def _dimensions(self) -> None:
        found = {each.name: each for each in (*BUILT_IN, *MEASURED)}
        for name, settings in (self._document.dimensions or {}).items():
            if name in RESERVED:
                span = self._document.entry_span("dimensions", name)
                self.problems.append(problems.BadName(span, name, "is reserved: every call has it already"))
                continue
            kind: Literal["words", "integer", "boolean"] = settings.type or "words"  # type: ignore[assignment]
            dimension = Dimension(name, kind, settings.values)
            self._words(name, settings)
            default = whole(settings.default)  # type: ignore[arg-type]  # what is no number stays as it is
            if default is None:
                known = found[name].default if name in found else None
                default = known if known in settings.values else {"boolean": False, "integer": 0}.get(kind)
            elif not dimension.accepts(default):
                suggestion = self._suggest.nearest(str(default), settings.values)
                legal = settings.values or (dimension.legal,)
                problem = problems.UnknownValue(
                    settings.span("default"), printable(default), name, suggestion, legal
                )
                if settings.values or kind != "words":
                    self.problems.append(problem)
                default = suggestion or (settings.values[0] if settings.values else None)
            found[name] = Dimension(name, kind, settings.values, default)  # type: ignore[arg-type]
        self._linked.dimensions = found

    def _model(self, name: str, model: ModelSettings) -> None:
        endpoints = self._document.endpoints
        if name == OTHERS:
            span = self._document.entry_span("models", name)
            self.problems.append(
                problems.BadName(span, name, "is reserved: in `use` it means every other model")
            )
        places = []
        for place, _ in model.at:
            found: str | None = place.name
            if place.name not in endpoints:
                found = self._suggest.nearest(place.name, endpoints)
                near = self._document.entry_span("endpoints", found) if found else None
                unknown = problems.UndefinedEndpoint(
                    place.span, printable(place.name), printable(name), found, tuple(endpoints), near
                )
                # Without any endpoint, that is what is wrong.
                self.problems += [unknown] if endpoints else []
            if found is not None:
                places.append(found)
        self._alike(f"endpoint of model `{printable(name)}`", [(at.name, at.span) for at, _ in model.at])
        self._linked.places[name] = places
        self._linked.failover[name] = [
            found
            for other in model.failover
            if (found := self._resolve(other, f"the failover of model `{printable(name)}`")) is not None
        ]

    def _temperatures(self) -> None:
        tasks = self._linked.dimensions["task"].values
        for task in self._document.temperatures or {}:
            if task != "default" and task not in tasks:
                span = self._document.entry_span("temperatures", task)
                suggestion = self._suggest.nearest(task, (*tasks, "default"))
                self.problems.append(
                    problems.UnknownValue(span, printable(task), "task", suggestion, (*tasks, "default"))
                )

    def _rules(self) -> None:
        matching = Matching(self._linked.dimensions, self.problems, self._suggest)
        self._invariants(matching)
        named = [rule.name for rule in self._document.rules if rule.name is not None and rule.name.name]
        self._alike("rule", [(each.name, each.span) for each in named])
        for number, settings in enumerate(self._document.rules, start=1):
            name = settings.name.name if settings.name else f"rules[{number}]"
            accepted, spans = matching.conditions(settings.when or {}, settings.node.entries.get("when"))
            if settings.matrix:
                for row in matching.rows(settings, name, accepted):
                    use = self._use(row.use, f"rule `{printable(row.name)}`")
                    self._linked.rules.append(
                        Rule(
                            row.name,
                            row.accepted,
                            use,
                            settings,
                            row.span,
                            {**spans, **row.when_spans},
                            row.use_span,
                        )
                    )
            else:
                use = self._use(settings.use, f"rule `{printable(name)}`")
                span = settings.node.span
                self._linked.rules.append(
                    Rule(name, accepted, use, settings, span, spans, settings.span("use"))
                )

    def _use(self, items: tuple[UseItem, ...], user: str) -> tuple[UseItem, ...]:
        found: list[UseItem] = []
        for index, item in enumerate(items):
            if isinstance(item, Split):
                shares = tuple(
                    (Named(name, share.span), weight)
                    for share, weight in item.shares
                    if (name := self._resolve(share, user)) is not None
                )
                if shares:
                    found.append(Split(shares, item.by, item.span))
            elif item.name == OTHERS and index == len(items) - 1:
                named = {each.name for each in found if isinstance(each, Named)}
                found += [Named(name, item.span) for name in self._document.models if name not in named]
                self._linked.used.update(self._document.models)
            elif (name := self._resolve(item, user)) is not None:
                found.append(Named(name, item.span))
        return tuple(found)

    def _resolve(self, named: Named, user: str) -> str | None:
        models = self._document.models
        if named.name in models:
            self._linked.used.add(named.name)
            return named.name
        if not models:
            return None  # that is what is wrong
        found = self._suggest.nearest(named.name, models)
        span = self._document.entry_span("models", found) if found else None
        self.problems.append(
            problems.UndefinedModel(named.span, printable(named.name), user, found, tuple(models), span)
        )
        if found is not None:
            self._linked.used.add(found)
        return found

    def _invariants(self, matching: Matching) -> None:
        for settings in self._document.invariants:
            node = settings.node.entries.get("for_all")
            accepted, _ = matching.conditions(settings.for_all, node)
            every_hop = {
                name: frozenset(
                    self._property(name, each)
                    for each in ((written,) if isinstance(written, Named) else written)
                )
                for name, written in settings.every_hop.items()
                if name in PROPERTIES
            }
            self._linked.invariants.append(Invariant(settings.name, accepted, every_hop, settings))

    def _property(self, name: str, written: Named) -> str:
        """Return the value that a property may have; the nearest one where there is no such value."""
        legal = {
            "locality": ("local", "remote"),
            "endpoint": tuple(self._document.endpoints),
            "model": tuple(self._document.models),
            "kind": tuple(
                dict.fromkeys((*KINDS, *(each.kind for each in self._document.endpoints.values())))
            ),
        }[name]
        if written.name in legal:
            return written.name
        found = self._suggest.nearest(written.name, legal)
        self.problems.append(problems.UnknownValue(written.span, printable(written.name), name, found, legal))
        return found or written.name

    def _elsewhere(self) -> None:
        """Resolve the models that other blocks name."""
        if self._document.offline is not None:
            self._linked.offline = self._use(self._document.offline.use, "`offline`")
        for budget in self._document.costs.budgets if self._document.costs else ():
            self._budget(budget)
        self._cache()

    def _cache(self) -> None:
        """Look at what is said of kept answers: dimensions, and rules that want to keep where the file does not."""
        dimensions, cache = tuple(self._linked.dimensions), self._document.cache
        for each in (cache.separate or ()) if cache is not None else ():
            if each.name and each.name not in dimensions:
                near = self._suggest.nearest(each.name, dimensions)
                self.problems.append(
                    problems.UnknownDimension(each.span, printable(each.name), near, dimensions)
                )
        for number, rule in enumerate(self._document.rules, start=1):
            if cache is None and rule.cache not in (None, "off"):
                owner = f"rule `{printable(rule.name.name if rule.name else f'rules[{number}]')}`"
                span = rule.key_span("cache")
                self.problems.append(
                    problems.MisplacedKey(span, "cache", owner, "where the file has a `cache`")
                )

    def _budget(self, settings: BudgetSettings) -> None:
        linked, each, use = self._linked, settings.each, getattr(settings.then, "use", None)
        model = self._resolve(use, f"budget `{printable(settings.name)}`") if use is not None else None
        if model is not None:
            linked.instead[settings.name] = model
        known = ("user", *(name for name, found in linked.dimensions.items() if not found.measured))
        if each is None or each.name in known:
            return
        found = self._suggest.nearest(each.name, known)
        self.problems.append(problems.UnknownValue(each.span, printable(each.name), "each", found, known))
