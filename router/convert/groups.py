"""Deployments to endpoints and models: one name several times is one model at several endpoints."""

from __future__ import annotations

from dataclasses import field
from math import gcd
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from router.core.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.convert.deployment import Deployment

STRATEGIES = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
    "usage-based-routing": "least_busy",
    "usage-based-routing-v2": "least_busy",
}


@dataclass(slots=True)
class Endpoint:
    """A place that answers, and the deployments at it."""

    name: str
    place: dict[str, object]
    deployments: list[Deployment] = field(default_factory=list)


@dataclass(slots=True)
class Model:
    """A name that callers ask for.

    Attributes:
        name: The name.
        places: Its deployments, by the name of the endpoint.
        balance: Which place comes first.
        failover: Models that answer when it fails, in order.
        about: Where it comes from.
        asked: Whether callers know it by this name.
    """

    name: str
    places: dict[str, Deployment]
    balance: str = ""
    failover: list[str] = field(default_factory=list)
    about: str = ""
    asked: bool = True


def endpoints_of(deployments: Iterable[Deployment]) -> list[Endpoint]:
    """Return one endpoint for each place, named for who serves it."""
    found: dict[object, Endpoint] = {}
    for each in deployments:
        if each.place not in found:
            taken = {endpoint.name for endpoint in found.values()}
            found[each.place] = Endpoint(_free(_short(each), taken), dict(each.place))
        found[each.place].deployments.append(each)
    return list(found.values())


def _short(deployment: Deployment) -> str:
    """Return what a person would call the place."""
    host = urlsplit(str(dict(deployment.place).get("url", ""))).hostname or ""
    vendor = deployment.vendor.replace("_", "-").removesuffix("-chat")
    if (
        vendor in ("azure", "openai", "hosted-vllm")
        and host not in ("", "api.openai.com")
        and "$" not in host
    ):
        first = host.partition(".")[0]
        return "local" if host in ("localhost", "127.0.0.1", "::1") else host if first.isdigit() else first
    return vendor


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def models_of(endpoints: list[Endpoint], order: list[Deployment], strategy: str) -> list[Model]:
    """Return the models, in the order of the file.

    Two models of one name at one endpoint are two models here: the second is tried after the first.
    """
    at = {each.place: endpoint.name for endpoint in endpoints for each in endpoint.deployments}
    groups: dict[str, list[Deployment]] = {}
    for each in order:
        groups.setdefault(each.name, []).append(each)
    models: list[Model] = []
    for name, members in groups.items():
        models += _group(name, members, at, {*groups, *(each.name for each in models)})
    for model in models:
        _balance(model, strategy)
    return models


def _group(
    name: str, members: list[Deployment], at: dict[tuple[tuple[str, object], ...], str], taken: set[str]
) -> list[Model]:
    """Return the model of a group, and one more for each further model that an endpoint of it serves."""
    layers: list[dict[str, Deployment]] = []
    for member in sorted(members, key=lambda each: each.order if each.order is not None else 10**9):
        endpoint = at[member.place]
        if any(layer[endpoint].id == member.id for layer in layers if endpoint in layer):
            member.keys.leave("model", "the same deployment stands above")
            continue
        layer = next((layer for layer in layers if endpoint not in layer), None)
        if layer is None:
            layers.append({endpoint: member})
        else:
            layer[endpoint] = member
    models: list[Model] = []
    for number, layer in enumerate(layers):
        first = next(iter(layer.values()))
        own = name if not number else _free(f"{name}-{number + 1}", taken | {each.name for each in models})
        lines = ", ".join(dict.fromkeys(f"{each.path} (line {each.line})" for each in layer.values()))
        models.append(Model(own, layer, about=lines, asked=not number))
        if number:
            first.keys.leave(
                "model",
                f"`{name}` has two models at one endpoint: this one is `{own}` here, tried after the first",
            )
    models[0].failover = [each.name for each in models[1:]]
    return models


def _balance(model: Model, strategy: str) -> None:
    """Choose which place comes first; tell of orders and weights that decide nothing here."""
    places = list(model.places.values())
    ordered = len(places) > 1 and any(each.order is not None for each in places)
    model.balance = "" if ordered or len(places) == 1 else STRATEGIES.get(strategy, "weighted")
    for each in places:
        if each.order is not None and not ordered:
            each.keys.leave("order", "the model has one place")
        if each.weight is not None and model.balance != "weighted":
            why = (
                "the model has one place"
                if len(places) == 1
                else f"its places are {model.balance or 'in order'}"
            )
            each.keys.leave("weight", why)


def weights(model: Model) -> dict[str, int]:
    """Return the weight of each place: as written, else by requests a minute; empty where all are equal."""
    for name in ("weight", "requests", "tokens"):
        shares = {endpoint: getattr(each, name) for endpoint, each in model.places.items()}
        if all(shares.values()):
            scale = next(
                scale
                for scale in (1, 10, 100, 10**4, 10**6)
                if scale == 10**6 or all(share * scale == int(share * scale) for share in shares.values())
            )
            whole = {endpoint: max(1, int(share * scale)) for endpoint, share in shares.items()}
            divisor = _common(whole.values())
            least = {endpoint: share // divisor for endpoint, share in whole.items()}
            return least if len(set(least.values())) > 1 and max(least.values()) <= 10**6 else {}
    return {}


def _common(numbers: Iterable[int]) -> int:
    return gcd(*numbers)
