"""`router explain`: where a call would go, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

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
    show_findings,
)
from router.cli.explain_text import lines
from router.cli.values import pairs
from router.compile.compiler import OFFLINE, compile_file, program_under
from router.core.errors import ConfigError, InvalidCall
from router.core.options import PARAMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.compile.explain import Explanation
    from router.compile.program import Program

EXPECT = "--expect"
PLACES = ("model", "rule", "endpoint", "locality")
NONE = "none"


class _Explain(click.Command):
    """Lets one `--expect` stand before several words: `--expect model=a rule=b`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found: list[str] = []
        expecting = False
        for word in args:
            value = bool(found) and found[-1] == EXPECT
            again = expecting and "=" in word and word.partition("=")[0] in PLACES
            found += [EXPECT, word] if again and not value else [word]
            expecting = value or again or word == EXPECT or word.startswith(f"{EXPECT}=")
        return super().parse_args(ctx, found)


@click.command(name="explain", cls=_Explain)
@click.argument("call", nargs=-1, metavar="[NAME=VALUE]...")
@config_option
@offline_option
@click.option(
    EXPECT,
    "expected",
    multiple=True,
    metavar="NAME=VALUE...",
    help="End with 1 unless model, rule, endpoint, locality or a sampling option is this.",
)
@format_option
def command(
    call: tuple[str, ...], config: Path | None, offline: bool, expected: tuple[str, ...], form: str
) -> None:
    """Tell where a call would go, and why: what it may cost, how long it may take, and what would send it elsewhere.

    NAME is a dimension (task, priority, complexity, your own, or measured: tokens, tools, images, json, stream),
    a sampling option, `model` or `user`: router explain task=code tokens=9000. Nothing is sent.
    """
    from router.runtime.said import explained  # noqa: PLC0415 - help stays fast

    given, wanted = pairs(call), _wanted(expected)
    try:
        program, findings = compile_file(configuration(config))
        program = program_under(program, {OFFLINE: "1"} if offline else os.environ)
        explanation = explained(program, given)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    except InvalidCall as error:
        raise ended_by_call(error, form) from error
    show_findings([each for each in findings if each.severity != "info"])
    unmet = _unmet(program, explanation, wanted)
    if form == "json":
        print_json({**explanation.as_json(), **({"unmet": unmet} if wanted else {})})
    else:
        click.echo("\n".join(lines(explanation)))
    if unmet:
        raise ended(f"expected {'; '.join(_told(name, each) for name, each in unmet.items())}", FAILED)
    if explanation.model is None and NONE not in wanted.values():
        raise SystemExit(FAILED)


def _wanted(words: tuple[str, ...]) -> dict[str, object]:
    wanted = pairs(words)
    for name in wanted:
        if name not in PLACES and name not in PARAMS:
            legal = ", ".join((*PLACES, *PARAMS))
            raise ended(f"nothing can be expected of `{name}`; what can: {legal}", UNUSABLE)
    return wanted


def _unmet(
    program: Program, explanation: Explanation, wanted: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the expectations that do not hold, with what is wanted and what is found."""
    endpoint = program.endpoints.get(explanation.endpoint or "")
    found: dict[str, object] = {
        "model": explanation.model,
        "rule": explanation.rule,
        "endpoint": explanation.endpoint,
        "locality": endpoint.locality if endpoint else None,
        **{name: option.value for name, option in explanation.options.items()},
    }
    return {
        name: {"wanted": value, "found": found.get(name)}
        for name, value in wanted.items()
        if not _meets(name, value, found.get(name))
    }


def _meets(name: str, wanted: object, found: object) -> bool:
    if found is None:
        return wanted in (None, NONE)
    return str(wanted) == str(found) if name in PLACES else wanted == found


def _told(name: str, each: Mapping[str, object]) -> str:
    found = NONE if each["found"] is None else each["found"]
    return f"{name} {each['wanted']}, but it is {found}"
