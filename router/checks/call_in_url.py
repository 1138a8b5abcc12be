"""The address of one kind of call where the address of the server belongs.

## Why is this bad?
The router appends the path of the call, `/chat/completions`, itself. With it in `url` it is there twice, and every
call ends in 404.

## Example
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1/chat/completions"}
```

## Use instead
```yaml
endpoints:
  here: {kind: openai, url: "http://127.0.0.1:8080/v1"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, replacement
from router.checks.hosts import endpoint_hosts
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration

# What an OpenAI-compatible server answers below its address; the longer one first.
PATHS = ("/chat/completions", "/completions")


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each OpenAI-compatible endpoint whose address ends in the path of a call."""
    for place in endpoint_hosts(configuration):
        path = next((path for path in PATHS if place.url.endswith(path)), None)
        if path is None or place.key != "url" or place.settings.kind != "openai":
            continue
        from router.config.repair import as_written  # noqa: PLC0415 - most addresses need no repair

        base = place.url.removesuffix(path).rstrip("/")
        yield Finding(
            place.node.span,
            f"the address of endpoint `{printable(place.name)}` ends in `{path}`, which the router appends itself",
            label="the path of a call",
            help=f"write `{printable(base)}`",
            fixes=replacement(place.node.span, as_written(base)) if "${" not in place.node.text else (),
        )


CHECK = Check("R810", "call-in-url", "error", run)
