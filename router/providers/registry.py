"""Which class speaks for which kind of endpoint, imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from router.core.carrier import carrier
from router.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from router.core.port import Provider
    from router.core.request import Endpoint

GROUP = "router.providers"
BUILT_IN = {
    "openai": "router.providers.openai:OpenAiProvider",
    "anthropic": "router.providers.anthropic:AnthropicProvider",
    "ollama": "router.providers.ollama:OllamaProvider",
    "opencode": "router.providers.opencode:OpenCodeProvider",
    "gguf": "router.providers.gguf:GgufProvider",
    "mock": "router.providers.mock:MockProvider",
}
KINDS = tuple(BUILT_IN)


def create(endpoint: Endpoint, http: object | None = None) -> Provider:
    """Return a provider that speaks for an endpoint; nothing is sent or loaded yet.

    A kind that is not built in is looked up among the entry points of the group `router.providers`, whose
    objects take the same two arguments.

    Args:
        endpoint: The endpoint.
        http: An `httpx.AsyncClient` or `httpx.AsyncBaseTransport` to send with, used as it is and never closed, or None.

    Raises:
        ConfigError: No installed package provides the kind.
    """
    factory = _factory(endpoint.kind)
    return factory(endpoint, http)


def file_troubles(endpoint: Endpoint, models: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each setting of an endpoint whose file cannot be used, and what is wrong with it; nothing is loaded.

    Args:
        endpoint: The endpoint.
        models: The names by which it knows the models it serves.
    """
    if endpoint.settings.get("transport") == "fast":
        trouble = carrier(endpoint).trouble
        if trouble is not None:
            yield "transport", trouble
    if not endpoint.settings.keys() & {"path", "ca", "cert"}:
        return
    from router.providers import _files  # noqa: PLC0415 - most configurations name no file

    troubles = {
        "path": _files.model_file_trouble(endpoint, models) if endpoint.kind == "gguf" else None,
        "ca": _files.certificates_trouble(endpoint) if endpoint.settings.get("ca") else None,
        "cert": _files.client_certificate_trouble(endpoint),
    }
    yield from ((setting, trouble) for setting, trouble in troubles.items() if trouble is not None)


def _factory(kind: str) -> Callable[[Endpoint, object | None], Provider]:
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        found: object = getattr(import_module(module), name)
    else:
        found = _third_party(kind)
    return cast("Callable[[Endpoint, object | None], Provider]", found)


def _third_party(kind: str) -> object:
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, and most kinds are built in

    for entry in entry_points(group=GROUP, name=kind):
        try:
            return entry.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"endpoint kind {kind!r}: {entry.value} cannot be imported: {error}") from error
    raise ConfigError(f"endpoint kind {kind!r} is unknown; built in are {', '.join(KINDS)}")
