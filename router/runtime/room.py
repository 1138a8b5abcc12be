"""Whether each model of a file can ever be in the memory that is declared for it: asked of those who can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed
from router.core.port import Measured
from router.core.units import show_size
from router.providers.registry import create
from router.runtime.symptoms import Symptom

if TYPE_CHECKING:
    from router.compile.program import Deployment, Program
    from router.runtime.inspection import Seen

GIB, MIB = 2**30, 2**20
# A shorter window is proposed where at least so many tokens would fit, in steps of this many.
LEAST, STEP = 512, 256


async def room_of(program: Program, seen: Seen) -> list[Symptom]:
    """Return for each model at an endpoint whether it fits there, where its size can be worked out.

    What the file writes of a model's size it is compared with by `router check`. Others are worked out from their
    files, by providers that can; of an endpoint that was not asked, or has no limit, nothing is told.
    """
    endpoint = seen.endpoint
    limit = _limit(program, endpoint.name)
    if limit is None or seen.models is None:
        return []
    provider = create(endpoint)  # it has listed its models, and so it can be made
    try:
        if not isinstance(provider, Measured):
            return []
        here = (each for model in program.models.values() for each in model.deployments)
        found = [
            await _fits(each, provider, seen, *limit)
            for each in here
            if each.endpoint is endpoint and each.memory is None
        ]
    finally:
        await provider.close()
    return [each for each in found if each is not None]


def _limit(program: Program, endpoint: str) -> tuple[int, str] | None:
    """Return the least memory that is declared for an endpoint's models, and whose it is."""
    residency = program.residency
    home = residency.homes.get(endpoint) if residency is not None else None
    if residency is None or home is None:
        return None
    limits = [(home.memory, f"`{endpoint}` has {{}} for all its models")]
    if home.local:
        limits.append((residency.machine, "this machine has {} for all local models"))
    found = [(size, words.format(show_size(size))) for size, words in limits if size is not None]
    return min(found, default=None)


async def _fits(
    deployment: Deployment, provider: Measured, seen: Seen, limit: int, whose: str
) -> Symptom | None:
    """Return whether a model fits under a limit, or None where nobody can tell."""
    subject = f"{deployment.model} at {deployment.endpoint.name}"
    try:
        needs = await provider.needs(deployment.id, deployment.context)
        bare = await provider.needs(deployment.id, 1)
    except CallFailed:
        return None
    if needs is None or bare is None:
        return None
    listed = seen.listed(deployment.id)
    size = listed.size if listed is not None else None
    window = (
        "its usual window" if deployment.context is None else f"a window of {deployment.context:,} tokens"
    )
    files = f": {_shown(size)} of files, {_shown(needs - size)} beside them" if size is not None else ""
    what = f"needs {_shown(needs)} with {window}{files}; {whose}"
    if needs <= limit:
        return Symptom("memory", subject, "ok", what)
    advice = "raise `memory`, or take a smaller model or a smaller quantization of it"
    if deployment.context is not None:
        tokens = int((limit - bare) * (deployment.context - 1) / max(1, needs - bare)) // STEP * STEP
        if tokens >= LEAST:
            advice = f"write `context: {tokens}` or less, or raise `memory`"
    return Symptom("memory", subject, "fail", f"is never loaded: it {what}", advice)


def _shown(size: int) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB else f"{size / MIB:.1f} MiB"
