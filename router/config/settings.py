"""The language, its policies: retry, failover, options, timeouts, and the blocks of the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.compound import Anything, ByType, ListOf, MapOf, Mapped
from router.config.conditions import ConditionShape, Named, UseShape
from router.config.expand import END
from router.config.quantities import duration, share, size
from router.config.record import Fields, Record, key, record
from router.config.shapes import Boolean, Choice, Number, Text
from router.core.errors import AllAttemptsFailed
from router.core.extra import OWN_FIELDS
from router.core.options import REASONING_EFFORTS
from router.core.request import Timeouts

if TYPE_CHECKING:
    from router.config.conditions import Condition, UseItem
    from router.config.node import Node


OFF = Choice("off", what="switch")
KINDS_OF_FAILURE = tuple(sorted(cls.kind for cls in AllAttemptsFailed.__subclasses__()))


def _whole(least: int, most: int) -> Number:
    return Number(least, most, whole=True)


@record
class TimeoutSettings(Record):
    """Time limits of one attempt."""

    connect: float = key(duration(), "Until the connection stands.", default=5.0, written="5s")
    first: float | None = key(duration(), "Until the first content of a streamed answer.", default=None)
    idle: float | None = key(duration(), "Between two events of a streamed answer.", default=None)
    total: float = key(duration(), "The whole attempt.", default=60.0, written="60s")


def _timeouts(value: object, _node: object) -> Timeouts:
    if isinstance(value, TimeoutSettings):
        return Timeouts(value.connect, value.first, value.idle, value.total)
    return Timeouts(total=float(value)) if isinstance(value, float) else Timeouts()


TIMEOUT = Mapped(ByType(scalar=duration(), mapping=Fields(TimeoutSettings, "timeout")), _timeouts)


@record
class QueueSettings(Record):
    """Calls that wait for a free place at an endpoint."""

    max: int | None = key(
        _whole(0, 100_000),
        "How many may wait; one more is refused with `shed`.",
        default=None,
        written="4 times concurrency, at least 16",
    )
    timeout: float = key(duration(), "How long one may wait.", default=10.0, written="10s")


@record
class LimitSettings(Record):
    """Rate limits of an endpoint."""

    requests_per_minute: int | None = key(_whole(1, 10**9), "Requests a minute.", default=None)
    tokens_per_minute: int | None = key(_whole(1, 10**12), "Tokens a minute.", default=None)


@record
class HealthSettings(Record):
    """Active health checks."""

    every: float = key(duration(), "How often.", default=10.0, written="10s")
    probe: str | None = key(
        Text("a path such as `/health`", rf"^/[!-~]*{END}"), "A path from the host's root.", default=None
    )
    timeout: float = key(duration(), "How long a probe may take.", default=2.0, written="2s")
    fall: int = key(_whole(1, 100), "Failed probes that mark it down.", default=3, written="3")
    rise: int = key(_whole(1, 100), "Good probes that mark it up.", default=2, written="2")


def _texts(value: object, _node: object) -> object:
    return (value,) if isinstance(value, str) else value


@record
class OptionSettings(Record):
    """Sampling options; what is absent is left to the endpoint."""

    temperature: float | None = key(Number(0, 2), "0 is the most predictable, 2 the wildest.", default=None)
    top_p: float | None = key(Number(0, 1), "Share of the likeliest tokens to draw from.", default=None)
    max_tokens: int | None = key(_whole(1, 10_000_000), "Tokens of the answer, at most.", default=None)
    stop: tuple[str, ...] | None = key(
        Mapped(ByType(scalar=Text(), sequence=ListOf(Text(), least=1)), _texts),
        "Texts that end the answer.",
        default=None,
    )
    seed: int | None = key(
        _whole(0, 2**63 - 1), "Makes equal calls give equal answers, where it can.", default=None
    )
    reasoning_effort: str | None = key(
        Choice(*REASONING_EFFORTS, what="reasoning_effort"),
        "How long a reasoning model may think.",
        default=None,
    )
    extra: dict[str, object] | None = key(
        MapOf(
            Anything(),
            "field",
            pattern=rf"^(?!({'|'.join(sorted(OWN_FIELDS))}){END}).+{END}",
            why="has an option of its own",
        ),
        "Further fields, sent to the endpoint as they are.",
        default=None,
    )

    def given(self) -> dict[str, object]:
        """Return the options that are written, by name; `extra` apart."""
        names = [name for name in OPTIONS.keys if name != "extra"]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


OPTIONS = Fields(OptionSettings, "options")


@record
class BackoffSettings(Record):
    """The growing wait between tries at one deployment."""

    first: float = key(
        duration(),
        "Before the second try; each wait is drawn from its upper half.",
        default=0.5,
        written="500ms",
    )
    factor: float = key(Number(1, 10), "How much longer each next one is.", default=2.0, written="2")
    max: float = key(duration(), "The longest.", default=8.0, written="8s")


@record
class RetrySettings(Record):
    """How often a failed attempt is made again."""

    attempts: int = key(_whole(1, 10), "Attempts in all, over every candidate.", default=4, written="4")
    same: int = key(_whole(0, 10), "Further tries at one deployment.", default=1, written="1")
    backoff: BackoffSettings = key(
        Fields(BackoffSettings, "backoff"),
        "The waits between tries at one deployment.",
        default=BackoffSettings(),
    )
    wait: float = key(
        duration(),
        "How long a Retry-After is waited for while another candidate exists.",
        default=3.0,
        written="3s",
    )
    wait_alone: float = key(
        duration(), "How long a Retry-After is waited for when none exists.", default=60.0, written="60s"
    )


_KIND = Choice(*KINDS_OF_FAILURE, what="kind of failure")


@record
class FailoverSettings(Record):
    """Which failures move on to the next candidate, beside the known ones."""

    also_on: tuple[str, ...] = key(ListOf(_KIND), "Kinds that move on as well.", default=())
    never_on: tuple[str, ...] = key(ListOf(_KIND), "Kinds that do not move on.", default=())


@record
class BreakerSettings(Record):
    """When an endpoint that fails is left alone."""

    failures: int = key(_whole(1, 1000), "Failures in a row that open it.", default=3, written="3")
    ratio: float = key(share(), "Share of failures that opens it.", default=0.5, written="50%")
    window: float = key(duration(), "The time in which the share is taken.", default=30.0, written="30s")
    minimum: int = key(
        _whole(1, 10**6), "Calls in the window before the share counts.", default=10, written="10"
    )
    open: float = key(duration(), "How long it stays open the first time.", default=5.0, written="5s")
    max_open: float = key(duration(), "How long it stays open at most.", default=30.0, written="30s")


@record
class HedgeSettings(Record):
    """A second attempt while the first still runs."""

    after: float = key(duration(), "Start the second after this long without content.")
    max: float = key(share(), "Share of calls that may have one.", default=0.05, written="5%")


@record
class StreamSettings(Record):
    """How answers are streamed."""

    delivery: str = key(
        Choice("live", "buffered", what="delivery"),
        "As it comes, or once whole.",
        default="live",
        written="live",
    )
    on_interrupt: str = key(
        Choice("error", "restart", what="on_interrupt", later=("continue",)),
        "What happens when a stream breaks after its first content.",
        default="error",
        written="error",
    )
    inside: bool = key(
        Boolean(),
        "Stream from the endpoint even for `complete()`, so that stalls are seen.",
        default=False,
        written="false",
    )


@record
class ReplySettings(Record):
    """A canned reply."""

    contains: tuple[str, ...] = key(
        ListOf(Text("words", rf".*[^\x00-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7f].*{END}"), least=1),
        "Words of the last user message, whole and in any case; any of them. Absent fits every message.",
        default=(),
    )
    say: str = key(Text(), "The reply.")


@record
class OfflineSettings(Record):
    """What happens when every candidate failed or the network is gone."""

    mode: str = key(
        Choice("auto", "only", what="mode"),
        "`only` never contacts a remote endpoint.",
        default="auto",
        written="auto",
    )
    use: tuple[UseItem, ...] = key(UseShape(), "Further models, tried like candidates.", default=())
    stale_cache: float | None = key(duration(), "How old a kept answer may be.", default=None)
    replies: tuple[ReplySettings, ...] = key(
        ListOf(Fields(ReplySettings, "reply")), "Canned replies.", default=()
    )


def _named(value: object, node: Node) -> Named:
    return Named(str(value), node.span)


_WORD = Mapped(Text(), _named)


@record
class InvariantSettings(Record):
    """Something proven over the whole table."""

    name: str = key(Text(), "Its name.")
    for_all: dict[str, Condition] = key(MapOf(ConditionShape(), "condition"), "Which calls: as in `when`.")
    every_hop: dict[str, Named | tuple[Named, ...]] = key(
        MapOf(
            ByType(scalar=_WORD, sequence=ListOf(_WORD, least=1)),
            "property",
            least=1,
            pattern=rf"^(locality|endpoint|model|kind){END}",
            why="is no property of a hop",
        ),
        "What holds at each hop: locality, endpoint, model, kind; a value or a list of them.",
    )


@record
class LogSettings(Record):
    """What is written to logs."""

    content: str = key(
        Choice("none", "hash", "truncated", "full", what="content"),
        "Prompts and answers.",
        default="none",
        written="none",
    )
    calls: str = key(Text(), "File that gets a line of JSON for each call.")
    size_: int = key(
        size(), "How large it grows before a new one is begun.", default=64 * 2**20, written="64MiB"
    )
    keep: int = key(_whole(1, 1000), "How many old files are kept.", default=5, written="5")


@record
class MachineSettings(Record):
    """The machine under all local endpoints."""

    memory: int = key(size(), "What local models may occupy together.")
