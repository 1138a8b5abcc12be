"""One entry of a `model_list`: who serves the model, by what key, with which options."""

from __future__ import annotations

import re
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING

from router.config.addresses import HeadersShape, Url
from router.config.kinds import IGNORED
from router.config.locality import derived_locality
from router.config.node import Mapping, Scalar, Sequence, plain
from router.config.settings import OPTIONS
from router.config.shapes import Leaf
from router.convert.old import ENVIRON, Keys, referred
from router.convert.quantities import money
from router.convert.vendors import VENDORS, Vendor, vendor_of
from router.core.frozen import dataclass
from router.diagnostics.source import LOOKS_SECRET, printable

if TYPE_CHECKING:
    from router.convert.secrets import Secrets

MILLION = Decimal(1_000_000)
CHAT = (None, "chat", "responses")
FLAGS = {
    "supports_vision": "images",
    "supports_function_calling": "tools",
    "supports_response_schema": "json",
}
EXTRAS = ("frequency_penalty", "presence_penalty", "logit_bias", "top_k", "min_p")
# What Ollama takes under `options` that no option of the router's says.
OLLAMA = (
    *(
        "top_k",
        "min_p",
        "typical_p",
        "frequency_penalty",
        "presence_penalty",
        "repeat_penalty",
        "repeat_last_n",
    ),
    *("mirostat", "mirostat_eta", "mirostat_tau", "num_gpu", "num_keep", "num_thread"),
)
WIDEST = 10**8
PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
}
# What people write where a server wants some key and looks at none.
PLACEHOLDERS = re.compile(
    r"(sk-)?(none|null|empty|dummy|fake|any(thing)?|test|key|not-?needed|no-?key(-required)?|x+|1234|ollama|lm-studio)(-key)?",
    re.IGNORECASE,
)
_HEADERS = HeadersShape()
_SECRET_HEADER = re.compile(r"key|token|secret|passw|cookie|auth|credential|session", re.IGNORECASE)
REASONS = {
    "api_version": "Azure's v1 interface, which the address ends with, needs none",
    "stream_timeout": "`timeout: {first: 10s}` of an endpoint limits the wait for the first words",
    "keep_alive": "`idle_unload: 5m` of an endpoint says when a model goes that nobody asks for",
    "max_retries": "retries are the router's: `retry`",
    "num_retries": "retries are the router's: `retry`, for the file or a rule",
    "tags": "a dimension of your own and a rule say it",
    "max_budget": "`costs: {budgets: [..]}` limits what is spent",
    "budget_duration": "`costs: {budgets: [..]}` limits what is spent",
    "max_tokens": "it may mean the window or the answer; `max_input_tokens` is the window",
    "max_output_tokens": "`options: {max_tokens: N}` limits answers",
    "drop_params": "an option that a kind of endpoint cannot take is the finding R516",
    "base_model": "write `price` and `context` themselves",
    "id": "an endpoint and a model name a deployment",
}


@dataclass(slots=True)
class Deployment:
    """One entry, understood.

    Attributes:
        name: The group it belongs to.
        line: Where it stands.
        path: `model_list[3]`.
        vendor: Who serves it.
        id: The name of the model there.
        place: What tells its endpoint from others: kind, url, key, headers and time limit, as written.
        options: Sampling options, as the file will have them.
        extra: Fields that are sent as they are.
        price: Dollars per million tokens.
        flags: What it is said to take or not.
        keys: The entry's parameters, to tell what of them cannot be kept.
    """

    name: str
    line: int
    path: str
    vendor: str
    id: str
    place: tuple[tuple[str, object], ...]
    keys: Keys
    context: int | None = None
    options: dict[str, object] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)
    price: dict[str, str] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    weight: Decimal | None = None
    order: Decimal | None = None
    requests: int | None = None
    tokens: int | None = None
    parallel: int | None = None

    @property
    def kind(self) -> str:
        """The kind of its endpoint."""
        return str(dict(self.place)["kind"])


