"""The language, its nouns: dimensions, endpoints, models, rules, and the file itself.

With `settings` it describes every key once: the decoder reads files by it, and the JSON Schema and the
reference are written from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from router.config.cache import CACHE_USE, CacheSettings
from router.config.clamp import CLAMP, ClampSettings
from router.config.compound import NAME_PATTERN, Anything, ByType, ListOf, MapOf, Mapped
from router.config.conditions import OTHERS, CellShape, ConditionShape, Named, UseShape
from router.config.costs import PRICE, CostSettings
from router.config.endpoint import EndpointSettings
from router.config.expand import END
from router.config.families import FAMILIES
from router.config.processors import PROCESSORS
from router.config.quantities import duration, size
from router.config.record import Fields, Record, key, record
from router.config.settings import (
    OFF,
    OPTIONS,
    BreakerSettings,
    FailoverSettings,
    HedgeSettings,
    InvariantSettings,
    LogSettings,
    MachineSettings,
    OfflineSettings,
    OptionSettings,
    RetrySettings,
    StreamSettings,
)
from router.config.shapes import Boolean, Choice, Number, Shape, Text, Version
from router.core.dimension import ASKED, NEEDS
from router.core.options import URGENCIES

if TYPE_CHECKING:
    from router.config.conditions import Condition, UseItem
    from router.config.expand import Decoding
    from router.config.node import Node
    from router.config.processors import Processor
    from router.config.shapes import Schema
    from router.core.usage import Price
    from router.diagnostics.diagnostic import Severity

# Findings that a file may raise, lower or switch off: all but those of syntax, shape and names.
LINTABLE = (
    *("R401", "R402", "R403", "R404", "R405", "R406", "R407", "R408", "R409", "R410", "R413", "R414"),
    *(
        "R501",
        "R502",
        "R503",
        "R504",
        "R505",
        "R507",
        "R509",
        "R510",
        "R511",
        "R512",
        "R513",
        "R514",
        "R515",
        "R516",
        "R517",
    ),
    *("R601", "R602", "R604", "R605", "R606", "R608", "R609", "R610", "R611", "R612", "R613"),
    *("R701", "R702", "R703", "R704", "R705"),
    *("R801", "R802", "R803", "R804", "R805", "R808", "R809", "R810", "R811", "R812", "R813", "R814", "R815"),
    *("R901", "R902", "R903", "R904", "R905"),
)
_NAME = Text("a name", most=128)

_DIMENSION_NAME = "is not made of small letters, digits and `_`, a letter first"
_ENDPOINT_NAME = "is empty, begins or ends with a space, or holds `/` or control characters"
_ENDPOINT_PATTERN = NAME_PATTERN.replace("^", "^(?!.*/)", 1)


def _named(value: object, node: Node) -> Named:
    return Named(str(value), node.span)


# Names that the table is decided by.
NAMED = Mapped(Text("a name", most=128, known=True), _named)


@record
class Dimension(Record):
    """Something a call says about itself: words, a whole number or a boolean."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (("values", "type"),)
    ONE_OF: ClassVar[tuple[str, ...]] = ("values", "type")

    values: tuple[str, ...] = key(
        ListOf(Text("a word", rf"^(?!any{END}|not{END})[^\s]+(?: [^\s]+)*{END}", most=128), least=1),
        "The words it may have.",
        default=(),
    )
    type: str | None = key(Choice("integer", "boolean", what="type"), "`integer` or `boolean`.", default=None)
    default: object = key(
        Anything(),
        "What holds when the caller says nothing; without it the caller must say it.",
        default=None,
    )


@record
class PlaceSettings(Record):
    """A model at one of its endpoints."""

    id: str | None = key(_NAME, "The name this endpoint knows.", default=None, written="the model's")
    weight: int = key(
        Number(1, 1_000_000, whole=True),
        "Its share under `balance: weighted`.",
        default=1,
        written="1",
    )
    context: int | None = key(
        Number(1, 100_000_000, whole=True),
        "Its context window in tokens.",
        default=None,
        written="the model's",
    )
    price: Price | None = key(PRICE, "What it costs here.", default=None, written="the model's")
    memory: int | None = key(
        size(), "What it occupies here when loaded.", default=None, written="the model's"
    )


class AtShape(Shape):
    """Where a model is served: an endpoint, a list of them, or a mapping with what differs there."""

    wants = "an endpoint, a list of endpoints, or `{ENDPOINT: {id, context, price, memory}}`"
    blank: tuple[tuple[Named, PlaceSettings], ...] = ()
    _place = Fields(PlaceSettings)
    shape = ByType(scalar=NAMED, sequence=ListOf(NAMED, least=1), mapping=MapOf(_place, "place", least=1))

    def decode(self, node: Node, to: Decoding, owner: str) -> object:
        """Return the places in order, each with what differs there."""
        found = self.shape.decode(node, to, owner)
        if isinstance(found, Named):
            return ((found, PlaceSettings()),) if found.name else ()  # nothing is known of a wrong one
        if isinstance(found, dict):
            keys = getattr(node, "keys", {})
            return tuple((Named(name, keys[name]), place) for name, place in found.items())
        return tuple((name, PlaceSettings()) for name in found if name.name)

    def schema(self, defs: Schema) -> Schema:
        """Return the JSON Schema."""
        return self.shape.schema(defs)


