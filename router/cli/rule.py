"""`router rule CODE`: what a finding means and what to do about it."""

from __future__ import annotations

import click

from router.checks.reference import reference
from router.checks.registry import ALL
from router.cli.common import UNUSABLE, ended


@click.command(name="rule")
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Tell what a finding means: by its code (R201) or name (unknown-key); without one, list all."""
    if code is None:
        for check in ALL:
            click.echo(f"{check.code}  {check.severity:<8} {check.name}")
        return
    for check in ALL:
        if code.upper() == check.code or code.lower() == check.name:
            click.echo(reference(check), nl=False)
            return
    raise ended(f"there is no finding {code!r}; `router rule` lists all", UNUSABLE)
