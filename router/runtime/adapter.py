"""One endpoint without a file: an address or a folder of models, and defaults for its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypedDict

from router.core.errors import ConfigError, InvalidCall
from router.core.options import gathered
from router.runtime.load import load_text

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from router.core.messages import Completion, Message
    from router.core.port import Provider
    from router.runtime.router import Router

USUAL = "http://127.0.0.1:4096"
MOST_MODELS = 100
LONGEST = 128
SERVER, EMBEDDED, MODEL = "opencode", "embedded", "model"
KEY = "ROUTER_ADAPTER_KEY"


class OpenCodeAdapterConfig(TypedDict, total=False):
    """The settings under the names, and in the units, that a JavaScript agent knows.

    Attributes:
        endpoint: Address of the server.
        modelPath: A .gguf file, or a folder of them.
        defaultModel: The model of a call that names none.
        defaultTemperature: The temperature of a call that names none.
        timeout: Milliseconds a call may take.
    """

    endpoint: str
    modelPath: str
    defaultModel: str
    defaultTemperature: float
    timeout: float


class OpenCodeAdapter:
    """An `LlmPort` over one endpoint; made by `make_opencode_adapter`. A call may name any model the endpoint has.

    Args:
        document: The configuration, without models and rules.
        settings: What each model of it says, without its name.
        model: The model of a call that names none, or None.
        key: The endpoint's credential, or None.
        providers: Providers to use instead, by endpoint.
    """

    # Mutable: `_routers`, one per model that was named, made under the GIL by one dictionary operation.

    def __init__(
        self,
        document: Mapping[str, Any],
        settings: Mapping[str, Any],
        model: str | None,
        key: str | None,
        providers: Mapping[str, Provider] | None,
    ) -> None:
        self._document = document
        self._settings = settings
        self._model = model
        self._env = {} if key is None else {KEY: key}
        self._providers = providers
        self._routers: dict[str, Router] = {}
        # A mistake shows now, not at the first call.
        self._routers[model or ""] = self._load(model or "any")

    async def complete(
        self,
        messages: Sequence[Message | Mapping[str, object]] | str,
        opts: Mapping[str, object] | None = None,
        /,
        **options: object,
    ) -> Completion:
        """Return the whole answer; see `Router.complete`. `model` is the name the endpoint knows.

        Raises:
            RouterError: The call is malformed or got no answer.
        """
        asked = gathered(opts, options)
        model = asked.pop("model", self._model)
        if not isinstance(model, str) or not 0 < len(model) <= LONGEST:
            raise InvalidCall(
                f"`model` must be a text of 1 to {LONGEST} characters, of the call or the adapter's default"
            )
        return await self._router(model).complete(messages, asked)

    async def close(self) -> None:
        """Free connections and models; the next call opens them again."""
        for router in list(self._routers.values()):
            await router.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _router(self, model: str) -> Router:
        found = self._routers.get(model)
        if found is None:
            if len(self._routers) >= MOST_MODELS:
                raise InvalidCall(
                    f"more than {MOST_MODELS} models were named; write a router.yaml for so many of them"
                )
            found = self._routers.setdefault(model, self._load(model))
        return found

    def _load(self, model: str) -> Router:
        import json  # noqa: PLC0415 - `import router` stays fast

        name = model if model == model.strip() else MODEL
        named = {
            "models": {name: {**self._settings, "id": _literal(model)}},
            "rules": [{"use": _literal(name)}],
        }
        # A line for each value: the compiler shows the line that is wrong.
        text = json.dumps({**self._document, **named}, ensure_ascii=False, indent=1)
        return load_text(text, env=self._env, providers=self._providers)


def make_opencode_adapter(  # noqa: PLR0913 - each is a keyword with a default
    config: OpenCodeAdapterConfig | Mapping[str, object] | None = None,
    /,
    *,
    endpoint: str | None = None,
    default_model: str | None = None,
    default_temperature: float | None = None,
    timeout: float | None = None,
    model_path: str | os.PathLike[str] | None = None,
    key: str | None = None,
    agent: str | None = None,
    providers: Mapping[str, Provider] | None = None,
) -> OpenCodeAdapter:
    """Return an `LlmPort` over one endpoint, without a file.

    Args:
        config: The settings as `OpenCodeAdapterConfig` has them; a keyword beside it wins.
        endpoint: A server of OpenCode, or an OpenAI-compatible one where the address ends in `/v1`;
            `http://127.0.0.1:4096` when neither it nor `model_path` is given.
        default_model: The model of a call that names none.
        default_temperature: The temperature of a call that names none.
        timeout: Seconds a call may take; in `config` it is milliseconds.
        model_path: A .gguf file, or a folder of them, to answer in this process; beside an endpoint it comes
            first, and the endpoint answers when it fails.
        key: The password of the OpenCode server, or the API key.
        agent: The agent of the OpenCode server that answers, `router` by default.
        providers: Providers to use instead, by endpoint (`opencode`, `embedded`): doubles in tests.

    Raises:
        ConfigError: A setting is wrong; `findings` tells which.
    """
    if config is not None and not isinstance(config, Mapping):
        raise ConfigError(f"the settings are a mapping or keywords, not {type(config).__name__}")
    known = {name: value for name, value in (config or {}).items() if value is not None}
    strangers = known.keys() - OpenCodeAdapterConfig.__annotations__.keys()
    if strangers:
        raise ConfigError(
            f"unknown setting `{min(strangers)}`; legal are {', '.join(OpenCodeAdapterConfig.__annotations__)}"
        )
    address = endpoint or known.get("endpoint")
    path = model_path or known.get("modelPath")
    heat = known.get("defaultTemperature") if default_temperature is None else default_temperature
    seconds = _seconds(known.get("timeout")) if timeout is None else timeout
    endpoints: dict[str, object] = {}
    if path is not None:
        endpoints[EMBEDDED] = {"kind": "gguf", "path": _literal(str(path))}
    if address is not None or path is None:
        endpoints[SERVER] = _server(str(address or USUAL), key, agent)
    if seconds is not None:
        endpoints = {name: {**each, "timeout": f"{seconds}s"} for name, each in endpoints.items()}  # type: ignore[dict-item]
    document = {
        "version": 1,
        "endpoints": endpoints,
        **({} if seconds is None else {"deadline": f"{seconds}s"}),
    }
    settings: dict[str, object] = {"at": list(endpoints)}
    if heat is not None:
        settings["options"] = {"temperature": heat}
    model = default_model or known.get("defaultModel")
    return OpenCodeAdapter(document, settings, None if model is None else str(model), key, providers)


def _server(address: str, key: str | None, agent: str | None) -> dict[str, object]:
    from urllib.parse import urlsplit  # noqa: PLC0415 - `import router` stays fast

    compatible = urlsplit(address).path.rstrip("/").endswith("/v1")
    found: dict[str, object] = {"kind": "openai" if compatible else "opencode", "url": _literal(address)}
    if key is not None:
        found["key"] = f"${{env:{KEY}}}"
    if agent is not None:
        found["agent"] = _literal(agent)
    return found


def _seconds(milliseconds: object) -> object:
    """Return seconds; what is no number is told by the compiler."""
    return milliseconds / 1000 if isinstance(milliseconds, int | float) else milliseconds


def _literal(text: str) -> str:
    """Return a text that stands for itself in a configuration."""
    return text.replace("${", "$${")
