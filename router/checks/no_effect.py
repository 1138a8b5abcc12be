"""A part of the file that can never act.

## Why is this bad?
What is written has an effect, or is refused: whoever reads this part believes that it protects a call, and no call ever comes to it.

## Example
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{use: [small, large]}]
failover: {also_on: [content_filtered], never_on: [content_filtered]}
```

## Use instead
```yaml
models: {small: {at: here}, large: {at: here}}
rules: [{use: [small, large]}]
failover: {also_on: [content_filtered]}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.checks.base import Check, Finding, blurred
from router.config.deployments import deployments
from router.config.known import is_known, is_written, known_locality
from router.config.node import Sequence
from router.config.reach import any_call_has_two
from router.config.settings import BreakerSettings
from router.config.speeds import asks_for_speed, speeds_of, useful_speeds
from router.core.quirk import quirk_of
from router.core.units import show_duration
from router.diagnostics.diagnostic import Related
from router.diagnostics.source import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.config.deployments import DeploymentSettings
    from router.config.language import Document
    from router.config.load import Configuration
    from router.config.record import Record
    from router.config.settings import RetrySettings


def run(configuration: Configuration) -> Iterator[Finding]:
    """Report each such part: failover, hedge, budgets, replies, streams, and limits that others undercut."""
    document = configuration.document
    if document is None:
        return
    for keys, part in _PARTS:
        if any(document.has(key) for key in keys) and not blurred(configuration, *keys, *_CALLS):
            yield from part(configuration, document)


def _failover(configuration: Configuration, document: Document) -> Iterator[Finding]:
    failover = document.failover
    ladder = document.offline is not None and document.offline.use
    alone = not ladder and not any_call_has_two(configuration.linked, lambda each: each)
    if document.has("failover") and alone:
        yield Finding(
            document.key_span("failover"),
            "`failover` never acts: no call has a second candidate",
            label="nothing to move on to",
            help="name further models in `use` or further endpoints in `at`, or remove it",
        )
        return
    both = [kind for kind in failover.also_on if kind in failover.never_on]
    also, never = (failover.node.entries.get(key) for key in ("also_on", "never_on"))
    known = is_known(configuration, failover, "also_on", "never_on")
    if both and known and isinstance(also, Sequence) and isinstance(never, Sequence):
        kind = both[0]
        place = also.items[failover.also_on.index(kind)].span
        other = never.items[failover.never_on.index(kind)].span
        yield Finding(
            place,
            f"`{kind}` is to move on and not to move on",
            label="`never_on` has the last word",
            related=(Related(other, "and here"),),
            help="remove it from one of the two",
        )


def _hedge(configuration: Configuration, document: Document) -> Iterator[Finding]:
    hedge = document.hedge
    if hedge is None:
        return
    longest = _longest(configuration, document)
    if not any_call_has_two(configuration.linked, lambda each: each[1]):
        yield Finding(
            document.key_span("hedge"),
            "`hedge` never acts: no call has candidates at two endpoints",
            label="nowhere to send the second attempt",
            help="add a model at another endpoint to a rule, or remove it",
        )
    elif longest is not None and hedge.after >= longest and is_written(configuration, hedge, "after"):
        yield Finding(
            hedge.span("after"),
            "`hedge` never acts: every call is over before it",
            label=f"{show_duration(hedge.after)}, and no call has more than {show_duration(longest)}",
            help="write a shorter `after`",
        )


def _budgets(configuration: Configuration, document: Document) -> Iterator[Finding]:
    costs = document.costs
    # A list of prices may hold some for local models too.
    if costs is None or not costs.budgets or costs.prices is not None or not document.models:
        return
    places = configuration.linked.places
    if all(
        _is_free(configuration, each)
        for name in document.models
        for each in deployments(document, places, name)
    ):
        yield Finding(
            costs.key_span("budgets"),
            "the budgets are never spent: every model is free",
            label="nothing counts against them",
            help="write what the models cost as their `price`, or remove the budgets",
        )


def _is_free(configuration: Configuration, each: DeploymentSettings) -> bool:
    """Return whether a deployment surely costs nothing: by its own price, its model's, or because it is local."""
    if not each.priced:
        return known_locality(configuration, each.at) == "local"
    price = each.price
    known = all(is_known(configuration, record, "price") for record in (each.place, each.settings))
    return known and price is not None and price.free


def _replies(_: Configuration, document: Document) -> Iterator[Finding]:
    replies = document.offline.replies if document.offline is not None else ()
    for number, reply in enumerate(replies[:-1]):
        if not reply.has("contains"):
            after = replies[number + 1 :]
            yield Finding(
                after[0].node.span,
                "this reply is never given: the one before it has no `contains`",
                label="no message gets here" + (f", nor to the {len(after) - 1} after it" * (len(after) > 1)),
                related=(Related(reply.node.span, "answers everything"),),
                help="move the reply without `contains` to the end",
            )
            return


def _stream(configuration: Configuration, document: Document) -> Iterator[Finding]:
    stream = document.stream
    if stream.on_interrupt != "restart" or stream.delivery != "live":
        return
    if is_known(configuration, stream, "delivery", "on_interrupt"):
        yield Finding(
            stream.span("on_interrupt"),
            "a live stream cannot be begun again",
            label="the caller has its first half already",
            help="write `delivery: buffered` beside it, or `on_interrupt: error`",
        )


