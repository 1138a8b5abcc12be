"""The language: the keys of an endpoint, for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from router.config.addresses import HeadersShape, SecretText, Url
from router.config.compound import ByType, ListOf
from router.config.expand import END
from router.config.quantities import duration, size
from router.config.record import Fields, Record, key, record
from router.config.script import STEP
from router.config.settings import OFF, TIMEOUT, HealthSettings, LimitSettings, QueueSettings
from router.config.shapes import Boolean, Choice, Number, Text
from router.core.request import Timeouts

if TYPE_CHECKING:
    from router.core.secret import Secret

HTTP_KINDS = ("openai", "anthropic", "opencode", "ollama")
LATER_KINDS = ("anthropic", "opencode", "ollama")
KINDS = ("openai", "gguf", "mock", *LATER_KINDS)
TIMEOUTS = Timeouts()


@record
class EndpointSettings(Record):
    """A place that answers."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (("key", "keys"),)

    kind: str = key(
        Choice("openai", "gguf", "mock", what="kind", later=LATER_KINDS, fixed=True),
        "Who speaks to it: openai (any OpenAI-compatible server), gguf (a model file, in this process), mock.",
    )
    url: str = key(
        Url(),
        "Base address: http, https or `unix:PATH`; no credentials, query or fragment.",
        kinds=HTTP_KINDS,
        optional_for=("anthropic",),
    )
    path: str = key(
        Text("a file, a folder or `package:NAME`", rf"^(?!\w+://)[^\x00-\x1f]+{END}"),
        "A .gguf file, a folder of them, or `package:NAME`, the folder of an installed package.",
        kinds=("gguf",),
    )
    threads: int | None = key(
        Number(1, 1024, whole=True),
        "Threads that compute.",
        default=None,
        written="half of the processors",
        kinds=("gguf",),
    )
    script: tuple[object, ...] = key(
        ListOf(STEP, least=1),
        "What the mock does, a step a call, the last one for ever: ok, 429 retry-after=2, timeout, {say: TEXT} ...",
        default=(),
        kinds=("mock",),
    )
    locality: str | None = key(
        Choice("local", "remote", what="locality"),
        "Whether a call to it stays on this machine.",
        default=None,
        written="local for loopback, sockets, gguf and mock; else remote",
    )
    key_: Secret | None = key(SecretText(), "Its credential.", default=None, kinds=HTTP_KINDS)
    keys: tuple[Secret, ...] = key(
        ListOf(SecretText(), least=1),
        "Several credentials, rotated by kind of failure.",
        default=(),
        kinds=HTTP_KINDS,
    )
    headers: dict[str, Secret] = key(
        HeadersShape(),
        "Further header fields.",
        default=None,
        kinds=HTTP_KINDS,
    )
    proxy: str | None = key(Url(), "Proxy to go through.", default=None, kinds=HTTP_KINDS)
    ca: str | None = key(
        Text(), "File of certificates to trust.", default=None, written="the system's", kinds=HTTP_KINDS
    )
    verify: bool = key(
        Boolean(), "Check the server's certificate.", default=True, written="true", kinds=HTTP_KINDS
    )
    api_version: str | None = key(
        Text(), "Version of its interface.", default=None, kinds=HTTP_KINDS, later=True
    )
    quirks: str | None = key(
        Text(), "Which server it really is.", default=None, kinds=("openai",), later=True
    )
    transport: str = key(
        Choice("httpx", what="transport", later=("fast",)),
        "The client that carries the bytes.",
        default="httpx",
        written="httpx",
        kinds=HTTP_KINDS,
    )
    agent: str | None = key(
        Text(), "The locked-down agent to use.", default=None, kinds=("opencode",), later=True
    )
    timeout: Timeouts = key(
        TIMEOUT,
        "Time limits of one attempt: a total, or {connect, first, idle, total}.",
        default=TIMEOUTS,
        written="60s",
    )
    concurrency: int | None = key(
        Number(1, 10_000, whole=True),
        "Attempts at once; the rest queue.",
        default=None,
        written="2 local, 8 remote",
    )
    queue: QueueSettings = key(
        Fields(QueueSettings, "queue"), "Calls that wait for a place.", default=QueueSettings()
    )
    limits: LimitSettings | None = key(Fields(LimitSettings, "limits"), "Rate limits.", default=None)
    health: object = key(
        ByType(scalar=OFF, mapping=Fields(HealthSettings, "health")),
        "Active health checks.",
        default=None,
        written="on for local servers",
    )
    memory: int | None = key(size(), "What its models may occupy together.", default=None, later=True)
    when_full: str = key(
        Choice("evict", "wait", "next", what="when_full"),
        "What happens when a model does not fit.",
        default="evict",
        written="evict",
        later=True,
    )
    idle_unload: float | None = key(
        duration(), "Unload a model that nobody asks for so long.", default=None, later=True
    )
    load_timeout: float = key(
        duration(), "How long a model may load.", default=300.0, written="300s", later=True
    )
    isolation: str = key(
        Choice("process", "none", what="isolation"),
        "Where the engine runs.",
        default="none",
        written="process",
        kinds=("gguf",),
        later=True,
    )
