"""A server that behaves as Ollama does, as far as it is used here: its words, its lines, its memory, its cuts.

It counts a token for each word. A model says `Hello from NAME: <the last user's words it was shown>`.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = "2026-11-22T21:00:00.000000Z"
NEVER = "2318-03-04T00:00:00Z"
GIB = 2**30
DEFAULT_CONTEXT = 4096
BUSY = "server busy, please try again.  maximum pending requests exceeded"


@dataclass(slots=True)
class Pulled:
    """A model on the disk."""

    size: int = 2 * GIB
    capabilities: tuple[str, ...] = ("completion", "tools")
    remote_host: str = ""


@dataclass(slots=True)
class Loaded:
    """A model in memory."""

    context: int
    shift: bool
    keep: float


@dataclass(slots=True)
class FakeOllama:
    """The server's state; what a test changes takes effect at once.

    Attributes:
        url: Its address.
        models: On the disk, by full name.
        memory: In memory, by full name.
        asked: The bodies of all requests that have one, in order.
        paths: Method and path of all requests.
        started: Full names, in the order they were put into memory.
        busy: Whether the queue is full.
        breaks: After so many pieces an answer breaks off with an error inside the stream, or None.
        version: Of the server; below 0.12.6 a prompt is cut whatever is asked.
    """

    url: str = ""
    models: dict[str, Pulled] = field(default_factory=dict)
    memory: dict[str, Loaded] = field(default_factory=dict)
    asked: list[dict[str, object]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    busy: bool = False
    breaks: int | None = None
    version: str = "0.24.0"

    def tags(self) -> dict[str, object]:
        """Return the answer of /api/tags."""
        return {"models": [_listing(name, model) for name, model in self.models.items()]}

    def ps(self) -> dict[str, object]:
        """Return the answer of /api/ps."""
        return {
            "models": [
                {
                    **_listing(name, self.models.get(name, Pulled())),
                    "size": self.models.get(name, Pulled()).size + 2 * 1024 * loaded.context,
                    "size_vram": 0,
                    "expires_at": NEVER if loaded.keep < 0 else NOW,
                    "context_length": loaded.context,
                }
                for name, loaded in self.memory.items()
            ]
        }

    def chat(self, body: dict[str, object]) -> tuple[int, list[dict[str, object]]]:
        """Return the status and the objects of an answer."""
        name = full(str(body.get("model", "")))
        if name not in self.models:
            return 404, [{"error": f"model '{body.get('model')}' not found"}]
        messages = body.get("messages") or []
        keep = body.get("keep_alive")
        if not messages and keep == 0:
            self.memory.pop(name, None)
            return 200, [_end(body, "unload")]
        refused = self._refusal(body, self.models[name])
        if refused is not None:
            return refused
        loaded = self._put(name, body, keep)
        if not messages:
            return 200, [_end(body, "load")]
        return self._answer(body, messages, loaded)

    def _refusal(self, body: dict[str, object], model: Pulled) -> tuple[int, list[dict[str, object]]] | None:
        if self.busy:
            return 503, [{"error": BUSY}]
        name = full(str(body["model"]))
        if body.get("tools") and "tools" not in model.capabilities:
            return 400, [{"error": f"registry.ollama.ai/library/{name} does not support tools"}]
        if body.get("think") and "thinking" not in model.capabilities:
            return 400, [{"error": f'"{body["model"]}" does not support thinking'}]
        return None

    def _put(self, name: str, body: dict[str, object], keep: object) -> Loaded:
        """Put a model into memory; another window, or shifting or not, starts it anew."""
        options = body.get("options") or {}
        context = options.get("num_ctx", DEFAULT_CONTEXT)
        shift = body.get("shift", True)
        known = self.memory.get(name)
        if known is None or (known.context, known.shift) != (context, shift):
            self.started.append(name)
            known = self.memory[name] = Loaded(context, shift, 300.0)
        if keep is not None:
            known.keep = float(keep)
        return known

    def _answer(
        self, body: dict[str, object], messages: list[dict[str, object]], loaded: Loaded
    ) -> tuple[int, list[dict[str, object]]]:
        words = " ".join(str(each.get("content", "")) for each in messages).split()
        uncut = body.get("truncate") is False and _number(self.version) >= (0, 12, 6)
        if len(words) > loaded.context and uncut:
            said = (
                f"the request exceeds the available context size ({loaded.context} tokens), try increasing it"
            )
            inner = {"error": {"code": 400, "message": said, "type": "exceed_context_size_error"}}
            return 400, [{"error": json.dumps(inner)}]
        words = words[-loaded.context :]
        last = str(messages[-1].get("content", "")).split()
        kept = " ".join(word for word in last if word in words)
        text = f"Hello from {body['model']}: {kept}"
        pieces = [f"{word} " for word in text.split(" ")[:-1]] + [text.rsplit(" ", maxsplit=1)[-1]]
        options = body.get("options") or {}
        most = options.get("num_predict", len(pieces))
        reason = "length" if most < len(pieces) else "stop"
        shown = [_piece(body, content=piece) for piece in pieces[:most]]
        if body.get("think"):
            shown.insert(0, _piece(body, content="", thinking="Let me see."))
        if body.get("tools"):
            function = {
                "index": 0,
                "name": body["tools"][0]["function"]["name"],
                "arguments": {"city": "Rome"},
            }
            shown = [_piece(body, content="", tool_calls=[{"id": "call_abc12345", "function": function}])]
        if self.breaks is not None:
            broken = {"error": "an error was encountered while running the model: unexpected EOF"}
            return 200, [*shown[: self.breaks], broken]
        counts = {"prompt_eval_count": len(words), "eval_count": len(shown)}
        return 200, [*shown, {**_end(body, reason), **counts}]


def full(name: str) -> str:
    """Return a name with its tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _listing(name: str, model: Pulled) -> dict[str, object]:
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }
    found = {
        "name": name,
        "model": name,
        "modified_at": NOW,
        "size": model.size,
        "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
        "details": details,
    }
    return {**found, "remote_host": model.remote_host} if model.remote_host else found