def _speeds(configuration: Configuration, document: Document) -> Iterator[Finding]:
    models = document.models.values()
    if document.speeds is None or not all(is_known(configuration, each, "balance") for each in models):
        return
    if not any(each.balance == "fastest" for each in models):
        yield Finding(
            document.key_span("speeds"),
            "`speeds` is never read: no model asks for the fastest place",
            label="nothing starts from it",
            help="write `balance: fastest` at a model with several endpoints, or remove it",
        )
        return
    known = speeds_of(document, configuration.folder) if is_known(configuration, document, "speeds") else None
    chosen = any(map(asks_for_speed, models))
    if known is not None and chosen and not useful_speeds(document, configuration.folder):
        yield Finding(
            document.span("speeds"),
            "`speeds` says nothing of the places that `fastest` chooses among",
            label=f"{len(known)} other places" if known else "no place in it ever answered",
            help=f"measure them: `router bench --save {printable(document.speeds)}`",
        )


def _waits(configuration: Configuration, document: Document) -> Iterator[Finding]:
    longest = _longest(configuration, document)
    if longest is None:
        return
    own = [(rule.retry, rule.deadline or document.deadline) for rule in document.rules if rule.retry]
    for retry, deadline in ((document.retry, longest), *own):
        # Without a retry nothing is waited for, which is R507.
        if is_known(configuration, retry, "attempts", "same") and retry.attempts > 1 and retry.same > 0:
            yield from _long_wait(configuration, retry, deadline)


def _long_wait(configuration: Configuration, retry: RetrySettings, deadline: float) -> Iterator[Finding]:
    for key in ("wait", "wait_alone"):
        wait = getattr(retry, key)
        if is_written(configuration, retry, key) and wait > deadline:
            yield Finding(
                retry.span(key),
                f"`{key}` limits nothing: no call lasts that long",
                label=f"{show_duration(wait)} within {show_duration(deadline)}",
                help="shorten it, or lengthen the deadline",
                severity="warning",
            )


def _caps(configuration: Configuration, document: Document) -> Iterator[Finding]:
    pairs: list[tuple[Record, str, str]] = [
        (retry.backoff, "first", "max")
        for retry in (document.retry, *(rule.retry for rule in document.rules))
        if retry
    ]
    if isinstance(document.breaker, BreakerSettings):
        pairs.append((document.breaker, "open", "max_open"))
    for record, inner, outer in pairs:
        if is_written(configuration, record, inner) and is_known(configuration, record, outer):
            value, cap = getattr(record, inner), getattr(record, outer)
            if value > cap:
                yield Finding(
                    record.span(inner),
                    f"`{inner}` never holds: `{outer}` is shorter",
                    label=f"{show_duration(value)}, and {show_duration(cap)} at most"
                    + ("" if record.has(outer) else ", which is the default"),
                    related=(Related(record.span(outer), "the most"),) if record.has(outer) else (),
                    help=f"write a `{outer}` at least as long as `{inner}`",
                )


def _versions(configuration: Configuration, document: Document) -> Iterator[Finding]:
    for endpoint in document.endpoints.values():
        if endpoint.kind != "openai" or not is_written(configuration, endpoint, "api_version"):
            continue
        known = is_known(configuration, endpoint, "url", "quirks")
        if known and not quirk_of(endpoint.quirks, endpoint.url).deployments:
            yield Finding(
                endpoint.key_span("api_version"),
                "`api_version` is never sent: only Azure asks for one",
                label="this endpoint is not Azure, as far as its address tells",
                help="write `quirks: azure`, or remove it",
            )


def _truncation(configuration: Configuration, document: Document) -> Iterator[Finding]:
    for name, model in document.models.items():
        places = list(deployments(document, configuration.linked.places, name))
        unbounded = bool(places) and all(each.context is None for each in places)
        written = model.has("truncate") and is_known(configuration, model, "truncate")
        if unbounded and written and model.truncate != "none":
            yield Finding(
                model.key_span("truncate"),
                f"`truncate` of model `{printable(name)}` never acts: its context window is not known",
                label="nothing is too long",
                help="write its `context`, or remove it",
            )


def _longest(configuration: Configuration, document: Document) -> float | None:
    """Return the longest deadline of any call, or None while it is unknown."""
    if not all(is_known(configuration, each, "deadline") for each in (document, *document.rules)):
        return None
    return max([document.deadline, *(rule.deadline or 0.0 for rule in document.rules)])


# What decides which calls there are; a mistake in it may hide one.
_CALLS = ("endpoints", "models", "rules", "deadline")
_PARTS = (
    (("failover",), _failover),
    (("hedge",), _hedge),
    (("costs",), _budgets),
    (("offline",), _replies),
    (("stream",), _stream),
    (("speeds",), _speeds),
    (("endpoints",), _versions),
    (("models",), _truncation),
    (("retry", "rules"), _waits),
    (("retry", "rules", "breaker"), _caps),
)

CHECK = Check("R514", "no-effect", "error", run)
