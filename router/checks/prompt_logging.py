"""Prompts and answers that are written to the log.

## Why is this bad?
They hold what people type: names, passwords, whole documents. Logs are copied, shipped and kept for long, and read by people who may not
read the calls. `hash` tells equal prompts from different ones without their text. Texts that are cut short are told at info level.

## Example
```yaml
log: {content: full, calls: calls.jsonl}
```

## Use instead
```yaml
log: {content: hash, calls: calls.jsonl}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.checks.table_facts import in_words
from router.config.privacy import private_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration

_HOW = {"full": "in full", "truncated": "cut short"}


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report a log that keeps texts, and whether the file has calls that it calls private."""
    log = configuration.document.log if configuration.document is not None else None
    if log is None or log.content not in _HOW or blurred(configuration, "log", "dimensions"):
        return
    private = [
        in_words({name: sorted(values)})
        for name, values in private_values(configuration.linked.dimensions).items()
    ]
    yield Finding(
        log.span("content"),
        f"prompts and answers are written to the log, {_HOW[log.content]}",
        label="they stay on disk",
        notes=tuple(f"those of calls whose {words} as well" for words in private),
        help="write `hash` or `none`",
        severity="warning" if log.content == "full" else "info",
    )


CHECK = Check("R608", "prompt-logging", "warning", run)
