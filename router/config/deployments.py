"""What a file says of each model at each of its endpoints: where it is, and what it costs there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.config.locality import locality_of
from router.config.prices import host_of, snapshot
from router.core.usage import FREE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings, PlaceSettings
    from router.core.request import Locality
    from router.core.usage import Price
    from router.diagnostics.source import Span


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """One model at one endpoint, as the file has it.

    Attributes:
        model: The model's name.
        endpoint: The endpoint's name.
        settings: The model.
        at: The endpoint.
        place: What differs at this endpoint.
        span: Where the model names the endpoint.
    """

    model: str
    endpoint: str
    settings: ModelSettings
    at: EndpointSettings
    place: PlaceSettings
    span: Span

    @property
    def locality(self) -> Locality | None:
        """Where it is; None while its address is a variable that nobody has set."""
        unknown = any(self.at.has(name) and not getattr(self.at, name) for name in ("url", "proxy"))
        return None if unknown and not self.at.locality else locality_of(self.at)

    @property
    def remote(self) -> bool:
        """Whether a call to it surely leaves this machine."""
        return self.locality == "remote"

    @property
    def price(self) -> Price | None:
        """What tokens cost: as written, else nothing at a local endpoint, else the public price, if it is known."""
        found = self.place.price or self.settings.price
        if found is not None or self.priced:
            return found
        if self.locality == "local":
            return FREE
        known = self.place.id or self.settings.id or self.model
        return snapshot().prices.get((host_of(self.at), known))

    @property
    def priced(self) -> bool:
        """Whether the file writes a price, of whatever form."""
        return self.place.has("price") or self.settings.has("price")

    @property
    def context(self) -> int | None:
        """Tokens of its context window; None when it is not known."""
        return self.place.context or self.settings.context


def deployments(
    document: Document, places: Mapping[str, Sequence[str]], model: str
) -> Iterator[DeploymentSettings]:
    """Yield the deployments of a model, in order.

    Args:
        document: The file.
        places: The endpoints of each model, their names resolved; one that stands for nothing makes this void.
        model: The model; one that the file does not have has none.
    """
    settings = document.models.get(model)
    if settings is None:
        return
    for (named, place), endpoint in zip(settings.at, places.get(model, ()), strict=False):
        at = document.endpoints[endpoint]
        yield DeploymentSettings(model, endpoint, settings, at, place, named.span)


def unpriced(document: Document, places: Mapping[str, Sequence[str]]) -> Iterator[DeploymentSettings]:
    """Yield the first remote deployment without a known price of each model that has one.

    Nothing is yielded where the file names a list of prices: that one may know them.
    """
    if document.costs is not None and document.costs.prices is not None:
        return
    for model in document.models:
        found = (
            each
            for each in deployments(document, places, model)
            if each.remote and not each.priced and each.price is None
        )
        first = next(found, None)
        if first is not None:
            yield first
