"""A real OpenCode server in an empty git folder, with a home of its own, over providers that the tests run themselves."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.wall import answer, mute, piece, stream, wall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.wall import Asked, Wall

ROOT = Path(__file__).parents[2]
PASSWORD = "a-password-of-the-tests"
READY = 120.0
STRANGE = "Instructions of a folder above."
MISSING = (
    "opencode is not installed: `npm install opencode-ai` here, or put its path into the variable OPENCODE"
)


def binary() -> str | None:
    """Return the command: from the variable OPENCODE, the folder of npm here, or the path."""
    here = ROOT / "node_modules/.bin/opencode"
    named = os.environ.get("OPENCODE") or (str(here) if here.exists() else "opencode")
    return shutil.which(named)


@dataclass(frozen=True, slots=True)
class RealOpenCode:
    """A running server."""

    url: str
    version: str

    def sessions(self) -> list[object]:
        """Return the sessions it has."""
        return json.loads(_get(self.url, "/session"))


@contextmanager
def served(command: str, folder: Path, providers: Mapping[str, str]) -> Iterator[RealOpenCode]:
    """Run a server until the end of the block.

    Args:
        command: What starts it.
        folder: An empty folder for its home, its project and its configuration.
        providers: OpenAI-compatible base addresses by name; each has a model for every word the tests use.
    """
    home, project = folder / "home", folder / "project"
    for each in (home, project):
        each.mkdir()
    (folder / "AGENTS.md").write_text(STRANGE, encoding="utf-8")
    git = shutil.which("git")
    if git is not None:  # a folder of its own, above which it does not look for instructions
        subprocess.run([git, "init", "-q", str(project)], check=True)
    (folder / "opencode.json").write_text(json.dumps(configuration(providers)), encoding="utf-8")
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [command, "serve", "--port", str(port), "--hostname", "127.0.0.1"],
            cwd=project,
            env=environment(home, folder / "opencode.json"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            yield RealOpenCode(url, _wait_until_ready(url, process))
        finally:
            process.kill()  # asked politely it may take half a minute
            process.wait()


def configuration(providers: Mapping[str, str]) -> dict[str, object]:
    """Return the server's configuration: the one that docs/opencode.md shows, with providers of the tests."""
    page = (ROOT / "docs/opencode.md").read_text(encoding="utf-8")
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    models: dict[str, object] = {name: {} for name in ("ok", "err429", "err500", "hang", "real")}
    models["warm"] = {"variants": {"high": {"temperature": 0.2}}}
    del shown["$schema"]  # an address that nobody is to ask for
    return {
        **shown,
        "enabled_providers": list(providers),
        "provider": {
            name: {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": url, "apiKey": "a-key-upstream"},
                "models": models,
            }
            for name, url in providers.items()
        },
    }


def environment(home: Path, config: Path) -> dict[str, str]:
    """Return variables under which it sees nothing of this machine."""
    own = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    switches = ("PROJECT_CONFIG", "AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        **own,
        **{f"OPENCODE_DISABLE_{name}": "1" for name in switches},
        "OPENCODE_CONFIG": str(config),
        "OPENCODE_SERVER_PASSWORD": PASSWORD,
    }


@dataclass(slots=True, eq=False)
class Upstream:
    """A provider behind the server: the name of the model says how it behaves."""

    url: str = ""
    wall: Wall | None = None
    asked: list[dict[str, object]] = field(default_factory=list)

    async def reply(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.asked.append(asked.json)
        await BEHAVIOUR[str(asked.json["model"])](asked, writer)


USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
BEHAVIOUR = {
    "ok": stream(
        piece("Hello"),
        0.1,
        piece(" from"),
        0.1,
        piece(" there", "stop"),
        {"choices": [], "usage": USAGE},
        "[DONE]",
    ),
    "warm": answer(400, {"error": {"message": "Invalid value", "code": "invalid"}}),
    "err429": answer(
        429,
        {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}},
        {"retry-after": "33"},
    ),
    "err500": answer(500, {"error": {"message": "The server had an error"}}),
    "hang": mute,
}


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Run the provider on a loop of another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    found = Upstream()
    running = wall(found.reply)
    try:
        found.wall = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(10)
        found.url = f"{found.wall.url}/v1"
        yield found
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + READY
    while process.poll() is None and time.monotonic() < until:
        try:
            # What it is asked while it starts it may never answer.
            return json.loads(_get(url, "/global/health", 2.0))["version"]
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("opencode did not start")


def _get(url: str, path: str, timeout: float = 30.0) -> bytes:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    token = base64.b64encode(f"opencode:{PASSWORD}".encode()).decode()
    try:
        connection.request("GET", path, headers={"authorization": f"Basic {token}"})
        return connection.getresponse().read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]
