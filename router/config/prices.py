"""Prices of models: what the file writes, then its own list of prices, then the public ones that come along."""

from __future__ import annotations

import re
from dataclasses import field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.config.listing import read_listing
from router.config.locality import locality_of
from router.core.frozen import dataclass
from router.core.request import USUAL_URLS
from router.core.usage import FREE, Price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings, PlaceSettings
    from router.config.load import Configuration

SNAPSHOT = Path(__file__).parent.parent / "data" / "prices.json"
MOST_BYTES = 4 * 2**20
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by host and model; a host of `""` is any.

    Attributes:
        date: When they were looked up, as the file says.
        prices: The prices.
    """

    date: str = ""
    prices: Mapping[tuple[str, str], Price] = field(default_factory=dict)

    def find(self, host: str, model: str) -> Price | None:
        """Return the price of a model by the name that a host knows, or None."""
        return self.prices.get((host, model)) or self.prices.get(("", model))


def read_prices(path: Path) -> PriceList:
    """Return the prices of a JSON file, as `scripts/prices.py` writes it.

    Raises:
        ValueError: It cannot be read, or is of another form; the text tells why.
    """
    found, entries = read_listing(path, "prices", MOST_BYTES)
    return PriceList(str(found.get("date", "")), dict(map(_entry, enumerate(entries, start=1))))


def _entry(numbered: tuple[int, object]) -> tuple[tuple[str, str], Price]:
    number, entry = numbered
    if not isinstance(entry, dict) or not isinstance(entry.get("model"), str):
        raise ValueError(f'entry {number} is no object with a `"model"`')  # noqa: TRY004 - one error for all
    host = entry.get("host", "")
    given, made, cached = (_amount(entry, name, number) for name in ("input", "output", "cached_input"))
    if given is None or made is None or not isinstance(host, str):
        raise ValueError(f"entry {number} (`{entry['model'][:40]}`) lacks `input` or `output`")
    return (host, entry["model"]), Price(given, made, cached)


def _amount(entry: Mapping[str, object], name: str, number: int) -> Decimal | None:
    text = entry.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not _AMOUNT.match(text):
        raise ValueError(f'`{name}` of entry {number} is no text such as "2.50": dollars per million tokens')
    return Decimal(text)


@cache
def snapshot() -> PriceList:
    """Return the public prices that come with the package."""
    return read_prices(SNAPSHOT)


class PriceBook:
    """Every place's price.

    Args:
        own: The list that the file names, or None.
    """

    def __init__(self, own: PriceList | None = None) -> None:
        self._own = own or PriceList()

    def price(
        self, name: str, model: ModelSettings, place: PlaceSettings, endpoint: EndpointSettings
    ) -> Price | None:
        """Return what a model costs at a place, or None when unknown."""
        written = place.price or model.price
        if written is not None:
            return written
        known, host = place.id or model.id or name, host_of(endpoint)
        if locality_of(endpoint) == "local":
            return self._own.find(host, known) or FREE
        return self._own.find(host, known) or snapshot().prices.get((host, known))


def prices_of(configuration: Configuration) -> PriceBook | None:
    """Return the prices of a configuration, read once; None when its own list cannot be read, or there is no document."""
    if PriceBook not in configuration.worked_out:
        document = configuration.document
        book = price_book(document, configuration.folder) if document is not None else None
        configuration.worked_out[PriceBook] = book
    found = configuration.worked_out[PriceBook]
    return found if isinstance(found, PriceBook) else None


def price_book(document: Document, folder: Path) -> PriceBook | None:
    """Return the prices of a document; None when its own list cannot be read.

    Args:
        document: The file's keys.
        folder: The file's folder, where the path of its list starts.
    """
    named = document.costs.prices if document.costs is not None else None
    if named is None:
        return PriceBook()
    try:
        return PriceBook(read_prices(folder / named))
    except ValueError:
        return None


def host_of(endpoint: EndpointSettings) -> str:
    """Return the host that an endpoint is at, in small letters; a kind of its own has a usual one."""
    if not endpoint.url:
        return HOSTS.get(endpoint.kind, "")
    try:
        return urlsplit(endpoint.url).hostname or ""
    except ValueError:  # a host that is none is told by its own finding
        return ""


HOSTS = {kind: urlsplit(url).hostname or "" for kind, url in USUAL_URLS.items()}
