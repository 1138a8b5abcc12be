"""A time limit that a shorter one around it makes void.

## Why is this bad?
An attempt ends with its own limits, the call with its deadline: a limit inside that is longer than the one around it never acts.

## Example
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: {first: 90s, total: 30s}}}
```

## Use instead
```yaml
endpoints: {here: {kind: openai, url: "http://127.0.0.1:8080/v1", timeout: {first: 10s, total: 30s}}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report limits of an attempt that are longer than the whole of it or than the call, and a `min_left` no call has."""
    document = configuration.document
    if document is None or blurred(configuration, "endpoints", "rules", "deadline", "min_left"):
        return
    longest = max([document.deadline, *(rule.deadline or 0 for rule in document.rules)])
    for name, endpoint in document.endpoints.items():
        limits = endpoint.timeout
        for inner in ("connect", "first", "idle"):
            value, total = getattr(limits, inner), limits.total
            if value is not None and total is not None and value > total and endpoint.has("timeout"):
                yield Finding(
                    endpoint.span("timeout"),
                    f"`{inner}` of endpoint `{name}` is longer than its whole attempt",
                    label=f"{show_duration(value)} within {show_duration(total)}",
                    help=f"shorten `{inner}`, or lengthen `total`",
                )
        if endpoint.has("timeout") and limits.total is not None and limits.total > longest:
            yield Finding(
                endpoint.span("timeout"),
                f"an attempt at endpoint `{name}` may take longer than any call",
                label=f"{show_duration(limits.total)} within {show_duration(longest)}",
                help="shorten it, or lengthen the `deadline`",
            )
    if document.min_left >= document.deadline:
        yield Finding(
            document.span("min_left"),
            "no attempt ever starts: `min_left` is as long as the deadline",
            label=f"{show_duration(document.min_left)} of {show_duration(document.deadline)}",
            help="write a short time, such as `250ms`",
            severity="error",
        )


CHECK = Check("R511", "timeout-nesting", "warning", run)
