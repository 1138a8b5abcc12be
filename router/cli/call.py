"""`router call`: ask a model through the configuration."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from router.cli.common import (
    FAILED,
    UNUSABLE,
    config_option,
    configuration,
    ended,
    ended_by_call,
    ended_by_findings,
    format_option,
    offline_option,
    print_json,
)
from router.cli.values import pairs
from router.compile.compiler import OFFLINE
from router.core.errors import CallFailed, ConfigError, InvalidCall
from router.core.events import ReasoningDelta, TextDelta
from router.core.form import FORMAT_VERSION, json_text, tame
from router.core.messages import Message
from router.core.tokens import estimate
from router.runtime.load import load_router

if TYPE_CHECKING:
    from pathlib import Path

    from router.core.events import Delta
    from router.core.messages import Completion
    from router.runtime.router import Router


@click.command(name="call")
@click.argument("prompt")
@config_option
@click.option("--task", help="The call's task.")
@click.option("--priority", help="The call's priority.")
@click.option("--complexity", help="The call's complexity.")
@click.option(
    "--set", "more", multiple=True, metavar="NAME=VALUE", help="Any dimension or option of the call."
)
@click.option("--model", help="Name the model instead of asking the rules.")
@click.option("--system", help="A system message before the prompt.")
@click.option("--temperature", type=float, help="0 to 2.")
@click.option("--max-tokens", type=int, help="Tokens of the answer, at most.")
@click.option("--deadline", type=float, help="Seconds of the whole call.")
@offline_option
@click.option("--stream", is_flag=True, help="Print the answer as it comes.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out the line about how the answer came about.")
@format_option
def command(
    prompt: str, config: Path | None, offline: bool, stream: bool, quiet: bool, form: str, **options: Any
) -> None:
    """Send PROMPT (`-` reads it from standard input) where the rules say, and print the answer.

    Under it, on standard error, one line: rule, model, endpoint, temperature and where it comes from, tokens, cost,
    milliseconds.
    """
    system = options.pop("system")
    more = pairs(options.pop("more"))
    named = {name: each for name, each in options.items() if each is not None}
    twice = sorted(more.keys() & named.keys())
    if twice:
        raise click.BadParameter(f"{twice[0]!r} is given twice")
    asked = {**more, **named}
    text = sys.stdin.read() if prompt == "-" else prompt
    if not text:
        raise ended("the prompt is empty", UNUSABLE)
    messages = [*([Message.system(system)] if system else []), Message.user(text)]
    try:
        env = {**os.environ, OFFLINE: "1"} if offline else None
        router = load_router(configuration(config), env=env)
        answer = asyncio.run(_ask(router, messages, asked, stream=stream, form=form))
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except InvalidCall as error:
        raise ended_by_call(error, form) from error
    except CallFailed as error:
        if form == "json":
            click.echo(json_text(_failure(error), None if stream else 2))
        raise ended(_told(error), FAILED) from error
    if form == "human" and not quiet:
        measured = {"tokens": estimate(messages), "stream": stream}
        click.echo(summary(router, answer, {**asked, **measured}), err=True)


async def _ask(
    router: Router, messages: list[Message], options: dict[str, Any], *, stream: bool, form: str
) -> Completion:
    """Print the answer, piece by piece or whole, and return it."""
    async with router:
        if not stream:
            answer = await router.complete(messages, **options)
            if form == "json":
                print_json(as_json(answer))
            else:
                click.echo(_fit(_shown(answer)))
            return answer
        async with router.stream(messages, **options) as reply:
            async for delta in reply:
                _print_delta(delta, form)
        if form == "json":
            click.echo(json_text(as_json(reply.completion)))
        else:
            click.echo()
        return reply.completion


def _fit(text: str) -> str:
    """Return an answer as it is given out: to a terminal nothing that it would obey, elsewhere as it is."""
    return tame(text) if sys.stdout.isatty() else text.encode("utf-8", "replace").decode()


def _shown(answer: Completion) -> str:
    calls = [f"{call.name}({call.arguments})" for call in answer.tool_calls]
    return "\n".join(part for part in (answer.text, *calls) if part)


def _print_delta(delta: Delta, form: str) -> None:
    if form == "json":
        kind = type(delta).__name__
        fields = {name: getattr(delta, name) for name in delta.__slots__}
        click.echo(json_text({"event": kind, **fields}))
    elif isinstance(delta, TextDelta):
        click.echo(_fit(delta.text), nl=False)
    elif not isinstance(delta, ReasoningDelta):
        click.echo(_fit(delta.name or delta.arguments), nl=False)
    sys.stdout.flush()


def summary(router: Router, answer: Completion, asked: dict[str, Any]) -> str:
    """Return the line about how an answer came about."""
    known = {*router.dimensions, "model", "user", "temperature"}
    explanation = router.explain(**{name: value for name, value in asked.items() if name in known})
    further = explanation.offline.candidates if explanation.offline is not None else ()
    answered = [each for each in (*explanation.candidates, *further) if each.model == answer.model]
    temperature = answered[0].options.get("temperature") if answered else None
    heat = (
        f"temperature {temperature.value} ({temperature.origin})" if temperature else "temperature left to it"
    )
    usage = answer.usage
    estimated = " estimated" if usage.estimated else ""
    cost = "cost unknown" if answer.cost is None else f"${answer.cost.normalize():f}"
    rule = f"rule {answer.rule}" if answer.rule else "named by the call"
    tries = ", a kept answer" if answer.cached else ""
    tries += f", {len(answer.attempts)} attempts" if len(answer.attempts) > 1 else ""
    tries += "".join(f", {each}" for each in answer.notes)
    if not answer.model:
        return f"-- {rule} -> {answer.degraded} · {cost} · {answer.ms:.0f} ms{tries}"
    degraded = f" · {answer.degraded}" if answer.degraded else ""
    return (
        f"-- {rule} -> {answer.model} at {answer.endpoint}{degraded} · {heat} · "
        f"{usage.input_tokens}+{usage.output_tokens} tokens{estimated} · {cost} · {answer.ms:.0f} ms{tries}"
    )


def as_json(answer: Completion) -> dict[str, object]:
    """Return the object that `--format json` prints."""
    message: dict[str, object] = {"role": answer.role, "content": answer.text}
    if answer.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ]
    return {
        "format_version": FORMAT_VERSION,
        "message": message,
        "model": answer.model,
        "endpoint": answer.endpoint,
        "rule": answer.rule,
        "finish_reason": answer.finish_reason,
        "usage": {
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "estimated": answer.usage.estimated,
        },
        "cost": {"usd": None if answer.cost is None else f"{answer.cost.normalize():f}"},
        "attempts": _attempts(answer.attempts),
        "cached": answer.cached,
        "degraded": answer.degraded,
        **({"notes": list(answer.notes)} if answer.notes else {}),
        "request_id": answer.request_id,
        "ms": round(answer.ms, 3),
    }


def _attempts(attempts: tuple[Any, ...]) -> list[dict[str, object]]:
    return [
        {"model": each.model, "endpoint": each.endpoint, "outcome": each.outcome, "ms": round(each.ms, 3)}
        for each in attempts
    ]


def _failure(error: CallFailed) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "error": {
            "kind": error.kind,
            "message": str(error),
            "retryable": error.retryable,
            "retry_after": error.retry_after,
            "partial_text": error.partial_text,
        },
        "attempts": _attempts(error.attempts),
        "request_id": error.request_id,
    }


def _told(error: CallFailed) -> str:
    tried = "".join(
        f"\n  {number}. {each.model} at {each.endpoint}: {each.outcome} after {each.ms:.0f} ms"
        for number, each in enumerate(error.attempts, start=1)
    )
    return f"{error.kind}: {error}{tried}"
