"""A key that goes to another machine unencrypted.

## Why is this bad?
Everyone on the way can read it, and the prompts and answers too. Loopback and private addresses, and
endpoints that are declared local, are left out.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://llm.example.com/v1", key: "${env:LLM_KEY}"}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "https://llm.example.com/v1", key: "${env:LLM_KEY}"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.checks.hosts import endpoint_hosts
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each endpoint with a key and an `http:` address elsewhere."""
    for place in endpoint_hosts(configuration):
        settings = place.settings
        secret = settings.key_ is not None or settings.keys or settings.headers
        if place.url.startswith("http:") and secret and not place.near and settings.locality != "local":
            where = place.node.span
            fix = Fix("use https", (Edit(where, f"https{place.node.text.removeprefix('http')}"),))
            yield Finding(
                where,
                f"the key of endpoint `{printable(place.name)}` is sent unencrypted",
                label="no encryption on the way",
                help="use `https:`",
                fixes=(fix,) if place.node.plain and place.key == "url" else (),
            )


CHECK = Check("R602", "cleartext-remote", "warning", run)
