"""`router explain`: where a call would go, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from router.cli.common import (
    FAILED,
    config_option,
    configuration,
    ended_by_call,
    ended_by_findings,
    format_option,
    offline_option,
    print_json,
    show_findings,
)
from router.cli.values import pairs
from router.compile.compiler import compile_file, told_offline
from router.compile.program import without_network
from router.core.errors import ConfigError, InvalidCall
from router.core.units import show_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router.compile.explain import ExplainedCandidate, ExplainedLadder, Explanation


@click.command(name="explain")
@click.argument("call", nargs=-1, metavar="[NAME=VALUE]...")
@config_option
@offline_option
@format_option
def command(call: tuple[str, ...], config: Path | None, offline: bool, form: str) -> None:
    """Tell where a call would go, and why. Nothing is sent.

    NAME is a dimension (task, priority, complexity, your own, or measured: tokens, tools, images, json, stream),
    a sampling option, `model` or `user`: router explain task=code tokens=9000
    """
    from router.runtime.engine import Engine  # noqa: PLC0415 - help stays fast
    from router.runtime.router import Router  # noqa: PLC0415

    given = pairs(call)
    try:
        program, findings = compile_file(configuration(config))
        if offline or told_offline(os.environ):
            program = without_network(program)
        explanation = Router(Engine(program, {}), findings).explain(**given)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except InvalidCall as error:
        raise ended_by_call(error, form) from error
    show_findings([each for each in findings if each.severity != "info"])
    if form == "json":
        print_json(explanation.as_json())
    else:
        click.echo("\n".join(lines(explanation)))
    if explanation.model is None:
        raise SystemExit(FAILED)


def lines(explanation: Explanation) -> Iterator[str]:
    """Yield an explanation as a person reads it."""
    shown = (f"{name}={str(value).lower()}" for name, value in explanation.call.items() if value is not False)
    yield f"call      {' '.join(shown)}"
    if explanation.rule is not None:
        yield f"rule      {explanation.rule}  ({explanation.rule_at})"
    elif explanation.model is None:
        yield "rule      none matches; the call would fail with no_candidate"
    if explanation.split:
        total = sum(explanation.split.values())
        shares = ", ".join(f"{model} {weight / total:.0%}" for model, weight in explanation.split.items())
        yield f"split     {shares}"
    yield from _hops(explanation)
    for number, (name, option) in enumerate(explanation.options.items()):
        word = "" if number else "options"
        yield f"{word:<10}{name} {option.value}  from {option.origin}"
    if explanation.model is not None:
        yield f"limits    {show_duration(explanation.deadline)} in all, at most {explanation.attempts} attempts"
    if explanation.cache is not None:
        yield f"cache     {explanation.cache}"
    for number, rule in enumerate(explanation.rules):
        word = "" if number else "rules"
        sign = "=>" if rule.name == explanation.rule else "+ " if rule.matched else "- "
        yield f"{word:<10}{sign} {rule.name}: {rule.because}"


def _hops(explanation: Explanation) -> Iterator[str]:
    for number, candidate in enumerate(explanation.candidates):
        yield f"{'then' if number else 'model':<10}{_hop(candidate)}"
    if explanation.offline is not None:
        yield from _ladder(explanation.offline)


def _hop(candidate: ExplainedCandidate) -> str:
    skipped = f"  skipped: {candidate.skipped}" if candidate.skipped else ""
    return f"{candidate.model} at {candidate.endpoint}{skipped}"


def _ladder(ladder: ExplainedLadder) -> Iterator[str]:
    steps = [_hop(each) for each in ladder.candidates]
    if ladder.stale is not None:
        steps.append(f"a kept answer, at most {show_duration(ladder.stale)} old")
    if ladder.replies:
        steps.append("a canned reply")
    if ladder.refused:
        steps = ["nothing: the rule says `no_degrade`"]
    elif not steps:
        steps = ["nothing: the call fails"]
    for number, step in enumerate(steps):
        yield f"{'' if number else 'offline':<10}{step}"
