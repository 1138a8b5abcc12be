"""Which deployments may serve a call: its invariants, what it needs of a model, and what may be contacted at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.dimension import holds
from router.core.errors import InvariantViolated, NoCandidate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.compile.program import Deployment, Program
    from router.core.dimension import Value


def assert_invariants(
    program: Program, candidates: tuple[Deployment, ...], found: Mapping[str, Value]
) -> None:
    """Hold every hop of a call against the file's invariants, before anything is sent.

    For rules they are proven when the file is compiled; a call that names its model is held to them here.

    Raises:
        InvariantViolated: One would be broken.
    """
    broken = broken_invariant(program, candidates, found)
    if broken is not None:
        raise InvariantViolated(broken[1])


def broken_invariant(
    program: Program, candidates: tuple[Deployment, ...], found: Mapping[str, Value]
) -> tuple[str, str] | None:
    """Return the name of the first invariant that a candidate would break, and how in words; None without any."""
    for invariant in program.invariants:
        if all(holds(accepted, found[name]) for name, accepted in invariant.accepted.items()):
            for candidate in candidates:
                broken = invariant.broken_by(candidate)
                if broken is not None:
                    return invariant.name, f"{candidate.name} would break `{invariant.name}`: {broken}"
    return None


def capable(candidates: tuple[Deployment, ...], needs: frozenset[str]) -> tuple[Deployment, ...]:
    """Return the candidates that can take what the call carries.

    Raises:
        NoCandidate: None of them can.
    """
    reasons = {each: lacking(each, needs) for each in candidates}
    able = tuple(each for each, reason in reasons.items() if reason is None)
    if not able:
        why = "; ".join(f"{each.name}: {reason}" for each, reason in reasons.items())
        raise NoCandidate(f"no candidate may serve this call ({why})")
    return able


def in_reach(program: Program, candidates: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Return the candidates whose endpoints may be contacted at all, perhaps none."""
    if program.offline is None or not program.offline.only:
        return candidates
    return tuple(each for each in candidates if program.barred(each.endpoint) is None)


def lacking(deployment: Deployment, needs: frozenset[str]) -> str | None:
    """Return why a deployment may not serve a call with these needs, or None when it may."""
    missing = sorted(deployment.lacks(needs))
    return f"its capabilities lack {', '.join(missing)}" if missing else None


def unfit(program: Program, deployment: Deployment, values: Mapping[str, Value]) -> str | None:
    """Return why a deployment of the offline ladder does not fit a call of these values, or None."""
    cut = program.models[deployment.model].truncate != "none"
    if not cut and deployment.context is not None and deployment.context < int(values["tokens"]):
        return f"its context window has {deployment.context} tokens"
    for invariant in program.invariants:
        if all(holds(accepted, values[name]) for name, accepted in invariant.accepted.items()):
            broken = invariant.broken_by(deployment)
            if broken is not None:
                return f"it would break `{invariant.name}`: {broken}"
    return None
