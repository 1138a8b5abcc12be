"""A server that asks who calls gets our certificate, on both transports; what is wrong with it is told in words."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
import ssl
import threading
import traceback
from contextlib import contextmanager, suppress

import httpx
import pytest
from support.wall import answer, wall

from router import FastTransport
from router.core.certificate import ClientCertificate
from router.core.errors import CallFailed, ConnectFailed
from router.core.request import Endpoint
from router.core.secret import Secret
from router.providers._http import transport_for
from router.providers._http_failures import failure
from router.providers._renewing import RenewingTransport
from router.providers._transport import HttpRequest
from router.providers.registry import file_troubles
from router.providers.transport.alerts import refusal
from router.providers.transport.trust import trust

trustme = pytest.importorskip("trustme", reason="certificates are made with trustme")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")

REQUEST = HttpRequest("POST", "/x", {"authorization": Secret("Bearer zebra-4711")}, b"{}")
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
PASSWORD = "quagga-0815"
OK = answer(body=b"ok")
pytestmark = pytest.mark.usefixtures("swept")


@pytest.fixture(scope="module")
def ours(authority):
    return authority.issue_cert("me.example.com")


@pytest.fixture
def folder(authority, ours, tmp_path):
    """A folder with the certificate in one file and in two, and its key encrypted."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    written(ours, tmp_path)
    return tmp_path


def written(leaf, folder):
    leaf.private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    (folder / "chain.pem").write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(folder / "client.key")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    (folder / "sealed.key").write_bytes(sealed)


def shown(folder, file, keyfile=None, password=None):
    return ClientCertificate(
        str(folder / file),
        str(folder / keyfile) if keyfile else None,
        Secret(password) if password is not None else None,
    )


