"""A linked document to a program: names become values, and everything constant is merged once."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from router.compile.caching import cache_policy, cache_use, log_policy
from router.compile.housing import residency_policy
from router.compile.options import before_rules
from router.compile.processing import processing
from router.compile.program import Deployment, Invariant, Model, Program, Route, Written, in_order
from router.config.conditions import Split as SplitSettings
from router.config.deployments import slots
from router.config.kinds import FEW_AT_ONCE, HTTP_KINDS, able
from router.config.locality import locality_of
from router.config.prices import PriceBook, price_book
from router.config.settings import BreakerSettings, HealthSettings
from router.config.speeds import useful_speeds
from router.core.certificate import ClientCertificate
from router.core.request import USUAL_URLS, Endpoint, HealthPolicy, Limits
from router.core.usage import to_nano
from router.policy.breaker import BreakerPolicy
from router.policy.budget import Budget, CostPolicy
from router.policy.hedge import HedgePolicy
from router.policy.offline import CannedReply, OfflinePolicy, words_of
from router.policy.plan import PlanPolicy
from router.policy.retry import FailoverPolicy, RetryPolicy
from router.policy.split import Split
from router.table.index import build

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from router.config.certificate import CertificateSettings
    from router.config.conditions import UseItem
    from router.config.costs import CostSettings
    from router.config.endpoint import EndpointSettings
    from router.config.language import Document, ModelSettings, PlaceSettings, RuleSettings
    from router.config.link import Linked, Rule
    from router.config.settings import OfflineSettings, OptionSettings, RetrySettings
    from router.core.calendar import Per
    from router.core.usage import Price
    from router.policy.balance import Balance
    from router.policy.budget import Then

LOCAL_CONCURRENCY, REMOTE_CONCURRENCY = 2, 8
QUEUE_PER_PLACE, QUEUE_LEAST = 4, 16
CALL_BY_CALL = ("weighted", "least_busy", "fastest")


def lower(document: Document, linked: Linked, file: str, folder: Path) -> Program:
    """Return the program of a document without errors; relative paths in it start at a folder."""
    answered = slots(document, linked.places)
    endpoints = {
        name: _endpoint(name, each, folder, answered.get(name)) for name, each in document.endpoints.items()
    }
    temperatures = {
        task: Written(value, document.entry_span("temperatures", task))
        for task, value in (document.temperatures or {}).items()
    }
    models = _models(document, linked, endpoints, temperatures, price_book(document, folder) or PriceBook())
    routes = tuple(_route(rule, document, models) for rule in linked.rules)
    return Program(
        file=file,
        name=document.name,
        dimensions=linked.dimensions,
        endpoints=endpoints,
        models=models,
        routes=routes,
        table=build(linked.dimensions, [route.accepted for route in routes]),
        direct=_direct(document),
        temperatures=temperatures,
        invariants=tuple(
            Invariant(each.name, each.accepted, each.every_hop, each.settings.node.span)
            for each in linked.invariants
        ),
        counts_tokens=any("tokens" in rule.accepted for rule in linked.rules)
        or any("tokens" in each.accepted for each in linked.invariants)
        or any(each.limits is not None and each.limits.tokens_per_minute for each in endpoints.values())
        or any(each.context is not None for model in models.values() for each in model.deployments)
        or document.costs is not None
        or document.log is not None,
        breaker=_breaker(document),
        hedge=HedgePolicy(document.hedge.after, document.hedge.max) if document.hedge is not None else None,
        balanced=any(
            model.balance in CALL_BY_CALL and len(model.deployments) > 1 for model in models.values()
        ),
        costs=_costs(document.costs, linked, folder) if document.costs is not None else None,
        spoken=tuple(name for name, each in linked.dimensions.items() if not each.measured),
        defaults={name: each.default for name, each in linked.dimensions.items()},
        cache=cache_policy(document, linked, folder),
        offline=_offline(document.offline, linked) if document.offline is not None else None,
        residency=residency_policy(document, models),
        log=log_policy(document.log, folder) if document.log is not None else None,
        speeds=useful_speeds(document, folder),
    )


def _models(
    document: Document,
    linked: Linked,
    endpoints: Mapping[str, Endpoint],
    temperatures: Mapping[str, Written],
    book: PriceBook,
) -> dict[str, Model]:
    tasks = linked.dimensions["task"].values
    models: dict[str, Model] = {}
    for name, settings in document.models.items():
        places = zip(linked.places[name], (place for _, place in settings.at), strict=True)
        deployments = tuple(
            _deployment(
                name,
                settings,
                endpoints[at],
                place,
                book.price(name, settings, place, document.endpoints[at]),
            )
            for at, place in places
        )
        model = Model(
            name,
            _cheapest_first(deployments) if settings.balance == "cheapest" else deployments,
            _written(settings.options),
            settings.options.extra or {},
            tuple(linked.failover[name]),
            **processing(settings),
        )
        by_task: dict[str | None, Mapping[str, object]] = {
            task: before_rules(model, temperatures, task) for task in (*tasks, None)
        }
        models[name] = replace(model, params=by_task, balance=cast("Balance", settings.balance))
    return models


def _direct(document: Document) -> Route:
    """Return what holds for a call that names its model."""
    return Route(
        name="",
        uses=(),
        candidates=(),
        options={},
        params={},
        extra={},
        policy=_plan_policy(document, document.retry),
        deadline=document.deadline,
        urgency="normal",
        inside=document.stream.inside,
        buffered=document.stream.delivery == "buffered",
        restart=document.stream.on_interrupt == "restart",
        accepted={},
        span=document.node.span,
    )


def _endpoint(name: str, settings: EndpointSettings, folder: Path, answered: int | None) -> Endpoint:
    """Return an endpoint; `answered` is how many calls its models answer at once, where that is known."""
    locality = locality_of(settings)
    few = locality == "local" or settings.kind in FEW_AT_ONCE
    usual = LOCAL_CONCURRENCY if few else REMOTE_CONCURRENCY
    concurrency = settings.concurrency or (usual if answered is None else min(usual, max(1, answered)))
    queue = settings.queue
    return Endpoint(
        name=name,
        kind=settings.kind,
        locality=locality,
        url=settings.url or USUAL_URLS.get(settings.kind, ""),
        keys=(settings.key_,) if settings.key_ is not None and settings.key_.reveal() else settings.keys,
        headers=settings.headers or {},
        timeouts=settings.timeout,
        concurrency=concurrency,
        queue_max=max(QUEUE_LEAST, QUEUE_PER_PLACE * concurrency) if queue.max is None else queue.max,
        queue_timeout=queue.timeout,
        load_timeout=settings.load_timeout,
        limits=_limits(settings),
        health=_health(settings, locality),
        settings=_settings(settings, folder),
    )


def _settings(settings: EndpointSettings, folder: Path) -> dict[str, object]:
    """Return what only the kind knows; relative paths start at the file's folder."""
    found: dict[str, object] = {}
    if settings.path:
        found["path"] = (
            settings.path if settings.path.startswith("package:") else str(_path(settings.path, folder))
        )
    if settings.ca is not None:
        found["ca"] = str(_path(settings.ca, folder))
    if settings.cert is not None:
        found["cert"] = _certificate(settings.cert, folder)
    for name in ("threads", "script", "proxy", "isolation", "api_version", "quirks", "agent", "transport"):
        value = getattr(settings, name)
        if value:
            found[name] = value
    if not settings.verify:
        found["verify"] = False
    return found


