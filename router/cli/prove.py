"""`router prove`: the invariants of a file, held against every hop of every call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from router.checks.proofs import proofs
from router.checks.table_facts import in_words
from router.cli.common import FAILED, configuration, ended, ended_by_findings, format_option, print_json
from router.compile.compiler import compile_configuration
from router.config.load import load_file
from router.core.errors import ConfigError
from router.core.form import FORMAT_VERSION

if TYPE_CHECKING:
    from router.checks.proofs import Proof


@click.command(name="prove")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@format_option
def command(file: Path | None, form: str) -> None:
    """Prove the invariants of FILE over its whole table, or show a call that breaks one and the hop that does."""
    path = configuration(file)
    loaded = load_file(path)
    try:
        compile_configuration(loaded)
    except ConfigError as error:
        raise ended_by_findings(error, form) from error
    found = proofs(loaded)
    if form == "json":
        print_json({"format_version": FORMAT_VERSION, "invariants": [_as_json(each) for each in found]})
    elif not found:
        raise ended(f"{path} has no `invariants`", FAILED)
    else:
        for each in found:
            click.echo("\n".join(_lines(each)))
    if not all(each.holds for each in found):
        raise SystemExit(FAILED)


def _as_json(proof: Proof) -> dict[str, object]:
    return {
        "name": proof.invariant.name,
        "holds": bool(proof.holds),
        "counterexample": dict(proof.counterexample) if proof.counterexample is not None else None,
        "hop": proof.hop.as_json() if proof.hop is not None else None,
    }


def _lines(proof: Proof) -> list[str]:
    if proof.holds:
        return [f"holds    {proof.invariant.name}"]
    if proof.hop is None or proof.counterexample is None:
        return [f"unknown  {proof.invariant.name}: the rules are too complex to tell"]
    via = f" (by {proof.hop.via})" if proof.hop.via else ""
    return [
        f"BROKEN   {proof.invariant.name}",
        f"  when   {in_words(proof.counterexample)}",
        f"  rule   {proof.hop.rule.name}",
        f"  hop    {proof.hop.model} at {proof.hop.endpoint}: {proof.hop.broken}{via}",
    ]
