"""A random configuration: as text for the compiler, and as facts for those who judge the router."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from router.core.frozen import dataclass
from router.testing.simulate.chance import chance
from router.testing.simulate.extras import PLAIN, TEAMS, blocks, price_of, rule_of

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from router.testing.simulate.extras import Keeping, Ladder, Money, Rates

TASKS = ("chat", "code", "analysis", "creative")
BALANCES = ("ordered", "ordered", "weighted", "least_busy", "fastest")


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is true of an endpoint; times in seconds, None means no limit.

    Attributes:
        name: Its name.
        host: What it shares with others.
        local: Whether it is on this machine.
        keys: Its credentials.
        concurrency: Attempts at once.
        queue_max: Calls that may wait.
        queue_timeout: How long one may wait.
        first: Until the first content.
        idle: Between two pieces.
        total: A whole attempt.
        requests: Requests a minute.
        tokens: Tokens a minute.
        calm: Whether it never fails.
    """

    name: str
    host: str
    local: bool
    keys: tuple[str, ...]
    concurrency: int
    queue_max: int
    queue_timeout: float
    first: float | None
    idle: float | None
    total: float
    requests: int | None
    tokens: int | None
    calm: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A model at an endpoint; `id` is the name it has there, `context` its true window in tokens."""

    model: str
    endpoint: str
    id: str
    context: int


@dataclass(frozen=True, slots=True)
class Breaking:
    """When a breaker opens, and for how long; times in seconds."""

    failures: int
    open: float
    max_open: float


@dataclass(frozen=True, slots=True)
class Hedging:
    """When a second attempt starts, and the share of calls that may have one."""

    after: float
    max: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A configuration.

    Attributes:
        upstreams: Endpoints by name.
        models: The places of each model, in order.
        balances: How a model's places are chosen.
        chains: The models of each task, in failover order; those of private calls under "private".
        attempts: Attempts of a call at most.
        same: Further tries at one deployment.
        backoff: Seconds of the first wait.
        breaker: When an endpoint is left alone, or None.
        hedge: When a second attempt is made, or None.
        buffered: Whether streams are handed out whole.
        restart: Whether a buffered stream that broke off is begun again.
        inside: Whether whole answers are streamed from the endpoint.
        filters_move: Whether a filtered call moves on.
        deadline: Seconds of a call.
        keeping: Which answers are kept, or None.
        money: Prices and budgets; None for one price and no budget.
        ladder: What answers when nobody does, or None.
    """

    upstreams: Mapping[str, Upstream]
    models: Mapping[str, tuple[Place, ...]]
    balances: Mapping[str, str]
    chains: Mapping[str, tuple[str, ...]]
    attempts: int
    same: int
    backoff: float
    breaker: Breaking | None
    hedge: Hedging | None
    buffered: bool
    restart: bool
    inside: bool
    filters_move: bool
    deadline: float
    keeping: Keeping | None = None
    money: Money | None = None
    ladder: Ladder | None = None
    min_left: float = 0.25

    def rates(self, model: str) -> Rates:
        """Return what a model costs: dollars per million tokens of input, cached input and output."""
        return PLAIN if self.money is None else self.money.rates[model]

    @property
    def teams(self) -> bool:
        """Whether callers have teams."""
        return self.keeping is not None or self.money is not None

    @property
    def env(self) -> dict[str, str]:
        """The variables that the text refers to."""
        return {key.upper(): f"secret-{key}" for each in self.upstreams.values() for key in each.keys}

    @property
    def text(self) -> str:
        """The configuration as a `router.yaml`."""
        tasks = [task for task in self.chains if task != "private"]
        teams = {"team": {"values": list(TEAMS), "default": TEAMS[0]}} if self.teams else {}
        when: list[tuple[str, dict[str, str]]] = [("private", {"data": "private"})]
        when += [(task, {"task": task}) for task in tasks]
        rules = [{"when": said, "use": list(self.chains[task]), **rule_of(self, task)} for task, said in when]
        private = {"name": "private", "for_all": {"data": "private"}, "every_hop": {"locality": "local"}}
        data = {"values": ["public", "private"], "default": "public"}
        found: dict[str, Any] = {
            "version": 1,
            "dimensions": {"task": {"values": tasks, "default": tasks[0]}, "data": data, **teams},
            "endpoints": {name: _endpoint(each) for name, each in self.upstreams.items()},
            "models": {name: self._model(name) for name in self.models},
            "rules": rules,
            "invariants": [private],
            "deadline": _time(self.deadline),
            "retry": {
                "attempts": self.attempts,
                "same": self.same,
                "backoff": {"first": _time(self.backoff)},
            },
            "breaker": "off" if self.breaker is None else _breaker(self.breaker),
            "stream": {
                "delivery": "buffered" if self.buffered else "live",
                "on_interrupt": "restart" if self.restart else "error",
                "inside": self.inside,
            },
        }
        found["lint"] = {"R514": "warning"}  # chance declares some things that can never act
        if self.hedge is not None:
            found["hedge"] = {"after": _time(self.hedge.after), "max": f"{self.hedge.max:.0%}"}
        if self.filters_move:
            found["failover"] = {"also_on": ["content_filtered"]}
        return json.dumps({**found, **blocks(self)}, indent=1)

    def _model(self, name: str) -> dict[str, Any]:
        at = {place.endpoint: {"id": place.id, "context": place.context} for place in self.models[name]}
        return {"at": at, "balance": self.balances[name], "price": price_of(self.rates(name))}


