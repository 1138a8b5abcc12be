"""What answers at an address, and a file that uses it: nothing outside that address is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.checks.registry import run_all
from router.config.addresses import Url
from router.config.load import load_source
from router.config.locality import derived_locality
from router.core.errors import Authentication, ConfigError, ConnectFailed, MalformedResponse, ModelLoading
from router.core.frozen import dataclass
from router.core.port import Lister
from router.core.quirk import QUIRKS, quirk_of
from router.core.request import Endpoint, Timeouts
from router.diagnostics.source import Source
from router.providers.knock import knock
from router.providers.registry import create
from router.runtime.discovered import page
from router.runtime.inspection import CLOCK, PATIENCE
from router.runtime.listing import models_at

if TYPE_CHECKING:
    from router.core.clock import Clock
    from router.core.port import Listed
    from router.core.secret import Secret
    from router.providers.knock import Knock

INTERFACES = ("/v1", "/api")
REFUSED = (401, 403)
LOADING = 503
FOUND = 200
LEGAL = re.compile(r"[A-Za-z][\w.-]{0,63}\Z")
# Findings that forbid to contact an address, and the one that forbids to send a key there.
FORBIDDING = ("R2", "R6")
IN_THE_CLEAR = "R602"


@dataclass(frozen=True, slots=True)
class Discovered:
    """A server that was found.

    Attributes:
        endpoint: How a file writes it; its keys are those it was asked with.
        models: What it lists.
        quirks: Which OpenAI-compatible server it says it is, where its address does not tell it.
        closed: Whether it wants a key to say what it has.
    """

    endpoint: Endpoint
    models: tuple[Listed, ...]
    quirks: str | None = None
    closed: bool = False


def address(text: str) -> str:
    """Return an address as a file writes it; a bare `host:port` is one of http.

    Raises:
        ConfigError: It is none.
    """
    bare = text if "://" in text or text.startswith("unix:") else f"http://{text}"
    found = Url().read(bare)
    if found is None:
        raise ConfigError(
            f"{'it' if '@' in text else repr(text)} is no address such as http://127.0.0.1:8080/v1; "
            "credentials, a query and a fragment do not belong into it"
        )
    return found


def forbid(name: str, url: str, variable: str | None) -> None:
    """See that a file may have such an endpoint, before it is contacted.

    Raises:
        ConfigError: It may not, as `router check` would say.
    """
    if not LEGAL.match(name):
        raise ConfigError(f"the name {name!r} is not of letters, digits, `-`, `_` and `.`")
    text = page(Endpoint(name, "openai", "local", url), (), variable=variable)
    configuration = load_source(Source("router.yaml", text), Path())
    for each in run_all(configuration):
        if (each.severity == "error" and each.code.startswith(FORBIDDING)) or each.code == IN_THE_CLEAR:
            raise ConfigError(f"{each.code}: {each.message}; {each.help}")


async def discover(
    name: str, url: str, key: Secret | None = None, seconds: float = PATIENCE, clock: Clock = CLOCK
) -> Discovered:
    """Ask an address what it is and which models it has.

    Args:
        name: How the endpoint is to be called.
        url: As `address` returned it.
        key: A credential to ask with, or None.
        seconds: How long each question may take.
        clock: Where time comes from.

    Raises:
        CallFailed: Nothing answers there, or nothing that a file could use.
    """
    plain = Endpoint(name, "openai", derived_locality("openai", url), url, timeouts=Timeouts(connect=seconds))
    try:
        kind, address_, told = await _kind(plain, seconds, clock)
        endpoint = Endpoint(
            name,
            kind,
            derived_locality(kind, address_),
            address_,
            keys=() if key is None else (key,),
            timeouts=Timeouts(connect=seconds),
        )
        async with clock.timeout_at(clock.now() + seconds):
            models, closed = await _models(endpoint)
    except TimeoutError:
        raise ConnectFailed(f"{url} did not answer within {seconds:g} s") from None
    return Discovered(endpoint, models, _quirks(told, address_) if kind == "openai" else None, closed)


async def _kind(plain: Endpoint, seconds: float, clock: Clock) -> tuple[str, str, Knock | None]:
    """Return the kind of the server at an address, the address as that kind writes it, and how it lists its models."""
    base, root = plain.url, ""
    if not base.startswith("unix:"):
        root = next((base.removesuffix(each) for each in INTERFACES if base.endswith(each)), base)
    start = urlsplit(root).path if root else ""
    asked = _Asking(plain, seconds, clock)
    version = await asked.at(f"{start}/api/version")
    if isinstance(version.fields.get("version"), str):
        tags = await asked.at(f"{start}/api/tags")
        if isinstance(tags.fields.get("models"), list) or tags.status in REFUSED:
            return "ollama", root or base, None
    health = await asked.at(f"{start}/global/health")
    if isinstance(health.fields.get("healthy"), bool):
        return "opencode", root or base, None
    listings = dict.fromkeys((f"{start}/v1/models", f"{urlsplit(base).path if root else '/v1'}/models"))
    pages = []
    for path in listings:
        found = await asked.at(path)
        pages.append(found)
        kind = _kind_by_list(found, plain)
        if kind is not None:
            below = (root + path.removesuffix("/models").removeprefix(start)) if root else base
            return kind, root if kind == "anthropic" else below, found
    where = f"{plain.url} answers"
    if any(each.page for each in (version, health, *pages)):
        raise MalformedResponse(f"{where} with a web page: no server of models that is known here")
    raise MalformedResponse(f"{where}, and not as a server of models that is known here")


@dataclass(frozen=True, slots=True)
class _Asking:
    endpoint: Endpoint
    seconds: float
    clock: Clock

    async def at(self, path: str) -> Knock:
        async with self.clock.timeout_at(self.clock.now() + self.seconds):
            return await knock(self.endpoint, path)


def _kind_by_list(found: Knock, plain: Endpoint) -> str | None:
    """Return the kind that lists its models so, or None; an answer that says to come back is an error."""
    if found.status == LOADING:
        raise ModelLoading(f"{plain.url} is still loading its model; ask again when it has")
    rows = found.fields.get("data")
    if found.status == FOUND and isinstance(rows, list):
        theirs = rows and all(
            isinstance(row, dict) and "display_name" in row and "object" not in row for row in rows
        )
        return "anthropic" if theirs else "openai"
    if found.status in REFUSED and found.value is not None:
        return "anthropic" if found.fields.get("type") == "error" else "openai"
    return None


async def _models(endpoint: Endpoint) -> tuple[tuple[Listed, ...], bool]:
    """Return the models of an endpoint, and whether it wants a key, or another one, before it tells them."""
    provider = create(endpoint)
    try:
        if isinstance(provider, Lister):
            return await models_at(endpoint, provider), False
    except Authentication:
        if endpoint.keys:
            raise
        return (), True
    finally:
        await provider.close()
    return (), False


def _quirks(told: Knock | None, url: str) -> str | None:
    """Return the word for an OpenAI-compatible server that says what it is, unless its address says so already."""
    rows = told.fields.get("data") if told is not None else None
    owners = (
        {str(row.get("owned_by")) for row in rows if isinstance(row, dict)}
        if isinstance(rows, list)
        else set()
    )
    owner = next(iter(owners)) if len(owners) == 1 else None
    return owner if owner in QUIRKS and quirk_of(None, url).name != owner else None