def deployment(entry: Keys, secrets: Secrets, timeout: Decimal | None) -> Deployment | str:
    """Return an entry, understood, or why it is none for the router; the rest of it is told as left."""
    name = entry.text("model_name")
    params, info = entry.keys("litellm_params"), entry.keys("model_info")
    model = params.text("model")
    if name is None or model is None:
        return "it has no `model_name` or no `litellm_params.model`"
    if "*" in name or "*" in model:
        return "a name with `*` stands for models that the file does not list; name each"
    mode = info.text("mode")
    if mode not in CHAT:
        return f"mode `{printable(mode)}`: the router serves chat alone"
    who, own = vendor_of(model, params.text("custom_llm_provider"))
    vendor = VENDORS.get(who)
    if vendor is None:
        return (
            f"no kind of endpoint is known for `{printable(model)}`; write one if it speaks OpenAI's language"
        )
    url = _url(params, vendor)
    if isinstance(url, Unusable):
        return url.why
    key = _key(params, who, url, secrets)
    headers = _headers(params, who, secrets)
    limit = _limit(params, timeout)
    place: dict[str, object] = {
        "kind": vendor.kind,
        "url": url,
        "key": key,
        "headers": headers,
        "timeout": limit,
    }
    found = Deployment(
        name,
        entry.node.span.line,
        entry.path,
        who,
        own,
        tuple(each for each in place.items() if each[1]),
        params,
    )
    _facts(found, params, info)
    for one in (entry, params, info):
        one.leave_rest(REASONS)
    return found


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why an entry is none for the router."""

    why: str


def _url(params: Keys, vendor: Vendor) -> str | Unusable:
    written = params.text("api_base", "base_url")
    if written is None:
        return vendor.url or (f"${{env:{vendor.base}}}{vendor.suffix}" if vendor.base else "")
    url = referred(written).rstrip("/")
    if vendor.base and vendor.suffix:
        url = url.partition("/openai/")[0].removesuffix("/openai")
    url = next((url.removesuffix(end) for end in vendor.cut if url.endswith(end)), url)
    if not url.endswith(vendor.suffix):
        url += vendor.suffix
    if "${" not in url and Url().read(url) is None:
        return Unusable("its address is none the router takes: http or https, no credentials, no query")
    return url


def _key(params: Keys, who: str, url: str, secrets: Secrets) -> str | None:
    vendor = VENDORS[who]
    written = params.text("api_key")
    near = bool(url) and "${" not in url and derived_locality(vendor.kind, url) == "local"
    if written is None:
        plain_http = url.startswith("http:")
        return f"${{env:{vendor.key}}}" if vendor.key and not plain_http else None
    if written.startswith(ENVIRON):
        return referred(written)
    if PLACEHOLDERS.fullmatch(written) and (near or url.startswith("http:")):
        params.leave("api_key", "it looks like a placeholder, and the server is reached without a key")
        return None
    name = secrets.named(written, vendor.key or f"{who.upper()}_API_KEY")
    params.leave("api_key", f"a key stands in no file: set the variable {name} to it")
    return f"${{env:{name}}}"


def _limit(params: Keys, usual: Decimal | None) -> Decimal | None:
    own = params.time("timeout")
    return usual if own is None else own


def _headers(params: Keys, who: str, secrets: Secrets) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for source in ("headers", "extra_headers"):
        keys = params.keys(source)
        for name in keys:
            value = keys.text(name)
            if value is None or not _HEADERS.legal(name):
                keys.leave(name, "the router sets it itself, or HTTP does not allow it")
            elif value.startswith(ENVIRON) or not (_SECRET_HEADER.search(name) or LOOKS_SECRET.search(value)):
                found[name] = referred(value)
            else:
                variable = secrets.named(value, f"{who}_{name}".upper().replace("-", "_"))
                keys.leave(name, f"a secret stands in no file: set the variable {variable} to it")
                found[name] = f"${{env:{variable}}}"
    organization = params.text("organization")
    if organization is not None:
        found["OpenAI-Organization"] = referred(organization)
    return tuple(found.items())


def _facts(found: Deployment, params: Keys, info: Keys) -> None:
    """Take over what the entry says of limits, options, prices and abilities."""
    _window(found, params, info)
    found.weight, found.order = params.number("weight"), params.number("order")
    found.requests, found.tokens = params.whole("rpm", 10**9), params.whole("tpm", 10**12)
    found.parallel = params.whole("max_parallel_requests", 10**4)
    if not params.has("max_tokens") and (most := params.whole("max_completion_tokens", 10**7)):
        found.options["max_tokens"] = most
    for name in OPTIONS.keys:
        if name != "extra" and params.has(name):
            _option(found, params, name)
    answer = found.options.get("max_tokens")
    if found.context is not None and isinstance(answer, int) and answer >= found.context:
        del found.options["max_tokens"]
        params.leave("max_tokens", "answers as long as the whole window leave no room for a prompt")
    _extras(found, params)
    for flag, ability in FLAGS.items():
        known = info.flag(flag)
        if known is not None:
            found.flags[ability] = known
    _price(found, info if any(info.has(name) for name in PRICES.values()) else params)


def _window(found: Deployment, params: Keys, info: Keys) -> None:
    """Take over how long prompts may be; Ollama loads a model with the window that is declared of it."""
    known = info.whole("max_input_tokens", WIDEST)
    loads = found.kind == "ollama"
    found.context = (params.whole("num_ctx", WIDEST) if loads else None) or known
    if loads and known is not None and found.context == known and not params.has("num_ctx"):
        info.leave("max_input_tokens", "as `context` it is the window that Ollama loads the model with")


def _extras(found: Deployment, params: Keys) -> None:
    """Take over fields that are sent as they are; Ollama takes its own sampling options under `options`."""
    body = params.keys("extra_body")
    for name in body:
        if name in OPTIONS.keys or isinstance(body.node.entries[name], Mapping):
            body.leave(name, "write it under `options`, or `options: {extra: ..}`")
        else:
            found.extra[name] = plain(body.node.entries[name])
    if found.kind == "ollama":
        own = {name: plain(node) for name in OLLAMA if (node := params.take(name)) is not None}
        if own:
            found.extra["options"] = own
        return
    for name in EXTRAS:
        node = params.take(name)
        if node is not None:
            found.extra[name] = plain(node)


def _option(found: Deployment, params: Keys, name: str) -> None:
    """Take over an option that is of the shape it has here, and that the kind of endpoint takes."""
    if name in IGNORED.get(found.kind, ()):
        params.leave(name, f"it cannot be sent to endpoints of kind {found.kind}")
        return
    node = params.take(name)
    shape = OPTIONS.keys[name].shape
    several = isinstance(node, Sequence) and all(isinstance(each, Scalar) for each in node.items)
    if isinstance(node, Scalar) and isinstance(shape, Leaf):
        value = shape.read(node.value)
        if value is not None:
            found.options[name] = node.text if isinstance(node.value, float) else value
            return
    elif not isinstance(shape, Leaf) and (isinstance(node, Scalar) or several) and node is not None:
        found.options[name] = plain(node)
        return
    params.leave(name, f"here it is {shape.wants}")


def _price(found: Deployment, keys: Keys) -> None:
    per_token = {ours: keys.number(theirs) for ours, theirs in PRICES.items()}
    if per_token["input"] is None or per_token["output"] is None:
        for ours, theirs in PRICES.items():
            if per_token[ours] is not None:
                keys.leave(theirs, "a price has an input and an output")
        return
    sums = {ours: money(cost * MILLION) for ours, cost in per_token.items() if cost is not None}
    for ours, amount in sums.items():
        if amount is None:
            keys.leave(PRICES[ours], "a sum has at most nine digits before and after its point")
    if None not in sums.values():
        found.price = {ours: amount for ours, amount in sums.items() if amount is not None}