def _certificate(settings: CertificateSettings, folder: Path) -> ClientCertificate:
    keyfile, password = settings.keyfile, settings.password
    return ClientCertificate(
        str(_path(settings.file, folder)),
        str(_path(keyfile, folder)) if keyfile else None,
        password if password is not None and password.reveal() else None,
    )


def _path(text: str, folder: Path) -> Path:
    return folder / os.path.expanduser(text)  # noqa: PTH111 - a path with `~` inside a name stays as it is


def _deployment(
    name: str, model: ModelSettings, endpoint: Endpoint, place: PlaceSettings, price: Price | None
) -> Deployment:
    return Deployment(
        model=name,
        endpoint=endpoint,
        id=place.id or model.id or name,
        context=place.context or model.context,
        price=price,
        capabilities=able(endpoint.kind, model.capabilities, model.spared),
        weight=place.weight,
        memory=model.memory if place.memory is None else place.memory,
    )


def _cheapest_first(deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Return the places by price, one input and one output token together; a machine by the hour and what is unknown last."""

    def cost(deployment: Deployment) -> tuple[int, Decimal]:
        price = deployment.price
        if price is None:
            return 2, Decimal(0)
        return (0, price.input + price.output) if price.per_hour is None else (1, price.per_hour)

    return tuple(sorted(deployments, key=cost))


def _limits(settings: EndpointSettings) -> Limits | None:
    found = settings.limits
    return None if found is None else Limits(found.requests_per_minute, found.tokens_per_minute)


def _health(settings: EndpointSettings, locality: str) -> HealthPolicy | None:
    """Return the checks of an endpoint: as written, else the usual ones for a local server."""
    found = settings.health
    if isinstance(found, HealthSettings):
        return HealthPolicy(found.every, found.probe, found.timeout, found.fall, found.rise)
    usual = found is None and locality == "local" and settings.kind in HTTP_KINDS
    return HealthPolicy() if usual else None


def _costs(settings: CostSettings, linked: Linked, folder: Path) -> CostPolicy:
    budgets = tuple(
        Budget(
            each.name,
            to_nano(each.limit),
            cast("Per", each.per),
            each.each.name if each.each is not None else None,
            "use" if each.name in linked.instead else cast("Then", each.then),
            linked.instead.get(each.name),
            settings.timezone,
        )
        for each in settings.budgets
    )
    bounded = any(each.then != "warn" for each in budgets)
    allow = not bounded if settings.on_ledger_error is None else settings.on_ledger_error == "allow"
    return CostPolicy(
        None if settings.ledger is None else str(_path(settings.ledger, folder)),
        budgets,
        allow,
        settings.timezone,
    )


def _breaker(document: Document) -> BreakerPolicy | None:
    found = document.breaker
    if isinstance(found, BreakerSettings):
        names = [each.name for each in fields(BreakerPolicy)]
        return BreakerPolicy(*(getattr(found, name) for name in names))
    return BreakerPolicy() if found is None else None


def _route(rule: Rule, document: Document, models: Mapping[str, Model]) -> Route:
    settings: RuleSettings = rule.settings
    uses = tuple(_use(item) for item in rule.use)
    names = [use for use in uses if isinstance(use, str)]
    options = _written(settings.options)
    return Route(
        name=rule.name,
        uses=uses,
        candidates=in_order(models, names) if len(names) == len(uses) else None,
        options=options,
        params={name: each.value for name, each in options.items()},
        extra=settings.options.extra or {},
        policy=_plan_policy(document, settings.retry or document.retry),
        deadline=settings.deadline or document.deadline,
        urgency=settings.urgency or "normal",
        inside=document.stream.inside,
        buffered=document.stream.delivery == "buffered",
        restart=document.stream.on_interrupt == "restart",
        accepted=rule.accepted,
        span=rule.span,
        cache=cache_use(settings.cache),
        no_degrade=settings.no_degrade,
    )


def _offline(settings: OfflineSettings, linked: Linked) -> OfflinePolicy:
    return OfflinePolicy(
        settings.mode == "only",
        tuple(_use(item) for item in linked.offline),
        settings.stale_cache,
        tuple(CannedReply(tuple(map(words_of, each.contains)), each.say) for each in settings.replies),
    )


def _use(item: UseItem) -> str | Split:
    if isinstance(item, SplitSettings):
        return Split(tuple((each.name, weight) for each, weight in item.shares), by_user=item.by == "user")
    return item.name


def _written(options: OptionSettings) -> dict[str, Written]:
    return {name: Written(value, options.key_span(name)) for name, value in options.given().items()}


def _plan_policy(document: Document, retry: RetrySettings) -> PlanPolicy:
    backoff = retry.backoff
    failover = document.failover
    return PlanPolicy(
        RetryPolicy(
            retry.attempts,
            retry.same,
            backoff.first,
            backoff.factor,
            backoff.max,
            retry.wait,
            retry.wait_alone,
        ),
        FailoverPolicy(frozenset(failover.also_on), frozenset(failover.never_on)),
        document.min_left,
    )
