"""A local server whose health is not checked.

## Why is this bad?
That it is down is learnt from calls alone: each first call after it went away waits for its time limit, and nobody notices when it is back.
A check of a local server costs nothing. Remote endpoints are not checked unless the file says so; a model file and a mock
need no check.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", health: off}}
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", health: {every: 30s}}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.checks.guesses import guessed
from router.config.kinds import HTTP_KINDS
from router.config.locality import locality_of
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each `health: off` of a local server."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints"):
        return
    for name, endpoint in document.endpoints.items():
        local = endpoint.kind in HTTP_KINDS and locality_of(endpoint) == "local"
        if local and endpoint.health == "off" and not guessed(configuration, endpoint, "health"):
            yield Finding(
                endpoint.span("health"),
                f"nobody looks whether endpoint `{printable(name)}` is up",
                label="learnt from failing calls alone",
                help="leave `health` out, or write how often: `{every: 30s}`",
            )


CHECK = Check("R804", "no-health-check", "info", run)
