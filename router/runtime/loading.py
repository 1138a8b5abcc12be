"""Loads and unloads the models of a file where their endpoints do so when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.core.errors import CallFailed, ConfigError
from router.core.frozen import dataclass
from router.core.port import Resident
from router.providers.registry import create
from router.runtime.inspection import CLOCK

if TYPE_CHECKING:
    from router.compile.program import Deployment
    from router.core.clock import Clock
    from router.runtime.inspection import Prepared

USUALLY = 300.0


@dataclass(frozen=True, slots=True)
class Moved:
    """How it went at one place.

    Attributes:
        deployment: The model there.
        done: Whether it is loaded, or unloaded, now.
        why: Why not.
        seconds: How long it took.
    """

    deployment: Deployment
    done: bool
    why: str = ""
    seconds: float = 0.0


def places(prepared: Prepared, model: str, endpoint: str | None) -> tuple[Deployment, ...]:
    """Return where a model may be loaded: at the endpoint named, else at all of its own that are servers.

    Raises:
        ConfigError: There is no such model, or it is not at that endpoint.
    """
    known = prepared.program.models.get(model)
    if known is None:
        raise ConfigError(f"no model `{model}`; the file has {', '.join(prepared.program.models)}")
    if endpoint is None:
        return known.deployments
    found = tuple(each for each in known.deployments if each.endpoint.name == endpoint)
    if not found:
        names = ", ".join(each.endpoint.name for each in known.deployments)
        raise ConfigError(f"`{model}` is not at `{endpoint}`; it is at {names}")
    return found


async def move(
    deployment: Deployment, *, load: bool, seconds: float = USUALLY, clock: Clock = CLOCK
) -> Moved:
    """Load a model at one place, or unload it there; it raises nothing.

    Args:
        deployment: The model there.
        load: Whether to load it; else it is unloaded.
        seconds: How long it may take.
        clock: Where time comes from.
    """
    endpoint = deployment.endpoint
    if not endpoint.url:
        return Moved(
            deployment, done=False, why="it answers inside the process that calls it, which loads it itself"
        )
    try:
        provider = create(endpoint)
    except (ConfigError, CallFailed, ValueError) as error:
        return Moved(deployment, done=False, why=str(error))
    if not isinstance(provider, Resident):
        return Moved(
            deployment, done=False, why=f"endpoints of the kind {endpoint.kind} load nothing when told to"
        )
    began = clock.now()
    try:
        async with clock.timeout_at(began + seconds):
            if load:
                await provider.load(deployment.id, deployment.context)
            else:
                await provider.unload(deployment.id)
    except CallFailed as error:
        return Moved(deployment, done=False, why=str(error), seconds=clock.now() - began)
    except TimeoutError:
        return Moved(
            deployment, done=False, why=f"it was not done within {seconds:g} s", seconds=clock.now() - began
        )
    finally:
        await provider.close()
    return Moved(deployment, done=True, seconds=clock.now() - began)
