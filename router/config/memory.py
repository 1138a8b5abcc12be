"""What a file says of memory: which endpoints have a limit, and at which the router loads and unloads models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.deployments import deployments
from router.config.endpoint import KINDS, RESIDENT_KINDS
from router.config.known import known_locality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.config.deployments import DeploymentSettings
    from router.config.endpoint import EndpointSettings
    from router.config.language import Document
    from router.config.load import Configuration

# Kinds that can be told to load and unload: openai where its server has a router mode or swaps models.
LOADING_KINDS = ("openai", "ollama", "gguf")


def may_hold(endpoint: EndpointSettings) -> bool:
    """Return whether the models of an endpoint may be limited at all; of kinds of third parties nobody knows."""
    return endpoint.kind in RESIDENT_KINDS or endpoint.kind not in KINDS


def may_load(endpoint: EndpointSettings) -> bool:
    """Return whether an endpoint may load and unload models when it is told to."""
    return endpoint.kind in LOADING_KINDS or endpoint.kind not in KINDS


def is_limited(configuration: Configuration, document: Document, endpoint: EndpointSettings) -> bool:
    """Return whether a limit holds for the models of an endpoint, or may."""
    machine = document.machine is not None and known_locality(configuration, endpoint) != "remote"
    return may_hold(endpoint) and (endpoint.has("memory") or machine)


def is_watched(
    configuration: Configuration, document: Document, name: str, endpoint: EndpointSettings
) -> bool:
    """Return whether the router follows which models are in memory at an endpoint, or may."""
    preloads = any(each.settings.has("preload") for each in models_at(configuration, document, name))
    own = endpoint.has("idle_unload") or endpoint.has("load_timeout")
    return is_limited(configuration, document, endpoint) or (may_hold(endpoint) and (own or preloads))


def models_at(
    configuration: Configuration, document: Document, endpoint: str
) -> Sequence[DeploymentSettings]:
    """Return the deployments at an endpoint, in order."""
    known = configuration.worked_out.get(_ByEndpoint)
    if not isinstance(known, _ByEndpoint):
        known = configuration.worked_out[_ByEndpoint] = _ByEndpoint()
        for model in document.models:
            for each in deployments(document, configuration.linked.places, model):
                known.setdefault(each.endpoint, []).append(each)
    return known.get(endpoint, ())


class _ByEndpoint(dict[str, list["DeploymentSettings"]]):
    """The deployments of a file by their endpoint: asked for every endpoint, and worked out once."""
