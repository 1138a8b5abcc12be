"""A retry that is never made.

## Why is this bad?
Its author believes that a failed attempt is made again. But a single attempt is allowed, or none of the retries may go to the same
deployment, or even the shortest wait before the second try is longer than the call may take.

## Example
```yaml
retry: {attempts: 1, same: 2}
```

## Use instead
```yaml
retry: {attempts: 3, same: 2}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.known import is_known
from router.config.reach import written_rules
from router.core.units import show_duration
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.language import Document, RuleSettings
    from router.config.load import Configuration
    from router.config.settings import RetrySettings
    from router.diagnostics.source import Span

Rules = list[tuple[str, "RuleSettings"]]
# What only a further try at the same deployment makes use of.
OF_A_RETRY = ("backoff", "wait", "wait_alone")


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each `retry` that is void by itself, and each backoff that does not fit into its calls."""
    document = configuration.document
    if document is None or blurred(configuration, "rules", "retry", "deadline", "min_left"):
        return
    rules = [(name, settings) for name, settings, _ in written_rules(configuration.linked)]
    blocks: list[tuple[Rules, RetrySettings]] = [
        ([each for each in rules if not each[1].retry], document.retry)
    ]
    blocks += [([each], each[1].retry) for each in rules if each[1].retry]
    for users, retry in blocks:
        if not is_known(configuration, retry, *retry.node.entries):
            continue
        void = _void(retry)
        if void is not None:
            yield void
        elif retry.backoff.has("first") and retry.backoff.first <= retry.backoff.max:  # else R514
            yield from _too_long(configuration, document, users, retry)


def _void(retry: RetrySettings) -> Finding | None:
    """Return what is wrong with a retry that forbids what it sets."""
    written = [name for name in OF_A_RETRY if retry.has(name)]
    if retry.has("attempts") and retry.attempts == 1:
        single, why = "attempts", "a call has one attempt, so nothing is tried again"
        written = ["same"] * (retry.has("same") and retry.same > 0) + written
    elif retry.has("same") and retry.same == 0:
        single, why = "same", "no deployment is tried a second time"
    else:
        return None
    if not written:
        return None
    return Finding(
        retry.key_span(written[0]),
        f"`{written[0]}` of this `retry` has no effect",
        label="never used",
        related=(Related(retry.span(single), why),),
        help=f"remove it, or raise `{single}`",
    )


def _too_long(
    configuration: Configuration, document: Document, users: Rules, retry: RetrySettings
) -> Iterator[Finding]:
    """Yield where no retry fits: at the backoff if it fits into no call, else at each rule that it is too long for."""
    general = retry is document.retry
    settings = [document, *(each for _, each in users)]
    if not is_known(configuration, document, "min_left") or not all(
        is_known(configuration, each, "deadline") for each in settings
    ):
        return
    wait = retry.backoff.first / 2
    short = [(name, each) for name, each in users if not _fits(document, each.deadline, wait)]
    if len(short) == len(users) and not (general and _fits(document, None, wait)):
        longest = max(
            [document.deadline] * general + [each.deadline or document.deadline for _, each in users]
        )
        yield _finding(retry.backoff.span("first"), "no call is ever tried again", document, wait, longest)
        return
    for name, each in short:
        if each.deadline is not None:
            what = f"no call of rule `{printable(name)}` is ever tried again"
            yield _finding(each.span("deadline"), what, document, wait, each.deadline, name)


def _fits(document: Document, deadline: float | None, wait: float) -> bool:
    return wait + document.min_left <= (deadline or document.deadline)


def _finding(span: Span, what: str, document: Document, wait: float, deadline: float, *rules: str) -> Finding:
    left = show_duration(document.min_left)
    return Finding(
        span,
        f"{what}: the backoff does not fit into its deadline",
        label="there is no time to wait",
        notes=(
            f"the shortest wait is {show_duration(wait)}, half of `first`; {left} must be left after it, by `min_left`",
            f"the call has {show_duration(deadline)}",
        ),
        help="shorten the backoff, or lengthen the deadline",
        rules=rules,
    )


CHECK = Check("R507", "retry-cannot-help", "warning", run)
