"""What a provider is asked, and the endpoint it speaks for: values the compiler and the engine fill in."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.core.messages import Message
    from router.core.secret import Secret

Locality = Literal["local", "remote"]

# Where kinds are that need no address.
USUAL_URLS: Mapping[str, str] = {"anthropic": "https://api.anthropic.com"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of one attempt; None means no limit of its own.

    Attributes:
        connect: Until the connection stands.
        first: Until the first content of a streamed answer.
        idle: Between two events of a streamed answer.
        total: The whole attempt.
    """

    connect: float = 5.0
    first: float | None = None
    idle: float | None = None
    total: float | None = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What an endpoint may be sent in a minute; None means no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """Active checks of an endpoint, in seconds.

    Attributes:
        every: Between two checks.
        probe: A path from the host's root, or None for what the kind knows best.
        timeout: How long one may take.
        fall: Failed checks in a row that mark it down.
        rise: Good checks in a row that mark it up.
    """

    every: float = 10.0
    probe: str | None = None
    timeout: float = 2.0
    fall: int = 3
    rise: int = 2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place that answers, compiled.

    Attributes:
        name: Its name in the file.
        kind: Which provider speaks to it.
        locality: Whether a call to it stays on this machine.
        url: Base address without a trailing slash, "" where the kind has none; `unix:PATH` is a socket.
        keys: Credentials, none or more.
        headers: Further header fields to send.
        timeouts: Seconds of one attempt.
        concurrency: Attempts at once.
        queue_max: Calls that may wait for one of them.
        queue_timeout: Seconds a call may wait for one.
        load_timeout: Seconds that a model may load there.
        limits: What it may be sent in a minute, or None.
        health: Its active checks, or None for none.
        settings: What only its kind knows (`path`, `threads`, `script`, `ca`, `cert` ...).
    """

    name: str
    kind: str
    locality: Locality
    url: str = ""
    keys: tuple[Secret, ...] = ()
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    timeouts: Timeouts = field(default_factory=Timeouts)
    concurrency: int = 8
    queue_max: int = 32
    queue_timeout: float = 10.0
    load_timeout: float = 300.0
    limits: Limits | None = None
    health: HealthPolicy | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt as a provider gets it.

    Attributes:
        model: The name the endpoint knows.
        messages: The conversation, at least one message.
        params: Sampling options by name: temperature, top_p, max_tokens, stop (list of texts), seed,
            reasoning_effort. A name that is absent is left to the endpoint.
        stream: Whether the answer should come in pieces.
        tools: Tool declarations in the OpenAI form.
        tool_choice: As in the OpenAI form, or None.
        response_format: As in the OpenAI form, or None.
        extra: Fields passed to the endpoint as they are.
        context: Tokens of the context window to use, where the kind can choose it, or None.
        key: Which of the endpoint's credentials to use, counted from 0.
    """

    model: str
    messages: Sequence[Message]
    params: Mapping[str, object] = field(default_factory=dict)
    stream: bool = True
    tools: Sequence[Mapping[str, object]] = ()
    tool_choice: object = None
    response_format: Mapping[str, object] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    context: int | None = None
    key: int = 0
