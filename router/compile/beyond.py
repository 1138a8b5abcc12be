"""What holds for a call beyond its retries and its deadline, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.compile.housed import housed
from router.compile.options import file_params
from router.config.kinds import HTTP_KINDS, ONE_AT_A_TIME
from router.core.carrier import carrier
from router.core.certificate import ClientCertificate
from router.core.claude import usual_answer
from router.core.quirk import PLAIN, quirk_of
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from router.compile.program import Deployment, Model, Program, Route
    from router.core.processor import ProcessorUse
    from router.core.request import Endpoint

# Processors that cannot hand on what has come, and for which calls.
HELD = {"regex": "", "json_repair": " where JSON is asked for"}


def beyond(program: Program, route: Route, candidates: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """Yield what the file declares for these candidates, by its key: balance, hedge, breaker, quirks, limits, keys, calls at once, stream."""
    models = dict.fromkeys(each.model for each in candidates)
    for name in models:
        model = program.models[name]
        yield from _processing(model)
        if model.balance != "ordered" and len(model.deployments) > 1:
            places = ", ".join(each.endpoint.name for each in model.deployments)
            yield "balance", f"{name}: {model.balance} of {places}{_measured(program, model)}"
    endpoints = {each.endpoint.name: each.endpoint for each in candidates}
    yield from _of_program(program, route, len(endpoints))
    yield from _answers(program, route, candidates)
    for endpoint in endpoints.values():
        yield from _of_endpoint(endpoint)
    if program.residency is not None:
        yield from housed(program.residency, candidates)
    if program.log is not None:
        yield "log", program.log.in_words
    if route.buffered:
        again = ", begun again elsewhere when they break off" if route.restart else ""
        yield "stream", f"answers are handed out whole{again}"


def _measured(program: Program, model: Model) -> str:
    """Return what a benchmark measured of a model's places, as far as it did."""
    known = {
        each.endpoint.name: program.speeds.get((each.model, each.endpoint.name)) for each in model.deployments
    }
    shown = sorted((seconds, name) for name, seconds in known.items() if seconds is not None)
    if not shown:
        return ""
    return f"; it starts from {', '.join(f'{name} {show_duration(round(seconds, 6))}' for seconds, name in shown)}"


def _processing(model: Model) -> Iterator[tuple[str, str]]:
    """Yield what is done to a model's messages and answers."""
    for key, uses in (("before", model.before), ("after", model.after)):
        if uses:
            yield key, f"{model.name}: {', '.join(_shown(each) for each in uses)}"
    if model.truncate != "none":
        yield "truncate", f"{model.name}: the {model.truncate} turns go where its context window would not do"


def _shown(use: ProcessorUse) -> str:
    """Return a processor as it is told: with what it holds back."""
    return f"{use.name} (waits for the whole answer{HELD[use.name]})" if use.name in HELD else use.name


def _hedge(program: Program, route: Route) -> str:
    if route.urgency == "batch":
        return "never: its urgency is batch"
    policy = program.hedge
    assert policy is not None  # noqa: S101 - asked before
    return f"a second attempt at another endpoint after {show_duration(policy.after)}, for {policy.max:.0%} of calls"


def _answers(program: Program, route: Route, candidates: Sequence[Deployment]) -> Iterator[tuple[str, str]]:
    """Yield how long answers may be that must be told a length, where the file tells none."""
    for each in candidates:
        params = file_params(program.models[each.model], route, None)
        if each.endpoint.kind == "anthropic" and "max_tokens" not in params:
            most = usual_answer(each.id, params)
            yield (
                "answers",
                f"{each.model} at {each.endpoint.name}: at most {most:,} tokens, its API wants a number",
            )


def _quirks(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    written = endpoint.settings.get("quirks")
    row = quirk_of(str(written) if written else None, endpoint.url)
    if endpoint.kind == "openai" and row is not PLAIN:
        yield "quirks", f"{endpoint.name}: {row.name}" + ("" if written else ", by its address")


def _of_program(program: Program, route: Route, endpoints: int) -> Iterator[tuple[str, str]]:
    if program.hedge is not None and endpoints > 1:
        yield "hedge", _hedge(program, route)
    if program.breaker is None:
        yield "breaker", "off: no failure is remembered"


def _of_endpoint(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    yield from _quirks(endpoint)
    yield from _transport(endpoint)
    yield from _tls(endpoint)
    yield from _rates(endpoint)
    if endpoint.kind in ONE_AT_A_TIME and endpoint.concurrency > 1:
        yield "at once", f"{endpoint.name}: {endpoint.concurrency} calls; a model answers one at a time"


def _transport(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Yield which client carries the bytes, where the file says it or it is not the usual one."""
    if endpoint.kind not in HTTP_KINDS:
        return
    chosen = carrier(endpoint)
    if chosen.why:
        yield "transport", f"{endpoint.name}: {chosen.name}, for {chosen.why}"
    elif "transport" in endpoint.settings:
        yield "transport", f"{endpoint.name}: {chosen.name}"


def _tls(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Yield whom a connection trusts and what it shows, where the file says it."""
    ca, cert = endpoint.settings.get("ca"), endpoint.settings.get("cert")
    said = ["certificates are not checked"] if endpoint.settings.get("verify") is False else []
    if ca and not said:
        said.append(f"trusts {ca}")
    if isinstance(cert, ClientCertificate):
        said.append(f"shows {cert.file}")
    if said:
        yield "tls", f"{endpoint.name}: {', '.join(said)}"


def _rates(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    limits = endpoint.limits
    if limits is not None:
        named = (("requests", limits.requests_per_minute), ("tokens", limits.tokens_per_minute))
        shown = " and ".join(f"{most:,} {what}" for what, most in named if most is not None)
        yield "rates", f"{endpoint.name}: {shown} a minute"
    if len(endpoint.keys) > 1:
        yield "keys", f"{endpoint.name}: {len(endpoint.keys)}, rotated by kind of failure"
