"""Two endpoints that are one place.

## Why is this bad?
A failover from one to the other meets the same server, and each counts attempts, limits and failures for itself: the server gets twice
what was allowed. Same means: kind, address, credentials, headers and way there. Endpoints with a `timeout` of their own are left
out: it is how two models of one server get different ones. So are mocks.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  there: {kind: openai, url: "http://127.0.0.1:8080/v1/"}
models: {assistant: {at: [here, there]}}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  there: {kind: openai, url: "http://127.0.0.1:8081/v1"}
models: {assistant: {at: [here, there]}}
```
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.node import Mapping, Scalar, leaves
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.endpoint import EndpointSettings
    from router.config.load import Configuration
    from router.config.node import Node

# What decides who answers, as whom and for how long; a timeout is a reason to have two.
_WHO = ("url", "path", "key", "keys", "headers", "cert", "proxy", "api_version", "quirks", "agent", "timeout")
_AUTHORITY = re.compile(r"https?://[^/]*")


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each endpoint that is an earlier one once more."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints"):
        return
    first: dict[object, str] = {}
    for name, endpoint in document.endpoints.items():
        if endpoint.kind == "mock":
            continue
        earlier = first.setdefault(_identity(endpoint), name)
        if earlier != name:
            yield Finding(
                document.entry_span("endpoints", name),
                f"endpoint `{printable(name)}` is `{printable(earlier)}` once more",
                label="the same place",
                related=(Related(document.entry_span("endpoints", earlier), "stands here already"),),
                notes=("limits, queues and failures of the two are counted apart",),
                help=f"use `{printable(earlier)}` in its place, or give it the address it should have",
            )


def _identity(endpoint: EndpointSettings) -> object:
    """Return what is equal for endpoints that are one place; references count as they are written."""
    # One Ollama answers by itself and hands other models on: those have an endpoint of their own, which is remote.
    names = (*_WHO, "locality") if endpoint.kind == "ollama" else _WHO
    return endpoint.kind, *(_written(name, endpoint.node.entries.get(name)) for name in names)


def _written(name: str, node: Node | None) -> object:
    if isinstance(node, Mapping):
        return tuple(sorted((key.casefold(), _written(name, value)) for key, value in node.entries.items()))
    if not isinstance(node, Scalar):
        return tuple(leaf.text for leaf in leaves(node)) if node is not None else None
    if name == "path":
        return os.path.normpath(node.text)
    if name not in ("url", "proxy"):
        return node.text
    # The host in whatever letters, and no slash at the end.
    found = _AUTHORITY.match(node.text)
    end = found.end() if found else 0
    return node.text[:end].casefold() + node.text[end:].rstrip("/")


CHECK = Check("R803", "duplicate-endpoint", "warning", run)
