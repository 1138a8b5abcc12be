"""What holds for a call beyond its retries and its deadline, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.compile.program import Deployment, Program, Route
    from router.core.request import Endpoint


def beyond(program: Program, route: Route, candidates: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """Yield what the file declares for these candidates, by its key: balance, hedge, breaker, limits, keys, stream."""
    models = dict.fromkeys(each.model for each in candidates)
    for name in models:
        model = program.models[name]
        if model.balance != "ordered" and len(model.deployments) > 1:
            places = ", ".join(each.endpoint.name for each in model.deployments)
            yield "balance", f"{name}: {model.balance} of {places}"
    endpoints = {each.endpoint.name: each.endpoint for each in candidates}
    if program.hedge is not None and len(endpoints) > 1:
        yield "hedge", _hedge(program, route)
    if program.breaker is None:
        yield "breaker", "off: no failure is remembered"
    for endpoint in endpoints.values():
        yield from _rates(endpoint)
    if route.buffered:
        again = ", begun again elsewhere when they break off" if route.restart else ""
        yield "stream", f"answers are handed out whole{again}"


def _hedge(program: Program, route: Route) -> str:
    if route.urgency == "batch":
        return "never: its urgency is batch"
    policy = program.hedge
    assert policy is not None  # noqa: S101 - asked before
    return f"a second attempt at another endpoint after {show_duration(policy.after)}, for {policy.max:.0%} of calls"


def _rates(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    limits = endpoint.limits
    if limits is not None:
        named = (("requests", limits.requests_per_minute), ("tokens", limits.tokens_per_minute))
        shown = " and ".join(f"{most:,} {what}" for what, most in named if most is not None)
        yield "rates", f"{endpoint.name}: {shown} a minute"
    if len(endpoint.keys) > 1:
        yield "keys", f"{endpoint.name}: {len(endpoint.keys)}, rotated by kind of failure"
