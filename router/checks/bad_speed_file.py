"""A file of measured speeds that cannot be used.

## Why is this bad?
`balance: fastest` starts from the figures in it; without them its first calls go anywhere.

## Example
```yaml
endpoints: {near: {kind: mock}, far: {kind: mock}}
models: {assistant: {at: [near, far], balance: fastest}}
speeds: nowhere.json
```

## Use instead
```yaml
endpoints: {near: {kind: mock}, far: {kind: mock}}
models: {assistant: {at: [near, far], balance: fastest}}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_written
from router.config.speeds import read_speeds
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report a file that is not there or is of another form."""
    document = configuration.document
    if document is None or document.speeds is None or blurred(configuration, "speeds"):
        return
    if not is_written(configuration, document, "speeds"):
        return
    try:
        read_speeds(configuration.folder / document.speeds)
    except ValueError as error:
        yield Finding(
            document.span("speeds"),
            f"the speeds in `{printable(document.speeds)}` cannot be used",
            label=printable(str(error), 160),
            help=f"`router bench --save {printable(document.speeds)}` writes such a file",
        )


CHECK = Check("R313", "bad-speed-file", "error", run)
