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

import re
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.problems import TabIndent
from router.config.yaml import read
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration

# The head of a text of several lines, where a tab may be part of the text.
_BLOCK_TEXT = re.compile(r"[|>][-+1-9]*[ \t]*(#.*)?$", re.MULTILINE)


def _spaces(span: Span, source: Source) -> tuple[Fix, ...]:
    """Return the fix that puts two spaces for each tab in front of every line, if that makes YAML of the text."""
    edits = []
    mended = []
    for number, line in enumerate(source.lines, start=1):
        indent = line[: len(line) - len(line.lstrip())]
        mended.append(indent.replace("\t", "  ") + line[len(indent) :])
        if "\t" in indent:
            place = Span(span.file, number, 1, number, len(indent) + 1)
            edits.append(Edit(place, indent.replace("\t", "  ")))
    if _BLOCK_TEXT.search(source.text) or read(Source(source.name, "\n".join(mended)))[0] is None:
        return ()
    return (Fix("put two spaces for each tab", tuple(edits)),)


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report the first line that is indented with a tab."""
    for problem in configuration.found(TabIndent):
        yield Finding(
            problem.span,
            "the line is indented with a tab",
            label="a tab",
            help="indent with spaces",
            fixes=_spaces(problem.span, configuration.source_at(problem.span)),
        )


CHECK = Check("R103", "tab-indent", "error", run)
