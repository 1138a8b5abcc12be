"""A real server of the world, nginx, on both transports: kept connections, chunks, TLS, a unix socket, limits."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from support.wall import said

from router import load_router
from router.core.request import Endpoint
from router.providers._http import transport_for
from router.providers._transport import HttpRequest

trustme = pytest.importorskip("trustme", reason="certificates are made with trustme")

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = [
    pytest.mark.usefixtures("carried"),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light"),
]
CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access; keepalive_timeout 30; keepalive_requests 5; default_type text/html;
  {temporary}
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; listen unix:{folder}/socket;
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
    root {folder};
    location = /v1/chat/completions {{ default_type application/json; return 200 '{reply}'; }}
    location = /v1/where {{ return 200 "$connection $connection_requests"; }}
    location = /v1/nothing {{ return 204; }}
    location = /v1/big {{ try_files /big =404; }}
    location = /v1/chunked {{ ssi on; ssi_types *; try_files /page =404; }}
  }}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Server:
    """A running nginx."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain, self.tls = free_ports(2)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
        (folder / "big").write_bytes(b"0123456789" * 300_000)
        (folder / "page").write_text('before <!--# echo var="host" --> after', encoding="utf-8")
        temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
        (folder / "nginx.conf").write_text(
            CONFIG.format(
                folder=folder,
                plain=self.plain,
                tls=self.tls,
                temporary=temporary,
                reply=json.dumps(said("from nginx")),
            ),
            encoding="utf-8",
        )
        command = [
            str(NGINX),
            "-p",
            str(folder),
            "-c",
            str(folder / "nginx.conf"),
            "-e",
            str(folder / "errors"),
        ]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.until_it_listens()

    def until_it_listens(self) -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.plain)) == 0:
                    return
            assert self.process.poll() is None, (self.folder / "errors").read_text(encoding="utf-8")
            time.sleep(0.02)
        raise AssertionError("nginx does not listen")

    def endpoint(self, way: str) -> Endpoint:
        """Return an endpoint that leads to it: `plain`, `tls` or `unix`."""
        if way == "tls":
            settings = {"ca": str(self.folder / "ca.pem")}
            return Endpoint(
                "nginx", "openai", "remote", f"https://127.0.0.1:{self.tls}/v1", settings=settings
            )
        urls = {"plain": f"http://127.0.0.1:{self.plain}/v1", "unix": f"unix:{self.folder}/socket"}
        return Endpoint("nginx", "openai", "local", urls[way])


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("nginx"))
    yield server
    server.process.terminate()
    server.process.wait(10)


def fetch(endpoint, *paths):
    """Return status and body of one request after the other, on one transport."""

    async def go():
        transport = transport_for(endpoint)
        found = []
        for path in paths:
            async with transport.open(HttpRequest("GET", path)) as response:
                found.append((response.status, await response.read()))
        await transport.close()
        return found

    return asyncio.run(asyncio.wait_for(go(), 30))


WAYS = pytest.mark.parametrize("way", ["plain", "tls", "unix"])


@WAYS
def test_a_connection_is_kept_until_the_server_has_had_enough_of_it(nginx, way):
    found = [body.split() for _, body in fetch(nginx.endpoint(way), *["/where"] * 8)]
    assert [int(requests) for _, requests in found] == [1, 2, 3, 4, 5, 1, 2, 3]
    assert len({connection for connection, _ in found}) == 2


@WAYS
def test_chunks_empty_answers_and_megabytes_are_read_whole(nginx, way):
    chunked, empty, big, missing = fetch(nginx.endpoint(way), "/chunked", "/nothing", "/big", "/missing")
    host = b"localhost" if way == "unix" else b"127.0.0.1"
    assert chunked == (200, b"before " + host + b" after")
    assert empty == (204, b"")
    assert big == (200, b"0123456789" * 300_000)
    assert missing[0] == 404


@WAYS
def test_many_at_once_get_each_its_own(nginx, way):
    async def go():
        transport = transport_for(nginx.endpoint(way))

        async def one(number):
            path = ("/big", "/where", "/chunked")[number % 3]
            async with transport.open(HttpRequest("GET", path)) as response:
                return path, len(await response.read())

        found = await asyncio.gather(*(one(number) for number in range(60)))
        await transport.close()
        return found

    found = asyncio.run(asyncio.wait_for(go(), 60))
    assert all(size == 3_000_000 for path, size in found if path == "/big")
    assert all(0 < size < 100 for path, size in found if path != "/big")


def test_a_router_is_answered_by_it(nginx, tmp_path):
    file = tmp_path / "router.yaml"
    endpoint = nginx.endpoint("tls")
    file.write_text(
        f"version: 1\nendpoints: {{a: {{kind: openai, url: '{endpoint.url}', ca: '{endpoint.settings['ca']}', health: off}}}}\n"
        "models: {m: {at: a}}\nrules: [{use: m}]\n",
        encoding="utf-8",
    )

    async def go():
        async with load_router(file) as it:
            return [(await it.complete("x")).content for _ in range(12)]

    assert asyncio.run(asyncio.wait_for(go(), 30)) == ["from nginx"] * 12
