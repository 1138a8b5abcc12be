"""How OpenAI-compatible servers differ from each other: a row of facts for each of them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Quirk:
    """What one server ignores, requires or names differently.

    Attributes:
        name: As a file writes it.
        hosts: Hosts that imply it, with everything below them.
        port: The port of this machine that implies it, or None.
        ignores: Options it has no place for: they are not sent.
        ignored_by: Model names (a pattern, searched for) and the options that those models ignore.
        fields: Options that it names differently.
        most_stops: Texts of `stop` it takes at most, or None.
        asks_usage: Whether a stream counts its tokens only when it is asked to; else nothing is asked.
        formats: Types of `response_format` it takes, or None for all.
        choice: What it takes as `tool_choice`: `any` form, the `words` auto, none and required, or `none` at all.
        template_effort: Whether `reasoning_effort` goes to the chat template as well, for older versions.
        names: Whether messages may have a `name`.
        developer: Whether it knows the role `developer`; else it is sent as `system`.
        short_ids: Whether the ids of tool calls must be nine letters and digits.
        tells_cost: Whether it says in `usage.cost` what an answer cost, in dollars.
        key_header: The header field of the key, where it is no bearer token.
        deployments: Whether the model stands in the path and the version of the API behind it.
    """

    name: str
    hosts: tuple[str, ...] = ()
    port: int | None = None
    ignores: frozenset[str] = frozenset()
    ignored_by: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = ()
    fields: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    most_stops: int | None = None
    asks_usage: bool = True
    formats: frozenset[str] | None = None
    choice: Literal["any", "words", "none"] = "any"
    template_effort: bool = False
    names: bool = True
    developer: bool = True
    short_ids: bool = False
    tells_cost: bool = False
    key_header: str | None = None
    deployments: bool = False

    def ignored(self, model: str) -> frozenset[str]:
        """Return the options that a model has no place for.

        Args:
            model: The name the endpoint knows.
        """
        found = (names for pattern, names in self.ignored_by if pattern.search(model))
        return self.ignores.union(*found)


def _renamed(**names: str) -> Mapping[str, str]:
    return MappingProxyType(names)


_TEXT_OR_JSON = frozenset({"text", "json_object"})
_TEXT_OR_SCHEMA = frozenset({"text", "json_schema"})
_LONGER_NAME = _renamed(max_tokens="max_completion_tokens")
_SAMPLING = frozenset({"temperature", "top_p"})

# Nothing is ignored, required or named differently: the chat format as most servers speak it.
PLAIN = Quirk("")
ROWS: tuple[Quirk, ...] = (
    Quirk("llamacpp", choice="words", template_effort=True),
    Quirk("vllm"),
    Quirk("lmstudio", port=1234, formats=_TEXT_OR_SCHEMA, choice="words"),
    Quirk("localai"),
    Quirk("ollama", port=11434, choice="none"),
    Quirk("openai", hosts=("api.openai.com",), fields=_LONGER_NAME, most_stops=4),
    Quirk(
        "azure",
        hosts=("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"),
        fields=_LONGER_NAME,
        most_stops=4,
        key_header="api-key",
        deployments=True,
    ),
    Quirk("openrouter", hosts=("openrouter.ai",), asks_usage=False, tells_cost=True),
    Quirk("groq", hosts=("api.groq.com",), fields=_LONGER_NAME, most_stops=4, names=False),
    Quirk(
        "deepseek",
        hosts=("api.deepseek.com",),
        ignores=frozenset({"seed"}),
        ignored_by=((re.compile(r"reasoner"), _SAMPLING),),
        most_stops=16,
        formats=_TEXT_OR_JSON,
        developer=False,
    ),
    Quirk(
        "mistral",
        hosts=("api.mistral.ai",),
        fields=_renamed(seed="random_seed"),
        asks_usage=False,
        names=False,
        developer=False,
        short_ids=True,
    ),
    Quirk("together", hosts=("api.together.xyz", "api.together.ai"), developer=False),
)
QUIRKS: Mapping[str, Quirk] = MappingProxyType({row.name: row for row in ROWS})


def implied_quirk(url: str) -> Quirk:
    """Return the row of the server that surely is at an address; `PLAIN` where that cannot be told."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # no address at all: its own finding says so
        return PLAIN
    for row in ROWS:
        if any(host == each or host.endswith(f".{each}") for each in row.hosts):
            return row
        if row.port is not None and row.port == port and _is_loopback(host):
            return row
    return PLAIN


def quirk_of(written: str | None, url: str) -> Quirk:
    """Return the row of an endpoint: as its file says, else as its address implies."""
    return QUIRKS.get(written, PLAIN) if written else implied_quirk(url)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
