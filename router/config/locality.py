"""Where an endpoint is: only what surely stays on this machine is local."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from router.config.endpoint import EndpointSettings
    from router.core.request import Locality


def locality_of(settings: EndpointSettings) -> Locality:
    """Return where an endpoint is, by its own word or by its address; a proxy elsewhere makes it remote."""
    if settings.locality:
        return "local" if settings.locality == "local" else "remote"
    if settings.proxy and derived_locality(settings.kind, settings.proxy) == "remote":
        return "remote"
    return derived_locality(settings.kind, settings.url)


def derived_locality(kind: str, url: str) -> Locality:
    """Return where an endpoint is when the file does not say."""
    if kind in ("gguf", "mock"):
        return "local"
    if kind == "opencode" or not url:
        return "remote"
    if url.startswith("unix:"):
        return "local"
    try:
        host = urlsplit(url).hostname or ""
        return "local" if host == "localhost" or ipaddress.ip_address(host).is_loopback else "remote"
    except ValueError:  # a name, or no address at all
        return "remote"
