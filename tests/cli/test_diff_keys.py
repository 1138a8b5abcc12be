"""`router diff` says something of every key of the language that changes what happens to a call."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
import yaml
from click.testing import CliRunner

from router.cli.main import cli
from router.config.reference import records

FILE = """\
version: 1
dimensions:
  data: {values: [public, private], default: public}
  size: {type: integer, default: 1}
endpoints:
  web: {kind: openai, url: "https://one.example/v1", key: "${env:WEB_KEY}"}
  claude: {kind: anthropic, key: "${env:CLAUDE_KEY}"}
  agent: {kind: opencode, url: "http://127.0.0.1:4096"}
  file: {kind: gguf, path: models}
  ollama: {kind: ollama, url: "http://127.0.0.1:11434"}
  fake: {kind: mock}
  spare: {kind: mock}
models:
  a: {at: [fake, spare], id: ida}
  b: {at: web}
  c: {at: claude}
  d: {at: file}
  e: {at: ollama}
  f: {at: {fake: {}, spare: {}}, balance: weighted}
rules:
  - {name: one, when: {task: code}, use: [a, b]}
  - {name: rest, use: [b, c, d, e, f]}
"""

# Keys without an effect on any call of a file that is right, and why.
WITHOUT_EFFECT = {
    "Document.version": "there is one",
    "Document.name": "only heads what is printed",
    "Document.extends": "what the files bring is compared",
    "Document.overlays": "what the files bring is compared",
    "Document.hit": "only says which overlaps are refused",
    "Document.lint": "findings that come and go are told as such",
    "Document.allow_literal_secrets": "findings that come and go are told as such",
    "RuleSettings.name": "a name",
}
HEALTH, MACHINE = {"endpoints.ollama.health": {}}, {"machine": {"memory": "8GiB"}}
COSTS = {"costs": {"budgets": [{"name": "x", "limit": "$5"}]}}
CACHE, LOG = {"cache": {}}, {"log": {"calls": "calls.jsonl"}}
INVARIANT = {
    "invariants": [{"name": "x", "for_all": {"data": "private"}, "every_hop": {"kind": ["mock", "openai"]}}],
    "rules.1.use": ["b"],
}
BUDGET, RESIDENT = "costs.budgets.0", {"endpoints.file.memory": "8GiB"}
CERT = {"file": "x.pem", "keyfile": "y.pem", "password": "${env:ANY_PASSWORD}"}
# For each key where it stands, what it was (None: absent), what it is; and what else the file needs for it.
CHANGES: dict[str, tuple[object, ...]] = {
    "Document.dimensions": ("dimensions.more", None, {"values": ["x", "y"], "default": "x"}),
    "Document.endpoints": ("endpoints.more", None, {"kind": "mock"}),
    "Document.models": ("models.more", None, {"at": "fake"}),
    "Document.temperatures": ("temperatures", None, {"code": 0.3}),
    "Document.rules": ("rules.0.when", {"task": "code"}, {"task": "chat"}),
    "Document.deadline": ("deadline", "60s", "50s"),
    "Document.min_left": ("min_left", None, "2s"),
    "Document.retry": ("retry", None, {"attempts": 2}),
    "Document.failover": ("failover", None, {"also_on": ["invalid_request"]}),
    "Document.stream": ("stream", None, {"inside": True}),
    "Document.breaker": ("breaker", None, "off"),
    "Document.hedge": ("hedge", None, {"after": "2s"}),
    "Document.cache": ("cache", None, {}),
    "Document.costs": ("costs", None, {"ledger": "costs.db"}),
    "Document.offline": ("offline", None, {"use": ["a"]}),
    "Document.invariants": (
        "invariants",
        None,
        [{"name": "x", "for_all": {}, "every_hop": {"locality": ["local", "remote"]}}],
    ),
    "Document.machine": ("machine", None, {"memory": "8GiB"}),
    "Document.log": ("log", None, {"calls": "calls.jsonl"}),
    "Document.speeds": ("speeds", None, "speeds.json", {"models.f.balance": "fastest"}),
    "Dimension.values": ("dimensions.data.values", ["public", "private"], ["public"]),
    "Dimension.type": (
        "dimensions.size",
        {"type": "integer", "default": 1},
        {"values": ["1"], "default": "1"},
    ),
    "Dimension.default": ("dimensions.data.default", "public", "private"),
    "EndpointSettings.kind": ("endpoints.ollama.kind", "ollama", "openai"),
    "EndpointSettings.url": ("endpoints.web.url", "https://one.example/v1", "https://two.example/v1"),
    "EndpointSettings.path": ("endpoints.file.path", "models", "others"),
    "EndpointSettings.threads": ("endpoints.file.threads", None, 3),
    "EndpointSettings.script": ("endpoints.fake.script", None, ["timeout"]),
    "EndpointSettings.locality": ("endpoints.web.locality", None, "local"),
    "EndpointSettings.key": ("endpoints.web.key", "${env:WEB_KEY}", "${env:OTHER_KEY}"),
    "EndpointSettings.keys": ("endpoints.agent.keys", None, ["${env:ONE_KEY}", "${env:TWO_KEY}"]),
    "EndpointSettings.headers": ("endpoints.web.headers", None, {"x-team": "${env:TEAM_TOKEN}"}),
    "EndpointSettings.proxy": ("endpoints.web.proxy", None, "http://proxy.example:3128"),
    "EndpointSettings.ca": ("endpoints.web.ca", None, "ca.pem"),
    "EndpointSettings.cert": ("endpoints.web.cert", None, CERT),
    "CertificateSettings.file": ("endpoints.web.cert.file", "a.pem", "b.pem", {"endpoints.web.cert": CERT}),
    "CertificateSettings.keyfile": (
        "endpoints.web.cert.keyfile",
        "a.pem",
        "b.pem",
        {"endpoints.web.cert": CERT},
    ),
    "CertificateSettings.password": (
        "endpoints.web.cert.password",
        "${env:ONE_PASSWORD}",
        "${env:TWO_PASSWORD}",
        {"endpoints.web.cert": CERT},
    ),
    "EndpointSettings.verify": ("endpoints.web.verify", None, False),
    "EndpointSettings.api_version": ("endpoints.claude.api_version", None, "2024-01-01"),
    "EndpointSettings.quirks": ("endpoints.web.quirks", None, "vllm"),
    "EndpointSettings.transport": ("endpoints.web.transport", None, "httpx"),
    "EndpointSettings.agent": ("endpoints.agent.agent", None, "default"),
    "EndpointSettings.timeout": ("endpoints.web.timeout", None, "10s"),
    "EndpointSettings.concurrency": ("endpoints.web.concurrency", None, 3),
    "EndpointSettings.queue": ("endpoints.web.queue", None, {"max": 7}),
    "EndpointSettings.limits": ("endpoints.web.limits", None, {"requests_per_minute": 9}),
    "EndpointSettings.health": ("endpoints.ollama.health", None, "off"),
    "EndpointSettings.memory": ("endpoints.file.memory", None, "8GiB"),
    "EndpointSettings.when_full": ("endpoints.file.when_full", None, "next", RESIDENT),
    "EndpointSettings.strategy": ("endpoints.file.strategy", None, "ordered", RESIDENT),
    "EndpointSettings.max_wait": ("endpoints.file.max_wait", None, "1s", RESIDENT),
    "EndpointSettings.idle_unload": ("endpoints.file.idle_unload", None, "5m"),
    "EndpointSettings.load_timeout": ("endpoints.file.load_timeout", None, "100s"),
    "EndpointSettings.isolation": ("endpoints.file.isolation", None, "none"),
    "TimeoutSettings.connect": ("endpoints.web.timeout.connect", None, "2s"),
    "TimeoutSettings.first": ("endpoints.web.timeout.first", None, "2s"),
    "TimeoutSettings.idle": ("endpoints.web.timeout.idle", None, "2s"),
    "TimeoutSettings.total": ("endpoints.web.timeout.total", None, "2s"),
    "QueueSettings.max": ("endpoints.web.queue.max", None, 3),
    "QueueSettings.timeout": ("endpoints.web.queue.timeout", None, "3s"),
    "LimitSettings.requests_per_minute": (
        "endpoints.web.limits.requests_per_minute",
        None,
        5,
        {"endpoints.web.limits": {"tokens_per_minute": 999}},
    ),
    "LimitSettings.tokens_per_minute": (
        "endpoints.web.limits.tokens_per_minute",
        None,
        5000,
        {"endpoints.web.limits": {"requests_per_minute": 9}},
    ),
    "HealthSettings.every": ("endpoints.ollama.health.every", None, "5s", HEALTH),
    "HealthSettings.probe": ("endpoints.ollama.health.probe", None, "/up", HEALTH),
    "HealthSettings.timeout": ("endpoints.ollama.health.timeout", None, "1s", HEALTH),
    "HealthSettings.fall": ("endpoints.ollama.health.fall", None, 9, HEALTH),
    "HealthSettings.rise": ("endpoints.ollama.health.rise", None, 9, HEALTH),
    "Saying.say": ("endpoints.fake.script", [{"say": "one"}], [{"say": "two"}]),
    "ModelSettings.at": ("models.b.at", "web", "fake"),
    "ModelSettings.id": ("models.a.id", "ida", "other"),
    "ModelSettings.balance": ("models.a.balance", None, "least_busy"),
    "ModelSettings.context": ("models.a.context", None, 9000),
    "ModelSettings.price": ("models.b.price", None, {"input": "$1", "output": "$2"}),
    "ModelSettings.capabilities": ("models.a.capabilities", None, ["tools"]),
    "ModelSettings.options": ("models.lost.options", None, {"seed": 1}, {"models.lost": {"at": "fake"}}),
    "ModelSettings.failover": ("models.a.failover", None, ["b"]),
    "ModelSettings.memory": ("models.d.memory", None, "2GiB", RESIDENT),
    "ModelSettings.pin": ("models.d.pin", None, True, RESIDENT),
    "ModelSettings.evict_cost": ("models.d.evict_cost", None, 3, RESIDENT),
    "ModelSettings.preload": ("models.d.preload", None, True),
    "ModelSettings.truncate": ("models.a.truncate", None, "oldest", {"models.a.context": 9000}),
    "ModelSettings.family": ("models.a.family", None, "mistral"),
    "ModelSettings.clamp": ("models.a.clamp", None, {"temperature": "<= 0.8"}),
    "ModelSettings.before": ("models.a.before", None, [{"prefix": "x"}]),
    "ModelSettings.after": ("models.a.after", None, ["strip"]),
    "PlaceSettings.id": ("models.f.at.fake.id", None, "other"),
    "PlaceSettings.weight": ("models.f.at.fake.weight", None, 3),
    "PlaceSettings.context": ("models.f.at.fake.context", None, 9000),
    "PlaceSettings.price": ("models.f.at.fake.price", None, {"input": "$1", "output": "$2"}),
    "PlaceSettings.memory": ("models.f.at.fake.memory", None, "2GiB", MACHINE),
    "PriceSettings.input": ("models.b.price.input", "$1", "$2", {"models.b.price": {"output": "$5"}}),
    "PriceSettings.output": ("models.b.price.output", "$1", "$2", {"models.b.price": {"input": "$5"}}),
    "PriceSettings.cached_input": (
        "models.b.price.cached_input",
        "$1",
        "$2",
        {"models.b.price": {"input": "$5", "output": "$5"}},
    ),
    "PriceSettings.per_hour": ("models.b.price.per_hour", "$1", "$2", {"models.b.price": {}}),
    "OptionSettings.temperature": ("models.a.options.temperature", None, 0.4),
    "OptionSettings.top_p": ("models.a.options.top_p", None, 0.4),
    "OptionSettings.max_tokens": ("models.a.options.max_tokens", None, 40),
    "OptionSettings.stop": ("models.a.options.stop", None, ["x"]),
    "OptionSettings.seed": ("models.a.options.seed", None, 4),
    "OptionSettings.reasoning_effort": ("models.a.options.reasoning_effort", None, "low"),
    "OptionSettings.extra": ("models.a.options.extra", None, {"x": 1}),
    "ClampSettings.temperature": ("models.a.clamp.temperature", None, "<= 0.8"),
    "ClampSettings.top_p": ("models.a.clamp.top_p", None, "0.1..1"),
    "ClampSettings.max_tokens": ("models.a.clamp.max_tokens", None, ">= 256"),
    "MergeSystemSettings.into": ("models.a.before", ["merge_system"], [{"merge_system": {"into": "user"}}]),
    "StripImagesSettings.instead": (
        "models.a.before",
        ["strip_images"],
        [{"strip_images": {"instead": "x"}}],
    ),
    "TruncateSettings.tokens": (
        "models.a.before",
        [{"truncate": {"tokens": 9}}],
        [{"truncate": {"tokens": 8}}],
    ),
    "TruncateSettings.drop": (
        "models.a.before",
        [{"truncate": {"tokens": 9}}],
        [{"truncate": {"tokens": 9, "drop": "middle"}}],
    ),
    "FenceCodeSettings.language": ("models.a.after", ["fence_code"], [{"fence_code": {"language": "c"}}]),
    "StripThinkingSettings.to": (
        "models.a.after",
        ["strip_thinking"],
        [{"strip_thinking": {"to": "nowhere"}}],
    ),
    "StripThinkingSettings.opened": (
        "models.a.after",
        ["strip_thinking"],
        [{"strip_thinking": {"opened": True}}],
    ),
    "JsonRepairSettings.otherwise": (
        "models.a.after",
        ["json_repair"],
        [{"json_repair": {"otherwise": "keep"}}],
    ),
    "RegexSettings.pattern": (
        "models.a.after",
        [{"regex": {"pattern": "x"}}],
        [{"regex": {"pattern": "y"}}],
    ),
    "RegexSettings.replace": (
        "models.a.after",
        [{"regex": {"pattern": "x"}}],
        [{"regex": {"pattern": "x", "replace": "y"}}],
    ),
    "RuleSettings.when": ("rules.0.when", {"task": "code"}, {"task": "chat"}),
    "RuleSettings.use": ("rules.0.use", ["a", "b"], ["b", "a"]),
    "RuleSettings.matrix": (
        "rules.0",
        {"matrix": ["task", "use"], "rows": [["code", "a"]]},
        {"matrix": ["priority", "use"], "rows": [["speed", "a"]]},
    ),
    "RuleSettings.rows": (
        "rules.0",
        {"matrix": ["task", "use"], "rows": [["code", "a"]]},
        {"matrix": ["task", "use"], "rows": [["code", "b"]]},
    ),
    "RuleSettings.options": ("rules.0.options", None, {"seed": 3}),
    "RuleSettings.deadline": ("rules.0.deadline", None, "3s"),
    "RuleSettings.retry": ("rules.0.retry", None, {"attempts": 2}),
    "RuleSettings.urgency": ("rules.0.urgency", None, "high"),
    "RuleSettings.cache": ("rules.0.cache", None, "always", CACHE),
    "RuleSettings.no_degrade": ("rules.0.no_degrade", None, True, {"offline": {"use": ["a"]}}),
    "RetrySettings.attempts": ("retry.attempts", None, 2),
    "RetrySettings.same": ("retry.same", None, 0),
    "RetrySettings.backoff": ("retry.backoff", None, {"first": "1s"}),
    "RetrySettings.wait": ("retry.wait", None, "1s"),
    "RetrySettings.wait_alone": ("retry.wait_alone", None, "1s"),
    "BackoffSettings.first": ("retry.backoff.first", None, "1s"),
    "BackoffSettings.factor": ("retry.backoff.factor", None, 3),
    "BackoffSettings.max": ("retry.backoff.max", None, "4s"),
    "FailoverSettings.also_on": ("failover.also_on", None, ["invalid_request"]),
    "FailoverSettings.never_on": ("failover.never_on", None, ["rate_limited"]),
    "BreakerSettings.failures": ("breaker.failures", None, 9),
    "BreakerSettings.ratio": ("breaker.ratio", None, "40%"),
    "BreakerSettings.window": ("breaker.window", None, "40s"),
    "BreakerSettings.minimum": ("breaker.minimum", None, 40),
    "BreakerSettings.open": ("breaker.open", None, "4s"),
    "BreakerSettings.max_open": ("breaker.max_open", None, "40s"),
    "HedgeSettings.after": ("hedge.after", "2s", "3s"),
    "HedgeSettings.max": ("hedge.max", None, "10%", {"hedge": {"after": "2s"}}),
    "StreamSettings.delivery": ("stream.delivery", None, "buffered"),
    "StreamSettings.on_interrupt": (
        "stream.on_interrupt",
        None,
        "restart",
        {"stream": {"delivery": "buffered"}},
    ),
    "StreamSettings.inside": ("stream.inside", None, True),
    "CacheSettings.store": ("cache.store", None, {"sqlite": "answers.db"}, CACHE),
    "CacheSettings.size": ("cache.size", None, "1MiB", CACHE),
    "CacheSettings.ttl": ("cache.ttl", None, "1m", CACHE),
    "CacheSettings.tools": ("cache.tools", None, True, CACHE),
    "CacheSettings.separate": ("cache.separate", None, ["data"], CACHE),
    "SqliteSettings.sqlite": ("cache.store.sqlite", "one.db", "two.db"),
    "CacheUseSettings.ttl": ("rules.0.cache", {"ttl": "1m"}, {"ttl": "2m"}, CACHE),
    "CostSettings.ledger": ("costs.ledger", None, "other.db", COSTS),
    "CostSettings.budgets": ("costs.budgets.1", None, {"name": "y", "limit": "$9"}, COSTS),
    "CostSettings.prices": ("costs.prices", None, "prices.json", COSTS),
    "CostSettings.on_ledger_error": ("costs.on_ledger_error", None, "allow", COSTS),
    "CostSettings.timezone": ("costs.timezone", None, "Europe/Paris", COSTS),
    "BudgetSettings.name": (f"{BUDGET}.name", "x", "y", COSTS),
    "BudgetSettings.limit": (f"{BUDGET}.limit", "$5", "$6", COSTS),
    "BudgetSettings.per": (f"{BUDGET}.per", None, "hour", COSTS),
    "BudgetSettings.each": (f"{BUDGET}.each", None, "user", COSTS),
    "BudgetSettings.then": (f"{BUDGET}.then", None, "warn", COSTS),
    "BudgetThen.use": (f"{BUDGET}.then", {"use": "a"}, {"use": "f"}, COSTS),
    "OfflineSettings.mode": ("offline.mode", None, "only", {"offline": {"use": ["a"]}}),
    "OfflineSettings.use": ("offline.use", ["a"], ["f"]),
    "OfflineSettings.stale_cache": ("offline.stale_cache", "1d", "2d"),
    "OfflineSettings.replies": ("offline.replies", [{"say": "x"}], [{"say": "y"}, {"say": "z"}]),
    "ReplySettings.contains": ("offline.replies", [{"say": "x"}], [{"say": "x", "contains": ["hello"]}]),
    "ReplySettings.say": ("offline.replies", [{"say": "x"}], [{"say": "y"}]),
    "InvariantSettings.name": ("invariants.0.name", "x", "y", INVARIANT),
    "InvariantSettings.for_all": ("invariants.0.for_all", {"data": "private"}, {"data": "public"}, INVARIANT),
    "InvariantSettings.every_hop": (
        "invariants.0.every_hop",
        {"kind": ["mock", "openai"]},
        {"locality": "remote"},
        INVARIANT,
    ),
    "MachineSettings.memory": ("machine.memory", "8GiB", "9GiB"),
    "LogSettings.content": ("log.content", None, "hash", LOG),
    "LogSettings.calls": ("log.calls", "one.jsonl", "two.jsonl"),
    "LogSettings.size": ("log.size", None, "1MiB", LOG),
    "LogSettings.keep": ("log.keep", None, 2, LOG),
}
KEYS = sorted(f"{name}.{key}" for name, (fields, _) in records().items() for key in fields.keys)


def put(root, place, value):
    """Put a value at a dotted place; None takes it away, and leaves nothing empty behind that was not there."""
    *parents, last = place.split(".")
    at = root
    for name in parents:
        at = (
            at[int(name)]
            if isinstance(at, list)
            else at.setdefault(name, {})
            if value is not None
            else at.get(name)
        )
        if at is None:
            return
    if isinstance(at, list):
        at[int(last) : int(last) + 1] = [] if value is None else [value]
    elif value is None:
        at.pop(last, None)
    else:
        at[last] = value


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return what `router diff` tells of a change, findings that came and went and the worst apart."""
    monkeypatch.chdir(tmp_path)
    prices = {"prices": [{"model": "b", "input": "7", "output": "9"}]}
    (tmp_path / "prices.json").write_text(json.dumps(prices), encoding="utf-8")
    speeds = {"places": [{"model": "f", "endpoint": "fake", "first_seconds": 0.5}]}
    (tmp_path / "speeds.json").write_text(json.dumps(speeds), encoding="utf-8")

    def run(place, before, after, needed=None):
        base = yaml.safe_load(FILE)
        for where, value in (needed or {}).items():
            put(base, where, deepcopy(value))
        for name, value in (("old", before), ("new", after)):
            root = deepcopy(base)
            put(root, place, value)
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(root, sort_keys=False), encoding="utf-8")
        words = ["diff", "old.yaml", "new.yaml", "--format"]
        result = CliRunner().invoke(cli, [*words, "json"])
        assert result.exit_code == 0, [
            each for each in json.loads(result.stdout)["findings"] if each["code"] < "R4"
        ]
        shown = json.loads(result.stdout)
        lines = [*shown["endpoints"], *shown["policies"], *shown["settings"]]
        human, markdown = (CliRunner().invoke(cli, [*words, form]).output for form in ("human", "markdown"))
        for line in lines:
            assert line in human.splitlines()
            assert f"- {line}" in markdown.splitlines()
        return [*lines, *shown["regions"], *shown["prices"]]

    return run


@pytest.mark.parametrize("key", KEYS)
def test_a_change_of_a_key_is_told_unless_it_has_no_effect(told, key):
    if key in WITHOUT_EFFECT:
        assert key not in CHANGES
        return
    assert key in CHANGES, f"tell here how {key} changes, or why that has no effect"
    assert told(*CHANGES[key])


def test_no_key_is_listed_that_the_language_does_not_have():
    assert {*CHANGES, *WITHOUT_EFFECT} <= {*KEYS}
