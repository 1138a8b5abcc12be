"""What a file says of its local models' memory, as the policy that they are loaded and unloaded by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from router.config.endpoint import KINDS, RESIDENT_KINDS
from router.config.locality import derived_locality, locality_of
from router.policy.residency import HomePolicy, ResidencyPolicy, ResidentModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.compile.program import Deployment, Model
    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings
    from router.core.request import Endpoint
    from router.policy.residency import Strategy, WhenFull

# Kinds that load and unload for certain when they are told to.
TOLD = ("gguf", "ollama")


def residency_policy(document: Document, models: Mapping[str, Model]) -> ResidencyPolicy | None:
    """Return what is watched, or None where the file declares nothing of it."""
    deployments = [each for model in models.values() for each in model.deployments]
    endpoints = {each.endpoint.name: each.endpoint for each in deployments}
    homes = {
        name: _home(document.endpoints[name], endpoint)
        for name, endpoint in endpoints.items()
        if _is_watched(document, name, deployments)
    }
    if not homes:
        return None
    found: dict[str, dict[str, ResidentModel]] = {name: {} for name in homes}
    for each in deployments:
        at = found.get(each.endpoint.name)
        if at is not None:
            new = _model(document.models[each.model], each)
            at[each.id] = _both(at[each.id], new) if each.id in at else new
    machine = document.machine.memory if document.machine is not None else None
    return ResidencyPolicy(machine, homes, found)


def _is_watched(document: Document, name: str, deployments: Iterable[Deployment]) -> bool:
    """Whether anything is declared of the memory at an endpoint."""
    settings = document.endpoints[name]
    if settings.kind in KINDS and settings.kind not in RESIDENT_KINDS:
        return False
    own = settings.memory is not None or settings.idle_unload is not None
    waits = settings.has("load_timeout") and settings.kind in TOLD
    machine = document.machine is not None and locality_of(settings) == "local"
    preloads = any(document.models[each.model].preload for each in deployments if each.endpoint.name == name)
    return own or waits or machine or preloads


def _home(settings: EndpointSettings, endpoint: Endpoint) -> HomePolicy:
    here = settings.kind == "gguf" or (
        endpoint.locality == "local" and derived_locality(settings.kind, settings.url) == "local"
    )
    return HomePolicy(
        endpoint=endpoint.name,
        memory=settings.memory,
        when_full=cast("WhenFull", settings.when_full),
        strategy=cast("Strategy", settings.strategy),
        max_wait=settings.max_wait,
        idle_unload=settings.idle_unload,
        load_timeout=settings.load_timeout,
        queue_max=endpoint.queue_max,
        queue_timeout=endpoint.queue_timeout,
        local=endpoint.locality == "local",
        here=here,
        told=settings.kind in TOLD,
    )


def _model(settings: ModelSettings, deployment: Deployment) -> ResidentModel:
    return ResidentModel(
        id=deployment.id,
        name=deployment.name,
        memory=deployment.memory,
        context=deployment.context,
        pin=settings.pin,
        evict_cost=settings.evict_cost,
        preload=settings.preload,
    )


def _both(one: ResidentModel, other: ResidentModel) -> ResidentModel:
    """Return the one model that two names of the file stand for; with two windows it is in memory twice."""
    memory = [each.memory for each in (one, other) if each.memory is not None]
    together = sum(memory) if one.context != other.context else max(memory, default=0)
    return replace(
        one,
        memory=together if memory else None,
        pin=one.pin or other.pin,
        evict_cost=max(one.evict_cost, other.evict_cost),
        preload=one.preload or other.preload,
    )
