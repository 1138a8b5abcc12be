"""An endpoint at which no model is.

## Why is this bad?
No call ever reaches it.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
  there: {kind: openai, url: "http://127.0.0.1:8081/v1"}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each endpoint that no model names."""
    document = configuration.document
    if document is None or not document.models or blurred(configuration, "models"):
        return
    used = {place for places in configuration.linked.places.values() for place in places}
    for name in document.endpoints:
        span = document.entry_span("endpoints", name)
        # What a merged file brings, others may use that merge it too.
        if name not in used and span.file == configuration.source.name:
            yield Finding(
                span,
                f"no model is at the endpoint `{printable(name)}`",
                label="never called",
                help="remove it, or name it in a model's `at`",
            )


CHECK = Check("R307", "unused-endpoint", "warning", run)