@record
class ModelSettings(Record):
    """A name that rules use: where it is served and how it is asked."""

    at: tuple[tuple[Named, PlaceSettings], ...] = key(AtShape(), "Its endpoint, or several, tried in order.")
    id: str | None = key(_NAME, "The name the endpoint knows.", default=None, written="the key")
    balance: str = key(
        Choice("ordered", "weighted", "least_busy", "fastest", "cheapest", what="balance"),
        "Which of several places comes first.",
        default="ordered",
        written="ordered",
    )
    context: int | None = key(
        Number(1, 100_000_000, whole=True), "Its context window in tokens.", default=None
    )
    price: Price | None = key(
        PRICE,
        "`{input, output, cached_input}` in dollars per million tokens, `{per_hour}`, or `free`.",
        default=None,
        written="free for local endpoints, else a known public price, else unknown",
    )
    capabilities: tuple[str, ...] | None = key(
        ListOf(Choice(*NEEDS, *ASKED, what="capability")),
        "What it can take; absent means unknown, a list is complete.",
        default=None,
    )
    options: OptionSettings = key(OPTIONS, "Its own sampling options.", default=OptionSettings())
    failover: tuple[Named, ...] = key(
        ListOf(NAMED), "Models that answer when a call names this one and it fails.", default=()
    )
    memory: int | None = key(
        size(),
        "What it occupies when loaded.",
        default=None,
        written="computed from its file, else as its endpoint says",
    )
    pin: bool = key(
        Boolean(),
        "Never unload it to make room, nor when nobody asks for it.",
        default=False,
        written="false",
    )
    evict_cost: float = key(
        Number(0, 1_000_000),
        "How dear unloading it is: the time that nobody asked for it is divided by this.",
        default=1.0,
        written="1",
    )
    preload: bool = key(
        Boolean(),
        "Load it before the first call, and again when what took its place is gone.",
        default=False,
        written="false",
    )
    truncate: str = key(
        Choice("none", "oldest", "middle", what="truncate"),
        "Which turns are left out of a prompt that its context window would not hold.",
        default="none",
        written="none",
    )
    family: str | None = key(
        Choice(*FAMILIES, what="family"),
        "Its family: a system message, options and processors for what the model itself leaves out.",
        default=None,
    )
    clamp: ClampSettings = key(CLAMP, "Bounds of its options, whoever asks.", default=ClampSettings())
    before: tuple[Processor, ...] = key(
        PROCESSORS["before"],
        "Processors of the messages, in order.",
        default=(),
        written="the family's",
    )
    after: tuple[Processor, ...] = key(
        PROCESSORS["after"],
        "Processors of the answer, in order.",
        default=(),
        written="the family's",
    )

    @property
    def spared(self) -> frozenset[str]:
        """What its processors take out of a call, so that it need not be able to take it."""
        stripped = any(each.name == "strip_images" for each in self.before)
        return frozenset({"images"}) if stripped else frozenset()


WHEN = MapOf(ConditionShape(), "condition")


