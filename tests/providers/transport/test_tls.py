"""Certificates are checked, on both transports; TLS carries what plain sockets carry."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from pathlib import Path

import pytest
from support.wall import answer, mute, piece, stream, wall

from router.core.errors import CallFailed, ConnectFailed
from router.core.request import Endpoint, Timeouts
from router.core.secret import Secret
from router.providers._http import transport_for
from router.providers._transport import HttpRequest
from router.providers.transport.trust import trust

trustme = pytest.importorskip("trustme", reason="certificates are made with trustme")

pytestmark = pytest.mark.usefixtures("carried", "swept")
REQUEST = HttpRequest("POST", "/x", {"authorization": Secret("Bearer zebra-4711")}, b"{}")
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def ca(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def ask(certificate, *replies, settings=None, locality="local", times=1):
    """Return the bodies or the error, and what the wall saw."""

    async def go():
        async with wall(*replies, tls=server_side(certificate)) as server:
            endpoint = Endpoint("box", "openai", locality, server.url, settings=settings or {})
            transport = transport_for(endpoint)
            found = []
            try:
                for _ in range(times):
                    async with transport.open(REQUEST) as response:
                        found.append(await response.read())
            except CallFailed as error:
                return error, server
            finally:
                await transport.close()
            return found, server

    # The wall's own side of a refused handshake is of no interest.
    return asyncio.run(asyncio.wait_for(go(), 30))


OK = answer(body=b"ok")


@pytest.mark.parametrize("locality", ["local", "remote"])
def test_a_certificate_of_the_named_authority_is_trusted_and_its_connection_kept(authority, ca, locality):
    found, server = ask(
        authority.issue_cert("127.0.0.1"), OK, settings={"ca": ca}, locality=locality, times=3
    )
    assert (found, server.accepted) == ([b"ok"] * 3, 1)
    assert server.asked[0].headers["authorization"] == "Bearer zebra-4711"


def test_a_certificate_for_another_name_is_refused(authority, ca):
    error, server = ask(authority.issue_cert("localhost"), OK, settings={"ca": ca})
    assert isinstance(error, ConnectFailed)
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert not server.asked


def test_an_expired_certificate_is_refused(authority, ca):
    expired = authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO)
    error, server = ask(expired, OK, settings={"ca": ca})
    assert isinstance(error, ConnectFailed)
    assert "expired" in str(error)
    assert not server.asked


@pytest.mark.parametrize("named", [True, False])
def test_a_certificate_of_an_unknown_authority_is_refused(ca, named):
    stranger = trustme.CA().issue_cert("127.0.0.1")
    error, server = ask(stranger, OK, settings={"ca": ca} if named else {})
    assert isinstance(error, ConnectFailed)
    assert not server.asked


def test_a_certificate_is_not_checked_where_the_file_says_so():
    found, _ = ask(trustme.CA().issue_cert("example.org"), OK, settings={"verify": False})
    assert found == [b"ok"]


def test_a_stream_and_megabytes_pass_through_tls(authority, ca):
    certificate = authority.issue_cert("127.0.0.1")
    found, _ = ask(certificate, stream(*[piece("a")] * 50), settings={"ca": ca})
    assert found[0].count(b"data: ") == 50
    found, _ = ask(certificate, answer(body=b"x" * 3_000_000), settings={"ca": ca})
    assert len(found[0]) == 3_000_000


def test_a_caller_who_leaves_leaves_no_connection_of_tls(authority, ca):
    async def go():
        async with wall(mute, tls=server_side(authority.issue_cert("127.0.0.1"))) as server:
            transport = transport_for(Endpoint("box", "openai", "local", server.url, settings={"ca": ca}))

            async def fetch():
                async with transport.open(REQUEST) as response:
                    return await response.read()

            for seconds in (0.0, 0.001, 0.003, 0.01, 0.1):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(fetch(), seconds)
            gone = await server.empties(2.0)
            await transport.close()
            return gone

    assert asyncio.run(go())


def test_a_server_that_never_shakes_hands_fails_within_the_time_to_connect(ca, carried):
    if carried == "httpx":
        pytest.skip("httpx leaves the socket to the garbage collector")

    async def go():
        async with wall(mute) as server:
            url = server.url.replace("http:", "https:")
            endpoint = Endpoint(
                "box", "openai", "local", url, settings={"ca": ca}, timeouts=Timeouts(connect=0.1)
            )
            transport = transport_for(endpoint)
            with pytest.raises(ConnectFailed, match="within the time to connect"):
                async with transport.open(REQUEST):
                    pass
            gone = await server.empties(1.0)
            await transport.close()
            return gone

    assert asyncio.run(go())


def test_a_server_without_tls_fails_to_connect(ca):
    heard = []

    async def refuse(reader, writer):
        heard.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def go():
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            transport = transport_for(Endpoint("box", "openai", "local", url, settings={"ca": ca}))
            with pytest.raises(ConnectFailed):
                async with transport.open(REQUEST):
                    pass
            await transport.close()

    asyncio.run(go())
    assert heard
    assert b"zebra" not in b"".join(heard)


def test_those_who_trust_the_same_share_one_context(ca, authority):
    assert trust() is trust()
    assert trust(ca) is trust(ca)
    assert trust(ca) is not trust()
    assert trust(verify=False).verify_mode is ssl.CERT_NONE
    assert trust(ca).verify_mode is trust().verify_mode is ssl.CERT_REQUIRED
    assert trust(ca).check_hostname
    before = trust(ca)
    with Path(ca).open("ab") as file:
        file.write(authority.cert_pem.bytes())
    assert trust(ca) is not before


def test_a_file_of_certificates_that_is_not_there_fails_to_connect(tmp_path):
    async def go():
        endpoint = Endpoint(
            "box", "openai", "local", "https://127.0.0.1:1", settings={"ca": str(tmp_path / "no")}
        )
        transport = transport_for(endpoint)
        with pytest.raises(ConnectFailed, match="ca and verify do not work"):
            async with transport.open(REQUEST):
                pass

    asyncio.run(go())
