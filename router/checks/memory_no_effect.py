"""Something about memory that can never act.

## Why is this bad?
What is written has an effect, or is refused. A model that is pinned where nothing is ever unloaded, or a wait for memory where there is no
limit, reads like a protection and is none. Limits are `memory` of an endpoint and `machine` for local ones.

## Example
```yaml
endpoints: {here: {kind: gguf, path: ./models, idle_unload: 5m}}
models:
  small: {at: here, id: small.gguf, evict_cost: 3}
rules: [{use: small}]
```

## Use instead
```yaml
endpoints: {here: {kind: gguf, path: ./models, idle_unload: 5m, memory: 4GiB}}
models:
  small: {at: here, id: small.gguf, evict_cost: 3}
rules: [{use: small}]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import deployments
from router.config.known import is_known, is_written
from router.config.memory import is_limited, is_watched, may_hold, may_load, models_at
from router.core.units import show_duration
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings
    from router.config.load import Configuration

NO_LIMIT = "nothing limits its memory"


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such key, of endpoints, of models and of the machine."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models", "machine"):
        return
    for name, endpoint in document.endpoints.items():
        if may_hold(endpoint) and any(models_at(configuration, document, name)):
            yield from _endpoint(configuration, document, name, endpoint)
    for name, model in document.models.items():
        yield from _model(configuration, document, name, model)
    yield from _machine(configuration, document)


def _endpoint(
    configuration: Configuration, document: Document, name: str, endpoint: EndpointSettings
) -> Iterator[Finding]:
    if not is_limited(configuration, document, endpoint):
        for key in ("when_full", "strategy", "max_wait"):
            if endpoint.has(key):
                yield Finding(
                    endpoint.key_span(key),
                    f"`{key}` of `{printable(name)}` never acts: {NO_LIMIT}",
                    label="every model fits",
                    help="write how much its models may occupy as `memory`, or remove it",
                )
        if not endpoint.has("idle_unload"):
            return
    yield from _waits(configuration, endpoint)
    models = models_at(configuration, document, name)
    stay = all(_stays(configuration, each.settings) for each in models)
    if endpoint.has("idle_unload") and stay:
        yield Finding(
            endpoint.key_span("idle_unload"),
            f"`idle_unload` of `{printable(name)}` never acts: every model there is pinned or preloaded",
            label="those stay in memory",
            help="remove it, or remove `pin` and `preload` from a model",
        )


def _waits(configuration: Configuration, endpoint: EndpointSettings) -> Iterator[Finding]:
    if not is_written(configuration, endpoint, "max_wait"):
        return
    timeout = endpoint.queue.timeout
    if endpoint.strategy == "ordered" and is_known(configuration, endpoint, "strategy"):
        yield Finding(
            endpoint.key_span("max_wait"),
            "`max_wait` never acts: under `strategy: ordered` no call is overtaken",
            label="no call goes first",
            help="remove it, or the strategy",
        )
    elif is_known(configuration, endpoint, "queue") and endpoint.max_wait >= timeout:
        yield Finding(
            endpoint.span("max_wait"),
            "`max_wait` never acts: a call that waits so long is sent away",
            label=f"{show_duration(endpoint.max_wait)}, and the queue has patience for {show_duration(timeout)}",
            help="shorten it, or lengthen `queue.timeout`",
        )


def _stays(configuration: Configuration, model: ModelSettings) -> bool:
    known = is_known(configuration, model, "pin", "preload")
    return known and (model.pin or model.preload)


def _model(
    configuration: Configuration, document: Document, name: str, model: ModelSettings
) -> Iterator[Finding]:
    at = [(each.endpoint, each.at) for each in deployments(document, configuration.linked.places, name)]
    if not at:
        return
    limited = any(is_limited(configuration, document, endpoint) for _, endpoint in at)
    idle = any(endpoint.has("idle_unload") for _, endpoint in at)
    watched = any(is_watched(configuration, document, place, endpoint) for place, endpoint in at)
    acts = {
        "memory": watched,
        "pin": limited or idle,
        "evict_cost": limited,
        "preload": any(may_load(endpoint) for _, endpoint in at),
    }
    for key, has_effect in acts.items():
        if model.has(key) and not has_effect:
            yield Finding(
                model.key_span(key),
                f"`{key}` of `{printable(name)}` never acts: {_why(key)}",
                label="no effect",
                help="remove it"
                if key == "preload"
                else "write how much the models may occupy as `memory` of the endpoint, or remove it",
            )
    if limited and model.has("evict_cost") and model.pin and is_known(configuration, model, "pin"):
        yield Finding(
            model.key_span("evict_cost"),
            f"`evict_cost` of `{printable(name)}` never acts: a pinned model is never unloaded",
            label="no effect",
            help="remove one of the two",
        )


def _why(key: str) -> str:
    if key == "preload":
        return "its endpoint cannot be told to load a model"
    return "nothing limits the memory where it is served"


def _machine(configuration: Configuration, document: Document) -> Iterator[Finding]:
    machine = document.machine
    if machine is None or not document.endpoints:
        return
    served = {
        each.endpoint
        for name in document.models
        for each in deployments(document, configuration.linked.places, name)
    }
    if served and not any(is_limited(configuration, document, document.endpoints[name]) for name in served):
        yield Finding(
            document.key_span("machine"),
            "`machine` never acts: no model is served by a local endpoint that loads models",
            label="nothing counts against it",
            help="remove it",
        )


CHECK = Check("R811", "memory-no-effect", "error", run)
