"""An attempt that ends before its model can be loaded.

## Why is this bad?
`load_timeout` says how long a model may load. A server that holds the call meanwhile is left before the model is there, and so is the next
one: each attempt begins to load and none sees the end.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 30s, load_timeout: 90s}}
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: 100s, load_timeout: 90s}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_known, is_written
from router.core.units import show_duration
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each written `load_timeout` that is longer than an attempt, or than its wait for the first content."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints"):
        return
    for name, endpoint in document.endpoints.items():
        # Where the router itself has models loaded, that is not the attempt's time.
        loads = endpoint.kind != "openai" or endpoint.has("memory") or endpoint.has("idle_unload")
        if loads or not is_written(configuration, endpoint, "load_timeout"):
            continue
        if not is_known(configuration, endpoint, "timeout"):
            continue
        limits = [("total", endpoint.timeout.total), ("first", endpoint.timeout.first)]
        short = [(value, key) for key, value in limits if value is not None and value < endpoint.load_timeout]
        if short:
            value, key = min(short)
            what = "the whole attempt" if key == "total" else "`first`"
            written = "" if endpoint.has("timeout") else ", which is the default"
            yield Finding(
                endpoint.span("load_timeout"),
                f"an attempt at endpoint `{printable(name)}` ends before its model is loaded",
                label=f"{show_duration(endpoint.load_timeout)}, and {what} has {show_duration(value)}{written}",
                related=(Related(endpoint.span("timeout"), "what an attempt may take"),)
                if endpoint.has("timeout")
                else (),
                help=f"lengthen `{key}` of its `timeout`, or shorten `load_timeout`",
            )


CHECK = Check("R512", "timeout-below-load", "warning", run)
