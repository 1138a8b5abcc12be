"""One class for each client that is measured: the floor under all of them, HTTP clients, this package and its peers.

Each is made for an address, opened, asked by `call` (a whole answer's text) and `stream` (texts as they come), and
closed. What it needs is imported when it is opened: every peer lives in an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = "gpt-4o-mini"  # a name that LiteLLM has a price for
MESSAGES = [
    {"role": "system", "content": "You are a careful assistant. Answer briefly."},
    {
        "role": "user",
        "content": "How should a router choose an endpoint? Explain it in a few sentences. " * 4,
    },
]
OPTIONS = {"temperature": 0.2, "max_tokens": 400}
BODY = {"model": MODEL, "messages": MESSAGES, **OPTIONS}
KEY = "not-a-key"
PLENTY = 2_000


class Driver:
    """A client of the server at an address such as `http://127.0.0.1:8080/plain`."""

    model: ClassVar[str] = MODEL
    loop: ClassVar[str] = "asyncio"  # or uvloop

    def __init__(self, base: str) -> None:
        self.base = base

    async def open(self) -> None:
        """Make ready."""

    async def call(self) -> str:
        """Return the text of a whole answer."""
        raise NotImplementedError

    def stream(self) -> AsyncIterator[str]:
        """Iterate over the texts of a streamed answer."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go."""


class _Wire(asyncio.Protocol):
    """A connection that knows where an answer of a known length ends, and nothing else."""

    def __init__(self) -> None:
        self.data = b""
        self.need = 0
        self.waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self.data + data if self.data else data
        if not self.need:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.data = data
                return
            at = data.find(b"content-length:") + 15
            self.need = end + 4 + int(data[at : data.find(b"\r", at)])
        if len(data) < self.need:
            self.data = data
            return
        self.data, self.need = b"", 0
        if self.waiter is not None:
            self.waiter.set_result(data)


class Floor(Driver):
    """The floor: a raw connection for each call under way, one write, one read, and the JSON that anybody must do."""

    async def open(self) -> None:
        import msgspec

        self.encode, self.decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
        parts = urlsplit(self.base)
        self.at = (parts.hostname, parts.port)
        self.head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ".encode()
        self.idle: list[_Wire] = []

    async def ask(self, body: object) -> bytes:
        """Return the body of an answer."""
        loop = asyncio.get_running_loop()
        wire = self.idle.pop() if self.idle else (await loop.create_connection(_Wire, *self.at))[1]
        wire.waiter = loop.create_future()
        sent = self.encode(body)
        wire.transport.write(b"%b%d\r\n\r\n%b" % (self.head, len(sent), sent))
        data = await wire.waiter
        self.idle.append(wire)
        return data[data.find(b"\r\n\r\n") + 4 :]

    async def call(self) -> str:
        return self.decode(await self.ask(BODY))["choices"][0]["message"]["content"]

    async def stream(self) -> AsyncIterator[str]:
        for event in (await self.ask({**BODY, "stream": True})).split(b"\n\n"):
            if event.startswith(b"data: {"):
                yield self.decode(event[6:])["choices"][0]["delta"].get("content") or ""

    async def close(self) -> None:
        for wire in self.idle:
            wire.transport.close()


