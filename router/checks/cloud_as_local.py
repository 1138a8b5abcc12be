"""A model of Ollama's cloud at an endpoint that counts as local.

## Why is this bad?
Models whose tag ends in `cloud` are answered by ollama.com, whichever machine Ollama runs on. An address of this
machine makes the endpoint local, and rules and invariants about private data rely on that; so the router does not send
anything there.

## Example
```yaml
endpoints: {ollama: {kind: ollama, url: "http://127.0.0.1:11434"}}
models: {assistant: {at: ollama, id: "gpt-oss:120b-cloud"}}
```

## Use instead
```yaml
endpoints: {ollama-cloud: {kind: ollama, url: "http://127.0.0.1:11434", locality: remote}}
models: {assistant: {at: ollama-cloud, id: "gpt-oss:120b-cloud"}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import deployments
from router.config.known import is_known, known_locality
from router.core.cloud import answered_elsewhere
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such model at each endpoint of kind ollama that surely counts as local."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "models"):
        return
    for name, model in document.models.items():
        for each in deployments(document, configuration.linked.places, name):
            known = is_known(configuration, model, "at", "id") and is_known(configuration, each.at, "kind")
            if not known or each.at.kind != "ollama" or known_locality(configuration, each.at) != "local":
                continue
            known_as = each.place.id or model.id or name
            if answered_elsewhere(known_as):
                yield Finding(
                    each.span,
                    f"`{printable(known_as)}` is answered by ollama.com, and `{printable(each.endpoint)}` counts as local",
                    label="nothing is sent there",
                    related=(
                        Related(
                            document.entry_span("endpoints", each.endpoint),
                            f"`{each.endpoint}` is defined here",
                        ),
                    ),
                    help="give it an endpoint of its own with `locality: remote`",
                )


CHECK = Check("R613", "cloud-as-local", "error", run)
