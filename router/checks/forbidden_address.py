"""An address that no endpoint can have.

## Why is this bad?
Link-local addresses belong to the machine's own network card and to cloud metadata services, which hand out
credentials. Odd ways to write an address hide where it leads.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://169.254.169.254/v1"}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.hosts import endpoint_hosts
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report link-local and metadata addresses, and hosts that are written oddly."""
    for place in endpoint_hosts(configuration):
        if place.forbidden:
            yield Finding(
                place.node.span,
                f"the host `{printable(place.host)}` {place.forbidden}",
                label="refused",
                help="name the server itself, by its name or its usual address",
            )


CHECK = Check("R611", "forbidden-address", "error", run)
