"""A benchmark as one mapping: what `router bench --format json` prints, and what `speeds:` in a file reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from router.core.form import FORMAT_VERSION
from router.core.usage import NOTHING

if TYPE_CHECKING:
    from decimal import Decimal

    from router.bench.figures import Benchmark, Measured, Run

DIGITS = 6


def as_mapping(found: Benchmark) -> dict[str, object]:
    """Return a benchmark as JSON has it: seconds, tokens, exact dollars as texts; null where nothing is known."""
    return {
        "format_version": FORMAT_VERSION,
        "began": datetime.fromtimestamp(found.began, UTC).isoformat(timespec="seconds"),
        "finished": found.finished,
        "repeat": found.repeat,
        "warm_up": found.warm_up,
        "prompts": list(found.prompts),
        "places": [_place(each) for each in found.measured],
        "unavailable": [
            {"model": each.model, "endpoint": each.endpoint, "why": each.unavailable}
            for each in found.unavailable
        ],
        "usd": exact(total_cost(found)),
    }


def total_cost(found: Benchmark) -> Decimal | None:
    """Return dollars of all calls, those of failed warm-ups too; None when a price is unknown."""
    total = NOTHING
    for each in (*found.measured, *found.unavailable):
        if each.cost is None:
            return None
        total += each.cost
    return total


def run_as_mapping(run: Run) -> dict[str, object]:
    """Return one call as a line of `--keep` has it: with its answer."""
    return {"model": run.model, "endpoint": run.endpoint, **_run(run), "text": run.text}


def _place(each: Measured) -> dict[str, object]:
    return {
        "model": each.model,
        "endpoint": each.endpoint,
        "kind": each.kind,
        "locality": each.locality,
        "id": each.id,
        "served": each.served,
        "tokens_per_second": _rounded(each.rate),
        "first_seconds": _rounded(each.first),
        "seconds": _rounded(each.seconds),
        "input_tokens": each.input_tokens,
        "output_tokens": each.output_tokens,
        "estimated": each.estimated,
        "answered": len(each.answered),
        "failed": len(each.failed),
        "usd": exact(each.cost),
        "runs": [_run(run) for run in each.runs],
    }


def _run(run: Run) -> dict[str, object]:
    return {
        "prompt": run.prompt,
        "run": run.number,
        "first_seconds": _rounded(run.first),
        "seconds": _rounded(run.seconds),
        "whole_seconds": _rounded(run.whole),
        "input_tokens": run.usage.input_tokens,
        "output_tokens": run.usage.output_tokens,
        "estimated": run.usage.estimated,
        "usd": exact(run.cost),
        "error": None if run.error is None else {"kind": run.kind, "message": run.error},
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def exact(amount: Decimal | None) -> str | None:
    """Return dollars to the last digit, or None."""
    return None if amount is None else f"{amount.normalize():f}"
