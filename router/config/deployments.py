"""What a file says of each model at each of its endpoints: where it is, and what it costs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.kinds import IGNORED, ONE_AT_A_TIME
from router.config.locality import locality_of
from router.config.prices import PriceBook
from router.core.frozen import dataclass
from router.core.quirk import quirk_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings, PlaceSettings
    from router.core.request import Locality
    from router.core.usage import Price
    from router.diagnostics.source import Span


SNAPSHOT = PriceBook()
SUFFIX = ".gguf"


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
        book: The prices that are known besides.
    """

    model: str
    endpoint: str
    settings: ModelSettings
    at: EndpointSettings
    place: PlaceSettings
    span: Span
    book: PriceBook

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
        """What it costs, or None: what is written and no price, or where it is, is not known either."""
        if self.priced:
            return self.place.price or self.settings.price
        known = self.locality is not None
        return self.book.price(self.model, self.settings, self.place, self.at) if known else None

    @property
    def priced(self) -> bool:
        """Whether the file writes a price, of whatever form."""
        return self.place.has("price") or self.settings.has("price")

    @property
    def memory(self) -> int | None:
        """Bytes that it occupies when loaded; None where the file does not say."""
        return self.settings.memory if self.place.memory is None else self.place.memory

    @property
    def context(self) -> int | None:
        """Tokens of its context window; None when it is not known."""
        return self.place.context or self.settings.context


def deployments(
    document: Document, places: Mapping[str, Sequence[str]], model: str, book: PriceBook = SNAPSHOT
) -> Iterator[DeploymentSettings]:
    """Yield the deployments of a model, in order.

    Args:
        document: The file.
        places: The endpoints of each model, their names resolved; one that stands for nothing makes this void.
        model: The model; one that the file does not have has none.
        book: The prices that are known besides those that are written.
    """
    settings = document.models.get(model)
    if settings is None:
        return
    for (named, place), endpoint in zip(settings.at, places.get(model, ()), strict=False):
        at = document.endpoints[endpoint]
        yield DeploymentSettings(model, endpoint, settings, at, place, named.span, book)


def unpriced(
    document: Document, places: Mapping[str, Sequence[str]], book: PriceBook | None
) -> Iterator[DeploymentSettings]:
    """Yield the first remote deployment without a known price of each model that has one.

    Nothing is yielded where the file's own list of prices cannot be read, so that there is no book: it might know.
    """
    if book is None:
        return
    for model in document.models:
        found = (
            each
            for each in deployments(document, places, model, book)
            if each.remote and not each.priced and each.price is None
        )
        first = next(found, None)
        if first is not None:
            yield first


def slots(document: Document, places: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many calls each endpoint answers at once whose models answer one at a time, by its name.

    Each of its models does, and one that is asked with two windows is in memory twice. Without a model it is none.
    """
    loaded: dict[str, set[tuple[str, int | None]]] = {
        name: set() for name, each in document.endpoints.items() if each.kind in ONE_AT_A_TIME
    }
    for model in document.models if loaded else ():
        for each in deployments(document, places, model):
            if each.endpoint in loaded:
                own = each.place.id or each.settings.id or model
                loaded[each.endpoint].add((file_of(each.at.path, own), each.context))
    return {name: len(each) for name, each in loaded.items()}


def file_of(path: str, model: str) -> str:
    """Return what tells a model file from others at an endpoint: where `path` is a file, any name is that one."""
    return "" if path.endswith(SUFFIX) else model.removesuffix(SUFFIX)


def ignored_at(place: DeploymentSettings) -> tuple[frozenset[str], str]:
    """Return the options that cannot be sent to a model at an endpoint, and who leaves them out: `kind anthropic`."""
    at = place.at
    if at.kind != "openai":
        return IGNORED.get(at.kind, frozenset()), f"kind {at.kind}"
    row = quirk_of(at.quirks, at.url)
    found = row.ignored(place.place.id or place.settings.id or place.model)
    return found, f"{row.name} (`quirks`)" if found else f"kind {at.kind}"
