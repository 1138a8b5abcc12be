"""An endpoint whose certificate is not checked.

## Why is this bad?
Anyone on the way can pass for the server, read the key and answer in its place.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "https://llm.example.com/v1", verify: false}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "https://llm.example.com/v1", ca: company.pem}
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
    """Report each `verify: false` where the server is another machine."""
    for place in endpoint_hosts(configuration):
        if place.key == "url" and not place.settings.verify and not place.loopback:
            yield Finding(
                place.settings.span("verify"),
                f"endpoint `{printable(place.name)}` does not check the server's certificate",
                label="anyone can answer in its place",
                help="remove it; for a certificate of your own name its file under `ca`",
            )


CHECK = Check("R604", "tls-verify-off", "warning", run)