def _piece(body: dict[str, object], **message: object) -> dict[str, object]:
    return {
        "model": body["model"],
        "created_at": NOW,
        "message": {"role": "assistant", **message},
        "done": False,
    }


def _end(body: dict[str, object], reason: str) -> dict[str, object]:
    return {
        "model": body["model"],
        "created_at": NOW,
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": reason,
        "total_duration": 1_000_000,
        "load_duration": 1_000,
    }


def _whole(objects: list[dict[str, object]]) -> dict[str, object]:
    """Return what a request that does not stream gets: one object, joined."""
    errors = [each for each in objects if "error" in each]
    if errors:
        return errors[0]
    messages = [each["message"] for each in objects]
    joined = {"role": "assistant", "content": "".join(each["content"] for each in messages)}
    thought = "".join(each.get("thinking", "") for each in messages)
    calls = [call for each in messages for call in each.get("tool_calls", [])]
    joined |= ({"thinking": thought} if thought else {}) | ({"tool_calls": calls} if calls else {})
    return {**objects[-1], "message": joined}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer what asks for nothing but facts."""
        state = self.server.state
        state.paths.append(f"GET {self.path}")
        found = {
            "/api/version": {"version": state.version},
            "/api/tags": state.tags(),
            "/api/ps": state.ps(),
        }
        if self.path == "/":
            self._send(200, b"Ollama is running", "text/plain; charset=utf-8")
        elif self.path in found:
            self._json(200, found[self.path])
        else:
            self._send(404, b"404 page not found", "text/plain")

    def do_POST(self) -> None:
        """Answer a chat, or tell of a model."""
        state = self.server.state
        state.paths.append(f"POST {self.path}")
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        state.asked.append(body)
        if self.path != "/api/chat":
            self._send(404, b"404 page not found", "text/plain")
            return
        status, objects = state.chat(body)
        bare = not body.get("messages")
        if status != 200 or bare or body.get("stream") is False:
            whole = _whole(objects) if status == 200 else objects[0]
            self._json(500 if status == 200 and "error" in whole else status, whole)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for each in objects:
            line = json.dumps(each).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, state: FakeOllama) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


@contextmanager
def fake_ollama(*names: str, **models: Pulled) -> Iterator[FakeOllama]:
    """Run a server on 127.0.0.1 that has pulled some models."""
    state = FakeOllama(models={full(name): Pulled() for name in names} | models)
    server = _Server(state)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
