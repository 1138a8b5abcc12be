"""A web server in a thread that answers by path, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: an object as JSON, or bytes as they are."""

    body: object = b""
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


PAGE = Said(b"<!doctype html><html><body>Hello</body></html>", kind="text/html; charset=utf-8")
NOTHING = Said({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, 404)


@dataclass(slots=True)
class Served:
    """A running server.

    Attributes:
        url: Its address.
        answers: By path; a function is asked anew each time.
        otherwise: What all other paths get.
        asked: Method, path and header fields of each request.
    """

    url: str
    answers: dict[str, Said | Callable[[], Said]]
    otherwise: Said = NOTHING
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for _, path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer by the path."""
        state = self.server.state
        self.rfile.read(int(self.headers.get("content-length", 0)))
        fields = {name.lower(): value for name, value in self.headers.items()}
        state.asked.append((self.command, self.path, fields))
        said = state.answers.get(self.path.partition("?")[0], state.otherwise)
        said = said() if callable(said) else said
        body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response_only(said.status)
        for name, value in {"Content-Type": said.kind, **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer by the path too."""
        self.do_GET()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    state: Served


@contextmanager
def served(answers: Mapping[str, Said | Callable[[], Said]], otherwise: Said = NOTHING) -> Iterator[Served]:
    """Run a server on 127.0.0.1."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = Served(f"http://127.0.0.1:{server.server_address[1]}", dict(answers), otherwise)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
