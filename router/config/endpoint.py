"""The language: the keys of an endpoint, for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from router.config.addresses import HeadersShape, SecretText, Url
from router.config.certificate import CERTIFICATE
from router.config.compound import ByType, ListOf
from router.config.expand import END
from router.config.kinds import HTTP_KINDS
from router.config.quantities import duration, size
from router.config.record import Fields, Record, key, record
from router.config.script import STEP
from router.config.settings import OFF, TIMEOUT, HealthSettings, LimitSettings, QueueSettings
from router.config.shapes import Boolean, Choice, Number, Text
from router.config.third_party import KindChoice
from router.core.quirk import QUIRKS
from router.core.request import Timeouts

if TYPE_CHECKING:
    from router.config.certificate import CertificateSettings
    from router.core.secret import Secret

# Endpoints that have models in memory, and load and unload them; each goes its own way about it.
RESIDENT_KINDS = ("openai", "ollama", "gguf", "mock")
KINDS = ("openai", "anthropic", "ollama", "opencode", "gguf", "mock")
TIMEOUTS = Timeouts()


@record
class EndpointSettings(Record):
    """A place that answers."""

    EXCLUSIVE: ClassVar[tuple[tuple[str, str], ...]] = (("key", "keys"),)

    kind: str = key(
        KindChoice(*KINDS, what="kind", fixed=True),
        "Who speaks to it: openai (any OpenAI-compatible server), anthropic, ollama, opencode, gguf (a model file, no server), mock, or a kind that an installed package brings.",
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
    cert: CertificateSettings | None = key(
        CERTIFICATE,
        "Certificate that is shown to a server that asks for one: a file that holds it and its private key, or {file, keyfile, password}.",
        default=None,
        kinds=HTTP_KINDS,
    )
    verify: bool = key(
        Boolean(), "Check the server's certificate.", default=True, written="true", kinds=HTTP_KINDS
    )
    api_version: str | None = key(
        Text("a version such as `2023-06-01`", rf"^[\w.-]+{END}", most=64),
        "Version of its interface: of anthropic, and of Azure under `quirks: azure`.",
        default=None,
        written="2023-06-01 for anthropic, 2024-10-21 for Azure",
        kinds=("openai", "anthropic"),
    )
    quirks: str | None = key(
        Choice(*QUIRKS, what="quirks"),
        "Which server it really is: what it ignores, requires or names differently is heeded.",
        default=None,
        written="as its host or port implies",
        kinds=("openai",),
    )
    transport: str | None = key(
        Choice("fast", "httpx", what="transport"),
        "The client that carries the bytes; `fast` knows no proxies and needs the extra `fast`.",
        default=None,
        written="fast where it can serve, else httpx",
        kinds=HTTP_KINDS,
    )
    agent: str | None = key(
        Text("the name of an agent", rf"^[^\x00-\x20]+{END}", most=100),
        "The locked-down agent that answers, by its name in the server's configuration; `default` is the server's own one.",
        default=None,
        written="router",
        kinds=("opencode",),
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
        written="2 local and for opencode, 8 remote; 1 for gguf with one model",
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
    memory: int | None = key(
        size(), "What its models may occupy together.", default=None, kinds=RESIDENT_KINDS
    )
    when_full: str = key(
        Choice("evict", "wait", "next", what="when_full"),
        "What happens to a call whose model does not fit: others are unloaded for it, it waits until they are gone, "
        "or the next candidate is tried.",
        default="evict",
        written="evict",
        kinds=RESIDENT_KINDS,
    )
    strategy: str = key(
        Choice("warm", "spillover", "ordered", what="strategy"),
        "Which calls go first: those for loaded models, the same with the others sent to a candidate that can answer "
        "at once, or strictly by urgency and age.",
        default="warm",
        written="warm",
        kinds=RESIDENT_KINDS,
    )
    max_wait: float = key(
        duration(),
        "How long calls for loaded models may overtake one that waits for memory.",
        default=5.0,
        written="5s",
        kinds=RESIDENT_KINDS,
    )
    idle_unload: float | None = key(
        duration(),
        "Unload a model that nobody asks for so long.",
        default=None,
        kinds=("openai", "ollama", "gguf"),
    )
    load_timeout: float = key(
        duration(),
        "How long a model may load.",
        default=300.0,
        written="300s",
        kinds=RESIDENT_KINDS,
    )
    isolation: str | None = key(
        Choice("process", "none", what="isolation"),
        "Where the engine runs: each model in a child process, or all in this one.",
        default=None,
        written="process where one can be started",
        kinds=("gguf",),
    )
