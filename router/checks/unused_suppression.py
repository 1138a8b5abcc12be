"""A comment that suppresses nothing, or that does not say what it suppresses and why.

## Why is this bad?
It may hide a finding that comes later, and without a reason nobody dares to remove it. Findings of syntax, shape and
names (R1 to R3) cannot be suppressed: a file that is not understood cannot be used.

## Example
```yaml
rules:
  - use: assistant  # router: ignore[R401] it is reached in summer
```

## Use instead
```yaml
rules:
  - use: assistant
```
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from router.checks.base import Check, Finding
from router.config.language import LINTABLE
from router.config.suppress import Suppressions
from router.diagnostics.diagnostic import Edit, Fix
from router.diagnostics.source import Span, printable
from router.diagnostics.suggest import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.load import Configuration
    from router.config.suppress import Suppression

_FIRM = re.compile(r"R[123][0-9]{2}")
# What only a run that looks at tests can find.
UNTESTED = "R901"
_FORM = "write `# router: ignore[CODE] reason`"


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each comment of no use, and each that names no code, a wrong one or no reason.

    What the other checks left unused is known only when all of them have run: this one comes last.
    """
    known = configuration.worked_out.get(Suppressions)
    if isinstance(known, Suppressions):
        for comment in known.comments:
            yield from _about(comment, known, configuration)


def _about(comment: Suppression, known: Suppressions, configuration: Configuration) -> Iterator[Finding]:
    if not comment.codes:
        yield Finding(comment.span, "the comment names no finding to suppress", help=_FORM)
        return
    wrong = [(code, span) for code, span in comment.codes if code not in LINTABLE]
    for code, span in wrong:
        yield _wrong(code, span)
    bad = {code for code, _ in wrong} | (set() if configuration.beside else {UNTESTED})
    # One in a file that others are merged with may be of use where that file is loaded by itself.
    own = comment.span.file == configuration.source.name
    idle = [code for code in known.unused(comment) if code not in bad] if own else []
    if idle:
        whole = len(idle) == len({code for code, _ in comment.codes})
        yield Finding(
            comment.span,
            f"there is no {listed(f'`{code}`' for code in idle)} to suppress here",
            label=f"is about line {comment.about}" if comment.alone else "",
            help="remove the comment" if whole else "remove it from the comment",
            fixes=(_removal(comment, configuration),) if whole else (),
        )
    elif not comment.reason and not wrong:
        yield Finding(
            comment.span,
            "the comment does not say why",
            help="write the reason after the bracket",
        )


def _wrong(code: str, span: Span) -> Finding:
    if _FIRM.fullmatch(code):
        return Finding(
            span,
            f"`{code}` cannot be suppressed",
            label="a finding of syntax, shape or names",
            help="repair what it reports",
        )
    return Finding(
        span, f"there is no finding `{printable(code)}`", help="name findings by their codes: `R404`"
    )


def _removal(comment: Suppression, configuration: Configuration) -> Fix:
    """Return the fix that takes a comment away, with its line where it stands alone."""
    line = comment.span.line
    lines = configuration.source_at(comment.span).lines
    if comment.alone and line < len(lines):
        place = Span(comment.span.file, line, 1, line + 1, 1)
    else:
        kept = len(lines[line - 1][: comment.span.column - 1].rstrip())
        place = Span(comment.span.file, line, kept + 1, line, len(lines[line - 1]) + 1)
    return Fix("remove the comment", (Edit(place, ""),))


CHECK = Check("R904", "unused-suppression", "warning", run)