def invent(dice: random.Random) -> Setting:
    """Return a random configuration that a compiler accepts."""
    upstreams = {each.name: each for each in _upstreams(dice)}
    models: dict[str, tuple[Place, ...]] = {}
    for number, name in enumerate(upstreams):
        models[f"m{number}"] = (_place(f"m{number}", name, dice),)
    if len(upstreams) > 1 and chance(dice, 0.7):
        spread = dice.sample(list(upstreams), dice.randint(2, len(upstreams)))
        models["spread"] = tuple(_place("spread", name, dice) for name in spread)
    if chance(dice, 0.5):
        models["twin"] = (_place("twin", dice.choice(list(upstreams)), dice),)
    local = [name for name, places in models.items() if all(upstreams[p.endpoint].local for p in places)]
    chains = {
        task: tuple(dice.sample(list(models), min(len(models), dice.choice((1, 2, 2, 3))))) for task in TASKS
    }
    if "twin" in models and chance(dice, 0.5):
        chains[TASKS[0]] = (f"m{models['twin'][0].endpoint[1:]}", "twin")
    buffered = chance(dice, 0.3)
    return Setting(
        upstreams=upstreams,
        models=models,
        balances={
            name: dice.choice(BALANCES) if len(places) > 1 else "ordered" for name, places in models.items()
        },
        chains={**chains, "private": tuple(dice.sample(local, min(len(local), 2)))},
        attempts=dice.choice((1, 2, 3, 4, 4, 6)),
        same=dice.choice((0, 1, 1, 2)),
        backoff=dice.choice((0.2, 0.5, 1.0)),
        breaker=_breaking(dice),
        hedge=Hedging(dice.choice((0.5, 1.0, 2.0)), dice.choice((0.02, 0.05, 0.2)))
        if chance(dice, 0.5)
        else None,
        buffered=buffered,
        restart=buffered and chance(dice, 0.7),
        inside=chance(dice, 0.6),
        filters_move=chance(dice, 0.2),
        deadline=dice.choice((15.0, 30.0, 60.0)),
    )


def _upstreams(dice: random.Random) -> list[Upstream]:
    found: list[Upstream] = []
    shared = chance(dice, 0.25)
    for number in range(dice.choice((1, 2, 2, 3, 3, 4))):
        local = number == 0 or chance(dice, 0.3)
        calm = chance(dice, 0.35)
        together = shared and found and found[-1].calm == calm and found[-1].local == local
        host = found[-1].host if together else f"127.0.0.1:{8000 + number}" if local else f"h{number}.example"
        names = dice.choice((0, 1, 1, 2, 3))
        keys = tuple(f"k{number}_{each}" for each in range(names))
        if together and found[-1].keys and keys and chance(dice, 0.5):
            keys = (found[-1].keys[0], *keys[1:])
        concurrency = dice.choice((1, 1, 2, 2, 3, 4, 8))
        found.append(
            Upstream(
                name=f"e{number}",
                host=host,
                local=local,
                keys=keys,
                concurrency=concurrency,
                queue_max=dice.choice((2, 4, 16)),
                queue_timeout=dice.choice((2.0, 5.0, 10.0)),
                first=dice.choice((2.0, 3.0, 5.0)) if chance(dice, 0.7) else None,
                idle=dice.choice((1.5, 3.0)) if chance(dice, 0.6) else None,
                total=dice.choice((8.0, 12.0, 20.0)),
                requests=dice.choice((20, 30, 60)) if chance(dice, 0.2) else None,
                tokens=dice.choice((2000, 6000)) if chance(dice, 0.15) else None,
                calm=calm,
            )
        )
    return found


def _place(model: str, endpoint: str, dice: random.Random) -> Place:
    return Place(model, endpoint, f"{model}-{endpoint}", dice.choice((1000, 2000, 4000, 8000)))


def _breaking(dice: random.Random) -> Breaking | None:
    if chance(dice, 0.2):
        return None
    return Breaking(dice.choice((2, 3, 3, 5)), dice.choice((3.0, 5.0)), dice.choice((5.0, 10.0, 30.0)))


def _endpoint(each: Upstream) -> dict[str, Any]:
    timeout = {"total": _time(each.total)}
    if each.first is not None:
        timeout["first"] = _time(each.first)
    if each.idle is not None:
        timeout["idle"] = _time(each.idle)
    found: dict[str, Any] = {
        "kind": "openai",
        "url": f"http://{each.host}/v1" if each.local else f"https://{each.host}/v1",
        "concurrency": each.concurrency,
        "queue": {"max": each.queue_max, "timeout": _time(each.queue_timeout)},
        "timeout": timeout,
        "health": "off",
    }
    if each.keys:
        found["keys"] = [f"${{env:{key.upper()}}}" for key in each.keys]
    limits = {"requests_per_minute": each.requests, "tokens_per_minute": each.tokens}
    if each.requests or each.tokens:
        found["limits"] = {name: value for name, value in limits.items() if value}
    return found


def _breaker(each: Breaking) -> dict[str, Any]:
    return {"failures": each.failures, "open": _time(each.open), "max_open": _time(each.max_open)}


def _time(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
