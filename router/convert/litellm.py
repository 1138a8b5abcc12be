"""A LiteLLM configuration as a router.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.config.language import DOCUMENT
from router.config.node import Mapping, Scalar
from router.convert.chains import KINDS, chains
from router.convert.deployment import Deployment, deployment
from router.convert.groups import STRATEGIES, Model, endpoints_of, models_of
from router.convert.limits import MOST, Limits, breaker_of, limits, retries_of
from router.convert.old import Keys, Left
from router.convert.quantities import seconds
from router.convert.secrets import Secrets
from router.convert.writing import Raw, endpoint_lines, flow, left_lines, model_lines, rule_lines, text
from router.core.frozen import dataclass
from router.diagnostics.source import printable
from router.layout.form import formatted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from router.config.node import Node

LIST = "model_list"
USUAL_BACKOFF = 8
SERVER = "it is about the old program's own server"
ROUTER_REASONS = {
    "retry_policy": "which kinds of failure are tried again is known per kind; `failover: {also_on, never_on}` changes what moves on",
    "allowed_fails_policy": "which kinds of failure count is known per kind",
    "enable_pre_call_checks": "the router always looks at the window before it sends",
    "set_verbose": SERVER,
    "redis_host": "the router keeps its state in its own process",
    "redis_port": "the router keeps its state in its own process",
    "redis_password": "the router keeps its state in its own process",
    "redis_url": "the router keeps its state in its own process",
    "stream_timeout": "`timeout: {first: 10s}` of an endpoint limits the wait for the first words",
    "max_fallbacks": "`retry: {attempts: N}` limits tries over all models",
}
SETTINGS_REASONS = {
    "drop_params": "an option that a kind of endpoint cannot take is the finding R516",
    "max_budget": "`costs: {budgets: [..]}` limits what is spent, once every model has a price",
    "budget_duration": "`costs: {budgets: [..]}` limits what is spent, once every model has a price",
    "callbacks": "give `load_router` observers",
    "success_callback": "give `load_router` observers",
    "failure_callback": "give `load_router` observers",
    "cache": "only a cache in memory is carried over: `cache: {ttl: 10m}`",
    "cache_params": "only a cache in memory is carried over: `cache: {ttl: 10m}`",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """A router.yaml, and what of the old file is not in it."""

    text: str
    left: tuple[Left, ...]


class NothingToConvertError(Exception):
    """The old file holds no model that the router could reach; `left` tells why of each."""

    def __init__(self, message: str, left: tuple[Left, ...] = ()) -> None:
        super().__init__(message)
        self.left = left


def converted(root: Node, name: str) -> Converted:
    """Return a LiteLLM configuration as a router.yaml.

    Args:
        root: The old file's values.
        name: What the old file is called.

    Raises:
        NothingToConvertError: It is no such configuration, or holds no model that can be reached.
    """
    if not isinstance(root, Mapping) or LIST not in root.entries:
        raise NothingToConvertError(f"it has no `{LIST}`: it is no LiteLLM configuration")
    left: list[Left] = []
    old = _Old(Keys(root, "", left), Secrets(root))
    if not old.deployments:
        raise NothingToConvertError("it holds no model that the router could reach", _told(left))
    lines = [
        f"# Written by `router convert --from litellm {printable(name)}`; the end says what was not carried over.",
        '# A call names its model as before: model="NAME". Its `failover` answers when it fails.',
        *old.lines(),
    ]
    told = _told(left)
    if told:
        lines += ["", "# Not carried over, or not as it was:", *left_lines(told)]
    return Converted(formatted("\n".join(lines) + "\n", tuple(DOCUMENT.keys)), told)


def _told(left: Iterable[Left]) -> tuple[Left, ...]:
    return tuple(sorted(dict.fromkeys(left), key=lambda each: (each.line, each.path)))


class _Old:
    """The old file, section by section; each part of the new one is read from it once."""

    def __init__(self, keys: Keys, secrets: Secrets) -> None:
        self._keys = keys
        self._router = keys.keys("router_settings")
        self._settings = keys.keys("litellm_settings")
        self._sections = [self._router, self._settings]
        self._unknown: list[str] = []
        self.deployments = self._deployments(secrets)

    def _deployments(self, secrets: Secrets) -> list[Deployment]:
        timeout = self._timeout()
        found = []
        for number, node in enumerate(self._keys.items(LIST)):
            path = f"{LIST}[{number}]"
            if not isinstance(node, Mapping):
                self._keys.left.append(Left(path, node.span.line, "it is no mapping"))
                continue
            entry = Keys(node, path, self._keys.left)
            each = deployment(entry, secrets, timeout)
            if isinstance(each, Deployment):
                found.append(each)
            else:
                entry.left.append(Left(path, node.span.line, each))
                model_name = node.entries.get("model_name")
                shown = printable(model_name.text) if isinstance(model_name, Scalar) else "?"
                self._unknown.append(f"  # {shown}: line {node.span.line}, {each}")
        return found

    def _timeout(self) -> Decimal | None:
        found = None
        for section, name in ((self._router, "timeout"), (self._settings, "request_timeout")):
            number = section.time(name)
            if number is not None and found is not None:
                section.leave(name, "`router_settings.timeout` stands before it")
            elif number is not None:
                found = number
        return found

    def lines(self) -> list[str]:
        """Return the new file's lines; after it, everything that is not in them is told as left."""
        endpoints = endpoints_of(self.deployments)
        models = models_of(endpoints, self.deployments, self._strategy())
        self._strategy_of(models)
        aliases = self._aliases({model.name for model in models})
        whole = chains(self._sections, models, aliases)
        main = [model.name for model in models if model.asked]
        models += [
            _alias(name, next(each for each in models if each.name == of), self._router)
            for name, of in aliases.items()
        ]
        whole |= {name: whole[of] for name, of in aliases.items()}
        names = [*main, *aliases]
        walks = [[each for one in (name, *whole[name]) for each in _places(models, one)] for name in names]
        policies = self._policies(models, walks)
        group = "  # which model answers a call that names none"
        return [
            "version: 1",
            *(
                ["", "dimensions:", f"  group: {flow({'values': names, 'default': names[0]})}{group}"]
                if len(names) > 1
                else []
            ),
            "",
            "endpoints:",
            *(line for endpoint in endpoints for line in endpoint_lines(endpoint)),
            "",
            "models:",
            *(line for model in models for line in model_lines(model)),
            *self._unknown,
            "",
            *rule_lines(names, whole),
            "",
            *policies,
            *self._rest(),
        ]

    def _strategy(self) -> str:
        return self._router.text("routing_strategy") or "simple-shuffle"

    def _strategy_of(self, models: list[Model]) -> None:
        """Tell where the strategy is not the old one, or decides nothing."""
        strategy = self._strategy()
        if not self._router.has("routing_strategy"):
            return
        if strategy not in STRATEGIES:
            self._router.leave(
                "routing_strategy", "no `balance` says the same; `weighted` stands in its place"
            )
        elif not any(model.balance for model in models):
            self._router.leave("routing_strategy", "no model has several places to choose from")
        elif strategy.startswith("usage-based"):
            self._router.leave(
                "routing_strategy", "the nearest is `least_busy`: by calls under way, not by use a minute"
            )

    def _aliases(self, models: set[str]) -> dict[str, str]:
        found = {}
        section = self._router.keys("model_group_alias")
        for alias in section:
            node = section.take(alias)
            of = node.entries.get("model") if isinstance(node, Mapping) else node
            if not isinstance(of, Scalar) or of.text not in models or alias in models:
                section.leave(alias, "it names no model of the file, or is one itself")
            else:
                found[alias] = of.text
        return found

    def _policies(self, models: list[Model], walks: list[list[Deployment]]) -> list[str]:
        retries, section = retries_of(self._sections)
        found = limits(retries, [len(model.places) for model in models], walks)
        if section is not None and found.same < found.wanted:
            why = (
                f"a call makes at most {MOST} attempts, so that the longest chain leaves `same: {found.same}`"
            )
            section.leave("num_retries", why)
        said = f"{section.path}.num_retries" if section is not None else f"the old default: {retries} retries"
        lines = []
        if found.deadline is not None:
            lines.append(
                f"deadline: {seconds(found.deadline)}  # long enough for every attempt of the longest chain"
            )
        lines.append(f"retry: {flow(self._retry(found))}  # {said}")
        if any(section.has(KINDS[2]) for section in self._sections):
            lines.append(f"failover: {{also_on: [content_filtered]}}  # {KINDS[2]}")
        breaker, why = breaker_of(self._sections)
        if breaker:
            lines.append(f"breaker: {flow({name: Raw(value) for name, value in breaker.items()})}  # {why}")
        return lines + self._cache()

    def _retry(self, found: Limits) -> dict[str, object]:
        retry: dict[str, object] = {"attempts": found.attempts, "same": found.same}
        after = self._router.time("retry_after") if self._router.number("retry_after") else None
        if after and found.same:
            longest = {"max": Raw(seconds(after))} if after > USUAL_BACKOFF else {}
            retry["backoff"] = {"first": Raw(seconds(after)), **longest}
        return retry

    def _cache(self) -> list[str]:
        """Return the cache, where it is one in memory; others are told as left."""
        node = self._settings.node.entries.get("cache_params")
        kind = node.entries.get("type") if isinstance(node, Mapping) else None
        if not isinstance(kind, Scalar) or kind.text != "local":
            return []
        if not self._settings.flag("cache"):
            return []
        params = self._settings.keys("cache_params")
        params.take("type")
        ttl = params.time("ttl")
        params.leave_rest({})
        return [
            f"cache: {flow({'store': 'memory', **({'ttl': Raw(seconds(ttl))} if ttl else {})})}  # litellm_settings.cache"
        ]

    def _rest(self) -> list[str]:
        """Tell of everything that nobody took."""
        self._router.leave_rest(ROUTER_REASONS)
        self._settings.leave_rest(SETTINGS_REASONS)
        self._keys.keys("general_settings").leave_rest({}, SERVER)
        self._keys.keys("environment_variables").leave_rest(
            {}, "set it where the router runs; it reads no such list"
        )
        self._keys.leave_rest({"include": "convert the files it names, each by itself"}, SERVER)
        return []


def _alias(name: str, of: Model, section: Keys) -> Model:
    line = section.keys("model_group_alias").line(name)
    about = f"model_group_alias of {text(of.name)}, line {line}"
    return Model(name, of.places, of.balance, list(of.failover), about)


def _places(models: list[Model], name: str) -> list[Deployment]:
    return list(next(model for model in models if model.name == name).places.values())
