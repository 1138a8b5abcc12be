"""A line that is indented with a tab.

## Why is this bad?
YAML counts spaces. What a tab is worth depends on the editor, so YAML does not allow it in front of a line.

## Example
```yaml
retry:   # each → stands for a tab
→attempts: 2
```

## Use instead
```yaml
retry:
  attempts: 2
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import TabIndent
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.diagnostics.source import Source


def _spaces(span: Span, source: Source) -> tuple[Fix, ...]:
    """Return the fix that puts two spaces for each tab in front of every line."""
    edits = []
    for number, line in enumerate(source.lines, start=1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            place = Span(span.file, number, 1, number, len(indent) + 1)
            edits.append(Edit(place, indent.replace("\t", "  ")))
    return (Fix("put two spaces for each tab", tuple(edits)),)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the first line that is indented with a tab."""
    for problem in configuration.found(TabIndent):
        yield Finding(
            problem.span,
            "the line is indented with a tab",
            label="a tab",
            help="indent with spaces",
            fixes=_spaces(problem.span, configuration.source),
        )


CHECK = Check("R103", "tab-indent", "error", run)