class Httpx(Driver):
    """httpx as its pages show it."""

    async def open(self) -> None:
        import httpx

        self.client = httpx.AsyncClient(timeout=60)

    async def call(self) -> str:
        answer = await self.client.post(f"{self.base}/chat/completions", json=BODY)
        return answer.json()["choices"][0]["message"]["content"]

    async def stream(self) -> AsyncIterator[str]:
        body = {**BODY, "stream": True}
        async with self.client.stream("POST", f"{self.base}/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""

    async def close(self) -> None:
        await self.client.aclose()


class Aiohttp(Driver):
    """aiohttp as its pages show it."""

    async def open(self) -> None:
        import aiohttp

        self.client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def call(self) -> str:
        async with self.client.post(f"{self.base}/chat/completions", json=BODY) as answer:
            return (await answer.json())["choices"][0]["message"]["content"]

    async def stream(self) -> AsyncIterator[str]:
        body = {**BODY, "stream": True}
        async with self.client.post(f"{self.base}/chat/completions", json=body) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""

    async def close(self) -> None:
        await self.client.close()


class OpenAi(Driver):
    """The openai package."""

    async def open(self) -> None:
        import openai

        self.client = openai.AsyncOpenAI(base_url=self.base, api_key=KEY, timeout=60)

    async def call(self) -> str:
        answer = await self.client.chat.completions.create(**BODY)
        return answer.choices[0].message.content

    async def stream(self) -> AsyncIterator[str]:
        async for event in await self.client.chat.completions.create(**BODY, stream=True):
            if event.choices:
                yield event.choices[0].delta.content or ""

    async def close(self) -> None:
        await self.client.close()


class LiteLlm(Driver):
    """LiteLLM's Router: two deployments, retries, cooldowns, as its pages show it; a model that it has a price for."""

    async def open(self) -> None:
        os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
        import litellm

        litellm.telemetry = False
        litellm.suppress_debug_info = True
        one = {"model": f"openai/{self.model}", "api_base": self.base, "api_key": KEY}
        other = {**one, "api_base": f"{self.base}/"}
        deployments = [{"model_name": "main", "litellm_params": each} for each in (one, other)]
        self.router = litellm.Router(model_list=deployments, num_retries=2, allowed_fails=3, cooldown_time=30)

    async def call(self) -> str:
        answer = await self.router.acompletion(model="main", messages=MESSAGES, **OPTIONS)
        return answer.choices[0].message.content

    async def stream(self) -> AsyncIterator[str]:
        async for event in await self.router.acompletion(
            model="main", messages=MESSAGES, stream=True, **OPTIONS
        ):
            if event.choices:
                yield event.choices[0].delta.content or ""


class LiteLlmUnpriced(LiteLlm):
    """The same with a model that it has no price for."""

    model = "a-model-of-ours"


class LangChain(Driver):
    """langchain-openai with a fallback."""

    async def open(self) -> None:
        from langchain_openai import ChatOpenAI

        one, other = (ChatOpenAI(model=MODEL, base_url=self.base, api_key=KEY, **OPTIONS) for _ in range(2))
        self.chain = one.with_fallbacks([other])
        self.said = [(each["role"], each["content"]) for each in MESSAGES]

    async def call(self) -> str:
        return (await self.chain.ainvoke(self.said)).content

    async def stream(self) -> AsyncIterator[str]:
        async for event in self.chain.astream(self.said):
            yield event.content


GATEWAY = """
[gateway]
observability.enabled = false
[models.m]
routing = ["one", "two"]
[models.m.providers.one]
type = "openai"
model_name = "{model}"
api_base = "{base}/"
api_key_location = "env::BENCHMARK_KEY"
[models.m.providers.two]
type = "openai"
model_name = "{model}"
api_base = "{base}/"
api_key_location = "env::BENCHMARK_KEY"
[functions.f]
type = "chat"
[functions.f.variants.v]
type = "chat_completion"
model = "m"
temperature = 0.2
max_tokens = 400
"""


class TensorZero(Driver):
    """TensorZero's gateway in this process: compiled Rust, what it would observe left out."""

    async def open(self) -> None:
        os.environ["BENCHMARK_KEY"] = KEY
        import tensorzero

        with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
            file.write(GATEWAY.format(model=MODEL, base=self.base))
        self.client = await tensorzero.AsyncTensorZeroGateway.build_embedded(
            config_file=file.name, async_setup=True
        )
        self.said = {"system": MESSAGES[0]["content"], "messages": MESSAGES[1:]}

    async def call(self) -> str:
        return (await self.client.inference(function_name="f", input=self.said)).content[0].text

    async def stream(self) -> AsyncIterator[str]:
        async for event in await self.client.inference(function_name="f", input=self.said, stream=True):
            for part in getattr(event, "content", ()):
                yield getattr(part, "text", "")


FILE = """\
version: 1
endpoints:
  here: {{kind: openai, url: "{base}", concurrency: {plenty}, queue: {{max: 100000, timeout: 60s}}, health: off, transport: {transport}}}
  there: {{kind: openai, url: "{base}/", concurrency: {plenty}, health: off, transport: {transport}}}
models:
  main: {{at: here, context: 8192, price: {{input: $1, output: $2}}}}
  spare: {{at: there, context: 8192, price: {{input: $1, output: $2}}}}
temperatures: {{code: 0.2, default: 0.7}}
rules:
  - {{name: long code, when: {{task: code, tokens: "> 4000"}}, use: [main, spare]}}
  - {{name: code, when: {{task: code}}, use: [main, spare]}}
  - {{name: otherwise, use: [spare, main]}}
{more}
"""


class Ours(Driver):
    """This package with all its duties: rules, limits, breakers, failover, deadline, cost, usage."""

    transport: ClassVar[str] = "fast"
    more: ClassVar[str] = ""

    async def open(self) -> None:
        from router import load_router

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "router.yaml"
            text = FILE.format(base=self.base, plenty=PLENTY, transport=self.transport, more=self.more)
            file.write_text(text, encoding="utf-8")
            self.router = load_router(file, env={})

    async def call(self) -> str:
        return (await self.router.complete(MESSAGES, OPTIONS, task="code")).text

    async def stream(self) -> AsyncIterator[str]:
        async with self.router.stream(MESSAGES, OPTIONS, task="code") as reply:
            async for event in reply:
                yield event.text

    async def close(self) -> None:
        await self.router.close()


class OursHttpx(Ours):
    """The same over httpx."""

    transport = "httpx"


class OursUvloop(Ours):
    """The same on uvloop's event loop."""

    loop = "uvloop"


class OursLedger(Ours):
    """With a ledger in a file and a budget: every call is written down before it is made, and settled after."""

    more = "costs: {ledger: costs.sqlite, budgets: [{name: all, limit: $1000000, per: total}]}"

    async def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.more = self.more.replace("costs.sqlite", f"{self.folder.name}/costs.sqlite")
        await super().open()


class OursCached(Ours):
    """Every answer but the first is a kept one."""

    more = "cache: {}"

    async def call(self) -> str:
        return (await self.router.complete(MESSAGES, {**OPTIONS, "cache": "always"}, task="code")).text


# Each with the environment that it needs: the packages to install, of which the first is the one whose version counts.
DRIVERS: dict[str, tuple[str, type[Driver]]] = {
    "floor": ("here", Floor),
    "httpx": ("here", Httpx),
    "aiohttp": ("clients", Aiohttp),
    "openai": ("clients", OpenAi),
    "langchain": ("langchain", LangChain),
    "tensorzero": ("tensorzero", TensorZero),
    "litellm": ("litellm", LiteLlm),
    "litellm, unpriced": ("litellm", LiteLlmUnpriced),
    "router": ("here", Ours),
    "router on uvloop": ("here", OursUvloop),
    "router over httpx": ("here", OursHttpx),
    "router with a ledger": ("here", OursLedger),
    "router, kept answer": ("here", OursCached),
}
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "clients": ("aiohttp", "openai"),
    "langchain": ("langchain-openai",),
    "tensorzero": ("tensorzero",),
    "litellm": ("litellm",),
}