@record
class RuleSettings(Record):
    """`when` a call is so, `use` these models; or a `matrix` with a row for each such rule."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (("use", "matrix"), ("use", "rows"))
    ONE_OF: ClassVar[tuple[str, ...]] = ("use", "matrix")
    NEEDS: ClassVar[tuple[tuple[str, str], ...]] = (("matrix", "rows"), ("rows", "matrix"))

    name: Named | None = key(NAMED, "Its name in every output.", default=None, written="rules[N]")
    when: dict[str, Condition] = key(
        WHEN, "Conditions on dimensions, joined by and; absent matches everything.", default=None
    )
    use: tuple[UseItem, ...] = key(
        UseShape(),
        f"A model, a list in failover order, a split; `{OTHERS}` last means every other model.",
        default=(),
    )
    matrix: tuple[Named, ...] = key(ListOf(NAMED, least=2), "Columns: dimensions, and `use`.", default=())
    rows: tuple[tuple[Node, ...], ...] = key(
        ListOf(ListOf(CellShape(), wants="a row: a list of cells"), least=1),
        "Rows, in the order of the columns; first match wins.",
        default=(),
    )
    options: OptionSettings = key(OPTIONS, "Sampling options for what it matches.", default=OptionSettings())
    deadline: float | None = key(duration(), "The whole call.", default=None, written="the file's")
    retry: RetrySettings | None = key(
        Fields(RetrySettings, "retry"), "As in the file.", default=None, written="the file's"
    )
    urgency: str | None = key(
        Choice(*URGENCIES, what="urgency"), "Place in queues.", default=None, written="normal"
    )
    cache: object = key(
        CACHE_USE,
        "`off`, `always` (at any temperature) or `{ttl}`.",
        default=None,
        written="what is certain, for the file's `ttl`",
    )
    no_degrade: bool = key(Boolean(), "Never answer from the offline ladder.", default=False, written="false")


_FILE = Text("a file beside this one or below it, such as `base.yaml`", fixed=True)
FILES = ByType(scalar=_FILE, sequence=ListOf(_FILE, least=1, wants="a list of files"))


@record
class Document(Record):
    """A `router.yaml`: which model answers what."""

    MERGED: ClassVar[tuple[str, ...]] = ("extends", "overlays")

    version: int = key(Version(), "The language's version: 1.", own=True)
    name: str | None = key(_NAME, "What this configuration is called.", default=None)
    extends: object = key(
        FILES,
        "Files that this one is merged over, in order: mappings by key, lists as a whole.",
        default=None,
    )
    overlays: object = key(FILES, "Files that are merged over this one, in order.", default=None)
    dimensions: dict[str, Dimension] = key(
        MapOf(Fields(Dimension), "dimension", pattern=f"^[a-z][a-z0-9_]*{END}", why=_DIMENSION_NAME),
        "What a call may say about itself. task, priority and complexity are built in.",
        default=None,
    )
    endpoints: dict[str, EndpointSettings] = key(
        MapOf(Fields(EndpointSettings), "endpoint", least=1, pattern=_ENDPOINT_PATTERN, why=_ENDPOINT_NAME),
        "Places that answer.",
    )
    models: dict[str, ModelSettings] = key(
        MapOf(Fields(ModelSettings), "model", least=1), "Names that rules use."
    )
    temperatures: dict[str, float] = key(
        MapOf(Number(0, 2), "temperature"),
        "Temperature by the call's task; `default` for the others.",
        default=None,
    )
    hit: str = key(
        Choice("first", "unique", what="hit"), "Which rule wins.", default="first", written="first"
    )
    rules: tuple[RuleSettings, ...] = key(
        ListOf(Fields(RuleSettings), least=1, each="rules"), "First match wins, in the file's order."
    )
    deadline: float = key(
        duration(),
        "The whole call: queue, retries, waits and failovers included.",
        default=120.0,
        written="120s",
    )
    min_left: float = key(
        duration(), "No attempt starts with less time than this.", default=0.25, written="250ms"
    )
    retry: RetrySettings = key(
        Fields(RetrySettings, "retry"), "How often a failed attempt is made again.", default=RetrySettings()
    )
    failover: FailoverSettings = key(
        Fields(FailoverSettings, "failover"),
        "Which failures move on to the next candidate.",
        default=FailoverSettings(),
    )
    stream: StreamSettings = key(
        Fields(StreamSettings, "stream"), "How answers are streamed.", default=StreamSettings()
    )
    breaker: object = key(
        ByType(scalar=OFF, mapping=Fields(BreakerSettings, "breaker")),
        "When a failing endpoint is left alone.",
        default=None,
        written="on, with the values below",
    )
    hedge: HedgeSettings | None = key(
        Fields(HedgeSettings, "hedge"), "A second attempt beside a slow one.", default=None
    )
    cache: CacheSettings | None = key(Fields(CacheSettings, "cache"), "Answers that are kept.", default=None)
    costs: CostSettings | None = key(
        Fields(CostSettings, "costs"), "What is spent, and what may be.", default=None
    )
    offline: OfflineSettings | None = key(
        Fields(OfflineSettings, "offline"), "What happens without a network.", default=None
    )
    invariants: tuple[InvariantSettings, ...] = key(
        ListOf(Fields(InvariantSettings), each="invariants"),
        "What is proven over the whole table, and asserted before anything is sent.",
        default=(),
    )
    machine: MachineSettings | None = key(
        Fields(MachineSettings, "machine"), "The machine under all local endpoints.", default=None
    )
    log: LogSettings | None = key(Fields(LogSettings, "log"), "What is kept of every call.", default=None)
    speeds: str | None = key(
        Text(),
        "File (JSON) that `router bench --save` wrote: what `balance: fastest` starts from.",
        default=None,
    )
    lint: dict[str, Severity | Literal["off"]] | None = key(
        MapOf(
            Choice("error", "warning", "info", "off", what="severity"),
            "finding",
            pattern=rf"^({'|'.join(LINTABLE)}){END}",
            why="is no finding that a file may raise, lower or switch off (those of syntax, shape and names it may not)",
        ),
        "Raises, lowers or switches off a finding by its code.",
        default=None,
    )
    allow_literal_secrets: bool = key(
        Boolean(), "For experiments: a key in the file is a warning.", default=False, written="false"
    )


DOCUMENT = Fields(Document)