def demanding(authority, *, version=ssl.TLSVersion.TLSv1_3):
    """A server's side that lets nobody in without a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    return context


async def sent(url, folder, certificate, kind="openai", **settings):
    """Return the body, or the error."""
    told = {"ca": str(folder / "ca.pem"), **settings}
    if certificate is not None:
        told["cert"] = certificate
    transport = transport_for(Endpoint("box", kind, "local", url, settings=told))
    try:
        async with transport.open(REQUEST) as response:
            return await response.read()
    except CallFailed as error:
        return error
    finally:
        await transport.close()


def ask(folder, tls, certificate, kind="openai", **settings):
    """Return the body or the error, and what the wall saw."""

    async def go():
        async with wall(OK, tls=tls) as server:
            return await sent(server.url, folder, certificate, kind, **settings), server

    return asyncio.run(asyncio.wait_for(go(), 30))


@contextmanager
def porter(tls):
    """Run a server on plain sockets, which tells why it refuses: one on asyncio hangs up without a word."""
    heard = []

    def serve():
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                raw.settimeout(5.0)
                with raw, raw.dup() as below, suppress(OSError):
                    try:
                        with tls.wrap_socket(raw, server_side=True) as secured:
                            heard.append(secured.recv(65_536))
                    except ssl.SSLError:
                        while below.recv(65_536):  # else the alert would be lost with the connection
                            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}", heard
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def refused(folder, tls, certificate):
    """Return how a server refuses us."""
    with porter(tls) as (url, heard):
        error = asyncio.run(asyncio.wait_for(sent(url, folder, certificate), 30))
    assert isinstance(error, ConnectFailed)
    assert not heard
    return str(error).partition(") ")[2]


VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


@VERSIONS
@pytest.mark.parametrize(
    "files", [("client.pem",), ("chain.pem", "client.key"), ("chain.pem", "sealed.key", PASSWORD)]
)
@pytest.mark.usefixtures("carried")
def test_a_server_that_demands_a_certificate_accepts_ours(authority, folder, files, version):
    found, server = ask(folder, demanding(authority, version=version), shown(folder, *files))
    assert found == b"ok"
    assert server.asked[0].headers["authorization"] == "Bearer zebra-4711"


@pytest.mark.usefixtures("carried")
def test_a_certificate_is_shown_where_that_of_the_server_is_not_checked(authority, folder):
    found, _ = ask(folder, demanding(authority), shown(folder, "client.pem"), ca=None, verify=False)
    assert found == b"ok"


@pytest.mark.usefixtures("carried")
def test_without_a_certificate_a_server_that_demands_one_says_so(authority, folder):
    told = refused(folder, demanding(authority), None)
    assert told == "refuses the connection: it asks for a client certificate; name one under `cert`"


@pytest.mark.usefixtures("carried")
def test_without_a_certificate_the_older_tls_fails_to_connect(authority, folder):
    assert "cannot be reached" in refused(folder, demanding(authority, version=ssl.TLSVersion.TLSv1_2), None)


@VERSIONS
@pytest.mark.usefixtures("carried")
def test_a_certificate_that_has_expired_is_told(authority, folder, version):
    written(authority.issue_cert("me.example.com", not_before=LONG_AGO, not_after=LONG_AGO), folder)
    told = refused(folder, demanding(authority, version=version), shown(folder, "client.pem"))
    assert told == "refuses the connection: the client certificate has expired"


@pytest.mark.usefixtures("carried")
def test_a_certificate_of_an_unknown_authority_is_not_let_in(authority, folder):
    written(trustme.CA(organization_name="somebody else").issue_cert("me.example.com"), folder)
    told = refused(folder, demanding(authority), shown(folder, "client.pem"))
    assert told == "refuses the connection: it does not know the authority of the client certificate"


@pytest.mark.usefixtures("carried")
def test_a_changed_file_is_read_anew(authority, folder):
    certificate, tls = shown(folder, "chain.pem", "client.key"), demanding(authority)
    written(trustme.CA(organization_name="somebody else").issue_cert("me.example.com"), folder)
    assert "authority" in refused(folder, tls, certificate)
    written(authority.issue_cert("me.example.com"), folder)
    assert ask(folder, tls, certificate)[0] == b"ok"


def test_any_client_of_httpx_is_told_as_by_its_own_transport(authority, folder):
    pytest.importorskip("httptools")

    async def go(url):
        tls = trust(str(folder / "ca.pem"))
        async with httpx.AsyncClient(transport=FastTransport(tls), trust_env=False) as client:
            with pytest.raises(httpx.ConnectError, match="asks for a client certificate"):
                await client.get(url)

    with porter(demanding(authority)) as (url, heard):
        asyncio.run(asyncio.wait_for(go(url), 30))
    assert not heard


def test_those_who_show_the_same_share_one_context(folder):
    ca, certificate = str(folder / "ca.pem"), shown(folder, "chain.pem", "sealed.key", PASSWORD)
    before = trust(ca, shown=certificate)
    assert before is trust(ca, shown=shown(folder, "chain.pem", "sealed.key", PASSWORD))
    assert before is not trust(ca)
    assert before is not trust(shown=certificate)
    assert trust(shown=certificate).verify_mode is ssl.CERT_REQUIRED
    os.utime(folder / "sealed.key", ns=(1, 1))
    assert before is not trust(ca, shown=certificate)


def unreadable(folder):
    os.mkfifo(folder / "pipe")
    (folder / "empty").write_bytes(b"")
    (folder / "torn.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nzebra\n-----END CERTIFICATE-----\n")
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(folder / "other.key")


WRONG = [
    (("none.pem",), "none.pem cannot be read: no such file or directory"),
    (("chain.pem", "none.key"), "none.key cannot be read: no such file or directory"),
    (("chain.pem", "pipe"), "pipe is no regular file"),
    (("ca.pem/x",), "x cannot be read: not a directory"),
    (("empty",), "empty holds no certificate with its private key in PEM form"),
    (("torn.pem",), "torn.pem holds no certificate with its private key in PEM form"),
    (("chain.pem",), "chain.pem holds no certificate with its private key in PEM form"),
    (("client.key", "client.key"), "client.key no private key, in PEM form"),
    (("chain.pem", "empty"), "empty no private key, in PEM form"),
    (("chain.pem", "other.key"), "other.key is not that of the certificate"),
    (("chain.pem", "sealed.key"), "sealed.key is encrypted: write its `password`"),
    (("chain.pem", "sealed.key", "okapi"), "the password does not fit the private key in "),
    (("chain.pem", "sealed.key", "okapi" * 1000), "the password does not fit the private key in "),
]


@pytest.mark.parametrize(("files", "why"), WRONG)
@pytest.mark.usefixtures("carried")
def test_a_certificate_that_cannot_be_used_fails_to_connect_and_is_told(authority, folder, files, why):
    unreadable(folder)
    error, server = ask(folder, demanding(authority), shown(folder, *files))
    assert isinstance(error, ConnectFailed)
    assert "the settings proxy, cert, ca and verify do not work: " in str(error)
    assert why in str(error)
    assert not server.accepted
    assert "okapi" not in "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(("files", "why"), WRONG)
def test_it_is_told_before_any_call(folder, files, why):
    unreadable(folder)
    endpoint = Endpoint("box", "openai", "local", "https://x", settings={"cert": shown(folder, *files)})
    ((setting, trouble),) = file_troubles(endpoint, ())
    assert setting == "cert"
    assert why in trouble
    assert "okapi" not in trouble


def test_a_certificate_that_can_be_used_is_no_trouble(folder):
    for files in (("client.pem",), ("chain.pem", "sealed.key", PASSWORD)):
        endpoint = Endpoint("box", "openai", "local", "https://x", settings={"cert": shown(folder, *files)})
        assert list(file_troubles(endpoint, ())) == []


def test_a_certificate_shows_no_password(folder):
    assert "quagga" not in repr(shown(folder, "chain.pem", "sealed.key", PASSWORD))


@pytest.mark.usefixtures("carried")
@pytest.mark.parametrize("kind", ["anthropic", "ollama", "opencode"])
def test_every_kind_over_http_shows_it(authority, folder, kind):
    found, _ = ask(folder, demanding(authority), shown(folder, "client.pem"), kind)
    assert found == b"ok"


@pytest.mark.parametrize(("begun", "kind"), [(False, "connect_failed"), (True, "stream_interrupted")])
def test_an_alert_in_the_middle_of_an_answer_interrupts_it(begun, kind):
    wire = pytest.importorskip("router.providers.transport.failures")
    error = wire.broken(alert("TLSV1_ALERT_UNKNOWN_CA"))
    assert wire.failed("box", error, begun=begun).kind == kind
    assert wire.failed("box", wire.broken(OSError("x")), begun=begun).kind != "connect_failed"


def alert(reason):
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


def test_only_alerts_of_certificates_are_refusals():
    assert (
        refusal(alert("TLSV1_ALERT_UNKNOWN_CA")) == "it does not know the authority of the client certificate"
    )
    assert refusal(alert("CERTIFICATE_VERIFY_FAILED")) is None
    assert refusal(alert("TLSV1_ALERT_INTERNAL_ERROR")) is None
    assert refusal(alert(None)) is None
    assert refusal(OSError("no route")) is None


def test_an_alert_is_found_behind_what_the_libraries_make_of_it():
    outer = OSError("read failed")
    outer.__cause__ = ConnectionError("broken")
    outer.__cause__.__context__ = alert("SSLV3_ALERT_CERTIFICATE_REVOKED")
    assert (
        str(failure("box", outer, begun=False))
        == "box refuses the connection: the client certificate is revoked"
    )
    told = failure("box", outer, begun=True)
    assert told.kind == "stream_interrupted"
    ring = OSError("one")
    ring.__cause__ = OSError("other")
    ring.__cause__.__cause__ = ring
    assert refusal(ring) is None


BYE = answer(body=b"ok", headers={"connection": "close"})


def in_turn(folder, tls, *changes):
    """Return what the requests of one transport come to, each on a connection of its own, with changes between."""

    async def go():
        async with wall(BYE, tls=tls) as server:
            settings = {"ca": str(folder / "ca.pem"), "cert": shown(folder, "chain.pem", "client.key")}
            transport = transport_for(Endpoint("box", "openai", "local", server.url, settings=settings))
            found = []
            for change in (lambda: None, *changes):
                change()
                try:
                    async with transport.open(REQUEST) as response:
                        found.append(await response.read())
                except CallFailed:
                    found.append("refused")
            await transport.close()
            return found

    return asyncio.run(asyncio.wait_for(go(), 30))


@pytest.mark.usefixtures("carried")
def test_a_file_that_changes_under_a_transport_holds_for_its_next_connection(authority, folder):
    found = in_turn(
        folder,
        demanding(authority),
        lambda: written(trustme.CA(organization_name="somebody else").issue_cert("me.example.com"), folder),
        lambda: written(authority.issue_cert("me.example.com"), folder),
    )
    assert found == [b"ok", "refused", b"ok"]


@pytest.mark.usefixtures("carried")
def test_an_authority_that_changes_under_a_transport_holds_for_its_next_connection(authority, folder):
    ca = folder / "ca.pem"
    found = in_turn(
        folder,
        demanding(authority),
        lambda: trustme.CA(organization_name="somebody else").cert_pem.write_to_path(ca),
        lambda: authority.cert_pem.write_to_path(ca),
    )
    assert found == [b"ok", "refused", b"ok"]


@pytest.mark.usefixtures("carried")
def test_files_that_cannot_be_used_any_more_leave_what_was(authority, folder):
    key = folder / "client.key"
    found = in_turn(
        folder,
        demanding(authority),
        lambda: authority.issue_cert("x").private_key_pem.write_to_path(key),
        lambda: key.write_bytes(b""),
        key.unlink,
        (folder / "ca.pem").unlink,
    )
    assert found == [b"ok"] * 5


@pytest.mark.usefixtures("carried")
def test_an_answer_that_is_under_way_goes_on_when_a_file_changes(authority, folder):
    async def go():
        async with wall(BYE, tls=demanding(authority)) as server:
            settings = {"ca": str(folder / "ca.pem"), "cert": shown(folder, "client.pem")}
            transport = transport_for(Endpoint("box", "openai", "local", server.url, settings=settings))
            async with transport.open(REQUEST) as first:
                written(authority.issue_cert("me.example.com"), folder)
                async with transport.open(REQUEST) as second:
                    pair = await second.read(), await first.read()
            await transport.close()
            return pair

    assert asyncio.run(asyncio.wait_for(go(), 30)) == (b"ok", b"ok")


class Changing:
    """What is trusted, as a test has it."""

    def __init__(self):
        self.context = object()

    def now(self):
        return self.context


class Counted(httpx.AsyncBaseTransport):
    """A transport that answers at once, or fails, and counts how often it is closed."""

    def __init__(self, made):
        self.closed = 0
        made.append(self)

    async def handle_async_request(self, request):
        if request.url.path == "/fails":
            raise httpx.ConnectError("no")
        return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

    async def aclose(self):
        self.closed += 1


def renewing():
    made, trusted = [], Changing()
    client = httpx.AsyncClient(transport=RenewingTransport(trusted, lambda _: Counted(made)))
    return client, made, trusted


def test_what_is_outdated_is_closed_behind_its_last_answer():
    async def go():
        client, made, trusted = renewing()
        one, other = [
            await client.send(client.build_request("GET", "http://x/"), stream=True) for _ in range(2)
        ]
        trusted.context = object()
        assert (await client.get("http://x/")).content == b"ok"
        assert [each.closed for each in made] == [0, 0]
        assert await one.aread() == b"ok"
        await one.aclose()
        assert made[0].closed == 0
        await other.stream.aclose()
        await other.stream.aclose()
        assert [each.closed for each in made] == [1, 0]
        await client.aclose()
        assert [each.closed for each in made] == [1, 1]

    asyncio.run(go())


def test_what_is_outdated_and_idle_is_closed_at_once():
    async def go():
        client, made, trusted = renewing()
        with pytest.raises(httpx.ConnectError):
            await client.get("http://x/fails")
        trusted.context = object()
        await client.get("http://x/")
        assert [each.closed for each in made] == [1, 0]
        await client.aclose()

    asyncio.run(go())
