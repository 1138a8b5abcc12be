"""What the endpoints of a file say of themselves: asked once, all at a time, each for a bounded time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from router.compile.compiler import compile_configuration, program_under
from router.compile.lower import lower
from router.config.load import load_file
from router.config.node import leaves
from router.core.clock import LoopClock
from router.core.errors import CallFailed, ConfigError, ConnectFailed, ModelLoading
from router.core.frozen import dataclass
from router.core.port import Lister, Probed
from router.providers.registry import create
from router.runtime.listing import models_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Literal

    from router.compile.program import Deployment, Program
    from router.config.load import Configuration
    from router.core.clock import Clock
    from router.core.port import Listed, Provider
    from router.core.request import Endpoint

    Standing = Literal["up", "loading", "down", "unasked"]

PATIENCE = 3.0
CLOCK = LoopClock()
BROKEN = 500
# Stands in for a variable that is not set, at endpoints that are then not asked.
UNSET = "0"
# Findings of these classes say that the file decides badly, not that it must not be used.
HARMLESS = ("R4", "R5", "R7", "R8")
NO_CONTACT = "not asked: from the file alone"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file as far as it can be used with the variables that are set.

    Attributes:
        configuration: The file, as it is without any variable.
        program: What it compiles to.
        unset: For each endpoint the variables that it needs and that are not set.
        missing: All variables that are not set and have no default.
        wrong: What keeps it from being used for calls, beside the variables; None where nothing does.
        asked: Whether its endpoints may be asked all the same: what is wrong is neither a name nor an address nor a key.
    """

    configuration: Configuration
    program: Program
    unset: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]
    wrong: ConfigError | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What one endpoint said.

    Attributes:
        endpoint: The endpoint.
        standing: How it is; `unasked` where nobody asked.
        why: Why nobody did, or what is wrong with it.
        models: What it lists, or None where it lists nothing.
        error: What the question ended with, or None.
        seconds: How long the answer took.
    """

    endpoint: Endpoint
    standing: Standing
    why: str = ""
    models: tuple[Listed, ...] | None = None
    error: CallFailed | None = None
    seconds: float = 0.0

    def listed(self, name: str) -> Listed | None:
        """Return what it says of the model of a name."""
        return next((each for each in self.models or () if each.goes_by(name)), None)


def prepare(path: Path, env: Mapping[str, str]) -> Prepared:
    """Read a file for asking its endpoints: what is not set keeps only those from being asked that need it.

    Raises:
        ConfigError: It has errors whatever is set.
    """
    pure = load_file(path)
    program, _ = compile_configuration(pure)
    names = dict.fromkeys(each.name for each in pure.variables if each.default is None)
    missing = tuple(name for name in names if not env.get(name))
    live = load_file(path, {**env, **dict.fromkeys(missing, UNSET)})
    wrong: ConfigError | None = None
    asked = True
    try:
        program, _ = compile_configuration(live)
    except ConfigError as error:
        guessed = {each.span for each in pure.variables if each.name in missing}
        found = [each for each in error.findings if each.severity == "error" and each.span not in guessed]
        wrong = ConfigError(str(error), found) if found else None
        asked = all(each.code.startswith(HARMLESS) for each in found)
        if asked and live.document is not None:
            program = lower(live.document, live.linked, live.source.name, live.folder)
    return Prepared(pure, program_under(program, env), _unset(pure, missing), missing, wrong, asked)


async def inspect(
    prepared: Prepared, endpoints: Iterable[Endpoint], seconds: float = PATIENCE, clock: Clock = CLOCK
) -> dict[str, Seen]:
    """Ask endpoints how they are and what they have; it raises nothing.

    Args:
        prepared: The file.
        endpoints: Which ones; those that must not or cannot be contacted are not.
        seconds: How long each may take.
        clock: Where time comes from.
    """
    found = await asyncio.gather(*(_looked(prepared, endpoint, seconds, clock) for endpoint in endpoints))
    return {each.endpoint.name: each for each in found}


def why_unasked(prepared: Prepared, endpoint: Endpoint) -> str | None:
    """Return why an endpoint is not asked, or None."""
    if not prepared.asked:
        return "not asked: the file has errors"
    needs = prepared.unset.get(endpoint.name)
    if needs:
        words = " and ".join(f"`{name}`" for name in needs)
        return f"not asked: {words} {'is' if len(needs) == 1 else 'are'} not set"
    barred = prepared.program.barred(endpoint)
    return None if barred is None else f"not asked ({barred})"


def used(program: Program) -> list[Endpoint]:
    """Return the endpoints that models are at, in the file's order."""
    names = {each.endpoint.name for model in program.models.values() for each in model.deployments}
    return [endpoint for name, endpoint in program.endpoints.items() if name in names]


def deployments(program: Program) -> list[Deployment]:
    """Return every model at every endpoint it is at, in the file's order."""
    return [each for model in program.models.values() for each in model.deployments]


async def look(endpoint: Endpoint, seconds: float = PATIENCE, clock: Clock = CLOCK) -> Seen:
    """Ask one endpoint; it raises nothing."""
    try:
        provider = create(endpoint)
    except (ConfigError, CallFailed, ValueError) as error:
        return Seen(endpoint, "down", str(error))
    began = clock.now()
    try:
        async with clock.timeout_at(began + seconds):
            found = await _answered(endpoint, provider)
        return replace(found, seconds=clock.now() - began)
    except CallFailed as error:
        return _failed(endpoint, error, clock.now() - began)
    except TimeoutError:
        late = ConnectFailed(f"{endpoint.name} ({endpoint.url}) did not answer within {seconds:g} s")
        return _failed(endpoint, late, clock.now() - began)
    finally:
        await provider.close()


async def _looked(prepared: Prepared, endpoint: Endpoint, seconds: float, clock: Clock) -> Seen:
    why = why_unasked(prepared, endpoint)
    return await look(endpoint, seconds, clock) if why is None else Seen(endpoint, "unasked", why)


async def _answered(endpoint: Endpoint, provider: Provider) -> Seen:
    if isinstance(provider, Lister):
        models = await models_at(endpoint, provider)
        return Seen(endpoint, "up", models=models)
    if isinstance(provider, Probed):
        found = await provider.probe()
        why = "it does not answer its health check" if found == "down" else ""
        return Seen(endpoint, found, why)
    return Seen(endpoint, "up")


def _failed(endpoint: Endpoint, error: CallFailed, seconds: float) -> Seen:
    if isinstance(error, ModelLoading):
        return Seen(endpoint, "loading", str(error), error=error, seconds=seconds)
    refused = error.status is not None and error.status < BROKEN
    return Seen(endpoint, "up" if refused else "down", str(error), error=error, seconds=seconds)


def _unset(configuration: Configuration, missing: Iterable[str]) -> dict[str, tuple[str, ...]]:
    names = set(missing)
    at = {each.span: each.name for each in configuration.variables if each.name in names}
    document = configuration.document
    found: dict[str, tuple[str, ...]] = {}
    for name, settings in document.endpoints.items() if document is not None else ():
        needs = [at[leaf.span] for leaf in leaves(settings.node) if leaf.span in at]
        if needs:
            found[name] = tuple(dict.fromkeys(needs))
    return found
