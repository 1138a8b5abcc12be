"""Two keys that exclude each other.

## Why is this bad?
One of them would have no effect.

## Example
```yaml
dimensions:
  data: {values: [public, private], type: boolean}
```

## Use instead
```yaml
dimensions:
  data: {values: [public, private]}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import ExclusiveKeys
from router.diagnostics.diagnostic import Related

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each pair."""
    for problem in configuration.found(ExclusiveKeys):
        yield Finding(
            problem.span,
            f"`{problem.key}` and `{problem.other}` exclude each other",
            label=f"not together with `{problem.other}`",
            related=(Related(problem.other_span, f"`{problem.other}` stands here"),),
            help=f"remove `{problem.key}` or `{problem.other}`",
        )
    document = configuration.document
    for settings in document.endpoints.values() if document is not None else ():
        if settings.proxy and settings.transport == "fast":
            yield Finding(
                settings.span("transport"),
                "`transport: fast` and `proxy` exclude each other: it knows no proxies",
                label="not together with `proxy`",
                related=(Related(settings.span("proxy"), "`proxy` stands here"),),
                help="remove `transport`: what has a proxy is sent through httpx",
            )


CHECK = Check("R207", "exclusive-keys", "error", run)
