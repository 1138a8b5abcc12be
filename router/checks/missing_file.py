"""A file under `extends` or `overlays` that cannot be merged: it is not there, or must not be read.

## Why is this bad?
What it was to bring is missing, so nobody can tell which model answers what. Only files that end in `.yaml` or `.yml`
beside the configuration or in folders below are read, at most 32 of them, and none comes back to itself.

Where calls are to be made, a model file, a file of certificates and a client certificate that cannot be used are reported
too; `router check` does not look at them.

## Example
```yaml
extends: nowhere.yaml
```

## Use instead
```yaml
deadline: 60s
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import BadFile
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration

BESIDE = "name a .yaml file beside the configuration or below it"
# For each kind of trouble what is said at the place, and what to do.
WORDS = {
    "missing": ("no such file", BESIDE),
    "refused": ("refused", BESIDE),
    "foreign": ("none of ours", "a file that is merged begins with `version: 1`"),
    "cycle": ("a cycle", "take one of them out"),
    "many": ("too much", "join files"),
    "tested": ("nothing to test", "name the configuration, as a path from this file's folder"),
}


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each file that cannot be merged, where it is named."""
    for problem in configuration.found(BadFile):
        label, advice = WORDS[problem.kind]
        yield Finding(
            problem.span,
            f"the file `{printable(problem.name)}` {problem.why}",
            label=label,
            help=advice,
        )


CHECK = Check("R306", "missing-file", "error", run)
