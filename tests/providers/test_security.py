"""The rules of security that concern calls, each by its words."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import socket
import time
import traceback
from contextlib import contextmanager, nullcontext
from types import FrameType, FunctionType, ModuleType, TracebackType

import httpx
import pytest
from support.faults import run, world
from support.wall import answer, mute, piece, raw, reset, said, stream, wall

from router import ConfigError, InvalidCall, load_router
from router.core.errors import CallFailed
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.request import Endpoint, Request, Timeouts
from router.core.secret import Secret
from router.providers._guard import guard_of
from router.providers._quiet import LOGGERS
from router.providers._source import Source
from router.providers._transport import HttpRequest
from router.providers.openai import OpenAiProvider
from router.providers.registry import create
from router.testing.contract import collect, joined

pytestmark = pytest.mark.usefixtures("carried")
KEY = "zebra-Crossing-4711"
PROMPT = "the launch code is seven four one, tell nobody"
SENT = Request("m", (Message.user(PROMPT),))
ECHO = {"x-echo": KEY, "set-cookie": f"session={KEY}", "x-request-id": f"req-{KEY}"}


def failing(key, prompt):
    """Return answers that fail, in which the endpoint repeats what it was sent."""
    page = f"<h1>{key}</h1>{prompt}".encode()
    return {
        "refused key": answer(401, {"error": {"message": f"bad key {key} for {prompt}"}}, {"x-echo": key}),
        "echoing page": answer(500, page, kind="text/plain"),
        "validation": answer(422, {"detail": [{"msg": f"bad: {prompt}", "input": key}]}),
        "error inside": answer(body={"error": {"message": f"{key} {prompt}", "code": 500}}),
        "stream error": stream(piece("a"), {"error": f"{key} said {prompt}"}),
        "cut stream": stream(piece("a"), end="cut"),
        "hangup": raw(b""),
        "reset": reset,
        "no HTTP": raw(f"{key}\r\n\r\n".encode()),
        "broken field": raw(f"HTTP/1.1 200 OK\r\nx-echo: {key} \x00\r\n\r\n".encode()),
        "redirect": answer(302, headers={"location": f"http://127.0.0.1:9/?key={key}"}),
        "encoding": answer(headers={"content-encoding": key}),
        "not JSON": answer(body=key.encode()),
        "half an event": stream(piece("a"), f"data: {{{key}".encode()),
    }


FAILURES = failing(KEY, PROMPT)
QUIET_FAILURES = failing("nothing", "nothing")


def provider_to(url, locality="local", **fields):
    given = {"keys": (Secret(KEY),), "headers": {"x-api-key": Secret(KEY)}, **fields}
    return OpenAiProvider(Endpoint("box", "openai", locality, url, **given))


def ask(*replies, request=SENT, locality="local", **fields):
    """Return the answer or the error, and what the wall saw."""

    async def go():
        async with wall(*replies) as server:
            provider = provider_to(server.url, locality, **fields)
            try:
                return await collect(provider, request), server
            except CallFailed as error:
                return error, server
            finally:
                await provider.close()

    return asyncio.run(go())


def chain(error):
    """Yield an error and all it hangs on."""
    seen = []
    todo = [error]
    while todo:
        each = todo.pop()
        if each is not None and each not in seen:
            seen.append(each)
            todo += [each.__cause__, each.__context__]
    return seen


@contextmanager
def everything_logged():
    """Collect every record of every logger, whatever its level."""
    records: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record):
            records.append(f"{self.format(record)} {record.args!r} {record.__dict__!r}")

    handler = Collecting(logging.NOTSET)
    loggers = [logging.getLogger(name) for name in ("", "router", "asyncio", "httpcore", *LOGGERS)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    try:
        yield records
    finally:
        logging.getLogger().removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


# Secrets: never in logs, representations, tracebacks, pickles and chains of errors.


@pytest.mark.parametrize("name", FAILURES)
def test_no_error_shows_a_key_or_the_prompt_nor_does_anything_it_hangs_on(name):
    error, server = ask(FAILURES[name])
    assert isinstance(error, CallFailed)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    for each in chain(error):
        shown = f"{each} {each!r} {each.args!r} {vars(each)!r} {getattr(each, '__notes__', '')}"
        assert KEY not in shown
        assert PROMPT not in shown
    assert KEY not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("kind", ["openai", "anthropic", "ollama", "opencode"])
@pytest.mark.parametrize("name", FAILURES)
def test_no_error_of_any_kind_of_endpoint_shows_a_key_or_the_prompt(kind, name):
    async def go():
        async with wall(FAILURES[name]) as server:
            keys = {"keys": (Secret(KEY),), "headers": {"x-token": Secret(KEY)}}
            provider = create(Endpoint("box", kind, "local", server.url, **keys))
            try:
                with pytest.raises(CallFailed) as caught:
                    await collect(provider, Request("p/m", (Message.user(PROMPT),), stream=True))
            finally:
                await provider.close()
            return caught.value

    error = asyncio.run(go())
    for each in chain(error):
        shown = f"{each} {each!r} {each.args!r} {vars(each)!r} {getattr(each, '__notes__', '')}"
        assert KEY not in shown
        assert PROMPT not in shown
        assert [text for text in held([vars(each), each.args]) if KEY in text] == []
    assert KEY.encode() not in pickle.dumps(error)


def held(thing, depth=8):
    """Yield the texts that can be reached from a thing without going through a traceback."""
    seen, todo = set(), [thing]
    for _ in range(depth):
        found = [each for each in gc.get_referents(*todo) if id(each) not in seen]
        seen |= {id(each) for each in found}
        yield from (str(each) for each in found if isinstance(each, str | bytes))
        passed = (type, ModuleType, FunctionType, TracebackType, FrameType, str, bytes)
        todo = [each for each in found if not isinstance(each, passed)]


@pytest.mark.parametrize("name", FAILURES)
def test_nothing_that_holds_a_key_hangs_on_an_error(name):
    error, _ = ask(FAILURES[name])
    for each in chain(error):
        assert [text for text in held([vars(each), each.args]) if KEY in text] == []


def variables(error):
    """Return the tracebacks of an error and of all it hangs on, with the variables of the package's frames."""
    shown = []
    for each in chain(error):
        told = traceback.TracebackException.from_exception(each, capture_locals=True, lookup_lines=False)
        shown += [f"{frame.name} {frame.locals}" for frame in told.stack if "/tests/" not in frame.filename]
    assert shown
    return "\n".join(shown)


@pytest.mark.parametrize("name", QUIET_FAILURES)
def test_no_traceback_shows_a_key_even_with_the_variables_of_its_frames(name):
    error, server = ask(QUIET_FAILURES[name])
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in variables(error)


def test_a_key_that_cannot_be_sent_does_not_show_in_the_variables_of_the_traceback():
    error, server = ask(answer(), keys=(Secret("zebra\nCrossing"),))
    assert error.kind == "invalid_request"
    assert "Crossing" not in variables(error)
    assert not server.asked


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_survives_pickling_without_its_key(name):
    error, _ = ask(FAILURES[name])
    content = pickle.dumps(error)
    again = pickle.loads(content)  # noqa: S301 - our own
    assert KEY.encode() not in content
    assert (type(again), str(again), again.status, again.upstream_id) == (
        type(error),
        str(error),
        error.status,
        error.upstream_id,
    )


def test_a_secret_shows_in_no_representation_and_is_neither_pickled_nor_written_as_json():
    endpoint = Endpoint("box", "openai", "remote", "http://127.0.0.1:1", keys=(Secret(KEY),))
    sent = HttpRequest("POST", "/x", {"authorization": Secret(KEY)}, PROMPT.encode())
    source = Source("box", (Secret(KEY),)).asked(SENT.messages)
    for thing in (endpoint, sent, source, Secret(KEY), [Secret(KEY)]):
        assert KEY not in f"{thing!r} {thing!s} {thing}"
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    assert PROMPT not in f"{sent!r} {source!r}"
    with pytest.raises(TypeError):
        json.dumps(Secret(KEY))


def test_no_log_record_of_any_level_holds_a_key_or_a_prompt(tmp_path):
    async def go():
        replies = [answer(body=said(), headers=ECHO), *FAILURES.values()]
        for reply in replies:
            async with world(tmp_path, keys={"a": KEY}, rest="retry: {same: 0}", a=reply) as standing:
                try:
                    await standing.ask(PROMPT)
                except CallFailed:
                    continue

    with everything_logged() as records:
        logging.getLogger("httpcore.http11").debug("this is seen")
        run(go)
    assert any("this is seen" in record for record in records)
    assert [record for record in records if KEY in record or PROMPT in record] == []
    assert [record for record in records if "httpx" in record or "receive_response" in record] == []


def test_what_an_application_sends_with_httpx_itself_is_still_logged():
    async def go():
        async with wall(answer(body=said())) as server, httpx.AsyncClient() as client:
            provider = provider_to(server.url)
            await collect(provider, SENT)
            await provider.close()
            await client.get(f"{server.url}/mine")

    with everything_logged() as records:
        asyncio.run(go())
    assert any("/mine" in record for record in records)
    assert not any("chat/completions" in record for record in records)


@pytest.mark.parametrize(
    "secret", ["with space and-a-long-word", "Token and-a-long-word", "a" * 400, "quo'te\"d\\value"]
)
def test_a_key_is_masked_wherever_it_begins(secret):
    source = Source("box", (Secret(secret), Secret("")))
    for text in (secret, "x" * 299 + secret, f"{secret} " * 200, secret.split()[-1], f"Bearer {secret}"):
        assert secret.split()[-1] not in source.quote(text)
        assert len(source.quote(text)) <= 300


@pytest.mark.parametrize(
    "text",
    [
        *("sk-proj-abcdefgh", "sk-abcde****wxyz", "gsk_abcdefgh123", "xai-abcdefgh123", "AIzaSyA1234567890"),
        *("Bearer abcdefgh", "Basic abcdefgh==", "https://x/?key=abcdefgh&a=1"),
    ],
)
def test_what_looks_like_a_key_is_masked_whosever_it_is(text):
    shown = Source("box").quote(f"no: {text}")
    assert "***" in shown
    assert not {"abcd", "wxyz", "1234"} & {shown[at : at + 4] for at in range(len(shown))}


# Prompts: not in what is written down.


@pytest.mark.parametrize(
    "text",
    [
        f"invalid input: {PROMPT}",
        f"[{{'input': {PROMPT + chr(10) + PROMPT!r}}}]",
        f"bad role in {PROMPT[5:40]}",
        "cannot fetch data:image/png;base64,iVBORw0KGgoAAAANSUhEUg",
        'no tool for {"city": "Atlantis"}',
        "short one",
    ],
)
def test_a_prompt_that_an_endpoint_repeats_is_not_repeated(text):
    prompt = (
        Message.user((TextPart(PROMPT), ImagePart("data:image/png;base64,iVBORw0KGgoAAAANSUhEUg"))),
        Message("assistant", "", tool_calls=(ToolCall("1", "f", '{"city": "Atlantis"}'),)),
        Message.user("short one"),
    )
    shown = Source("box").asked(prompt).quote(text)
    assert "…" in shown
    for word in ("launch", "nobody", "iVBOR", "Atlantis", "short"):
        assert word not in shown


def test_what_is_not_the_prompts_is_quoted_as_it_is():
    source = Source("box").asked((Message.user(PROMPT), Message.user("is")))
    assert source.quote("the launch is off: maximum context length is 5") == (
        "the launch is off: maximum context length is 5"
    )


def test_a_prompt_of_megabytes_is_looked_for_in_no_time():
    source = Source("box").asked((Message.user("lorem ipsum dolor " * 100_000),))
    began = time.process_time()
    assert source.quote("abc dolor sit amet " * 100_000).startswith("abc dolor sit")
    assert time.process_time() - began < 2


# Addresses: never link-local or metadata, whatever a name resolves to.


def resolving(monkeypatch, *answers):
    """Let names resolve to the addresses of the answers, one answer a lookup and the last for ever."""
    asked = []
    real = socket.getaddrinfo

    def lookup(host, port, *rest, **more):
        name = host.decode() if isinstance(host, bytes) else host
        if not name.endswith(".example"):
            return real(host, port, *rest, **more)
        found = answers[min(len(asked), len(answers) - 1)]
        asked.append(name)
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.fixture
def connected(monkeypatch):
    """The addresses that a loop is asked to connect to."""
    seen = []
    real = asyncio.SelectorEventLoop.sock_connect

    async def connect(loop, sock, address):
        seen.append(address[0])
        return await real(loop, sock, address)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_connect", connect)
    return seen


def fails(provider):
    async def go():
        with pytest.raises(CallFailed) as caught:
            await collect(provider, SENT)
        await provider.close()
        return caught.value

    return asyncio.run(go())


@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["fe80::1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["100.100.100.200"],
        ["0.0.0.0"],  # noqa: S104 - refused
        ["127.0.0.1", "169.254.169.254"],
    ],
)
def test_a_name_that_resolves_to_a_metadata_or_link_local_address_is_not_connected_to(
    monkeypatch, connected, addresses
):
    asked = resolving(monkeypatch, addresses)
    error = fails(provider_to("http://models.example:1/v1", "remote"))
    assert asked == ["models.example"]
    assert error.kind == "connect_failed"
    assert f"is not connected to: {addresses[-1]} " in str(error)
    assert connected == []


def test_a_name_that_resolves_to_something_else_the_second_time_is_sent_nothing(monkeypatch, carried):
    monkeypatch.setattr(
        "router.providers._guard.why_refused", lambda found: "is bad" if str(found) == "127.0.0.1" else ""
    )
    resolving(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])

    async def go():
        async with wall(answer(body=said())) as server:
            provider = provider_to(server.url.replace("127.0.0.1", "models.example"), "remote")
            with pytest.raises(CallFailed) as caught:
                await collect(provider, SENT)
            gone = await server.empties(1.0)
            await provider.close()
            return caught.value, server, gone

    error, server, gone = asyncio.run(go())
    # Who looks the name up a second time connects, and hangs up; who does not, connects where it has looked.
    assert (error.kind, server.accepted, server.asked, gone) == (
        "connect_failed",
        carried == "httpx",
        [],
        True,
    )


def test_an_address_is_looked_at_before_a_request_with_a_given_client_too(monkeypatch, connected):
    resolving(monkeypatch, ["169.254.169.254"])

    async def go():
        async with httpx.AsyncClient() as client:
            endpoint = Endpoint("box", "openai", "remote", "http://models.example/v1")
            with pytest.raises(CallFailed) as caught:
                await collect(OpenAiProvider(endpoint, client), SENT)
        return caught.value.kind

    assert asyncio.run(go()) == "connect_failed"
    assert connected == []


def test_a_remote_endpoint_with_a_good_address_is_spoken_to(monkeypatch):
    resolving(monkeypatch, ["127.0.0.1"])

    async def go():
        async with wall(answer(body=said("hi"))) as server:
            provider = provider_to(server.url.replace("127.0.0.1", "models.example"), "remote")
            events = [await collect(provider, SENT) for _ in range(2)]
            await provider.close()
            return joined(events[1]), server.accepted

    assert asyncio.run(go()) == ("hi", 1)


def test_a_local_endpoint_on_an_address_of_this_machine_or_of_a_private_network_is_spoken_to(monkeypatch):
    resolving(monkeypatch, ["127.0.0.1"])

    async def go(name, **fields):
        async with wall(answer(body=said("hi"))) as server:
            provider = provider_to(server.url.replace("127.0.0.1", name), **fields)
            events = await collect(provider, SENT)
            await provider.close()
            return joined(events)

    for name in ("127.0.0.1", "localhost", "studio.example"):
        assert asyncio.run(go(name)) == "hi"


@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["fd00:ec2::254"],
        ["::ffff:169.254.169.254"],
        ["fe80::1"],
        ["93.184.216.34"],
        ["2606:4700::1", "64:ff9b::5db8:d822"],
    ],
)
def test_a_name_that_is_declared_local_and_leads_off_the_private_networks_is_not_connected_to(
    monkeypatch, connected, addresses
):
    resolving(monkeypatch, addresses)
    error = fails(provider_to("http://studio.example:1/v1"))
    assert error.kind == "connect_failed"
    assert f"is not connected to: {addresses[0]} " in str(error)
    assert connected == []


def test_a_name_of_this_machine_that_leads_to_another_one_is_not_connected_to(monkeypatch, connected):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **more: real("192.168.7.7", *rest, **more))
    error = fails(provider_to("http://localhost:1/v1"))
    assert "192.168.7.7 is not this machine, where the endpoint is said to be" in str(error)
    assert connected == []


@pytest.mark.parametrize(
    ("url", "settings", "public"),
    [
        ("http://studio.example/v1", {}, False),
        ("https://studio.example/v1", {"verify": False}, False),
        ("http://studio.example/v1", {"proxy": "http://gate.example:3128"}, False),
        ("https://studio.example/v1", {}, True),  # its certificate proves who it is
    ],
)
def test_a_name_that_is_declared_local_may_be_public_where_a_certificate_says_whose_it_is(
    url, settings, public
):
    guard = guard_of(Endpoint("studio", "openai", "local", url, settings=settings), "studio")
    guard.after("10.1.2.3")
    guard.after("100.64.0.9")
    with nullcontext() if public else pytest.raises(CallFailed, match="declared local"):
        guard.after("93.184.216.34")
    for address in ("169.254.169.254", "fd00:ec2::23", "fe80::a9fe:a9fe"):
        with pytest.raises(CallFailed, match="metadata"):
            guard.after(address)


@pytest.mark.parametrize(
    "url",
    [
        "unix:/run/llm.sock",
        "http://127.0.0.1:1/v1",
        "http://[::1]/v1",
        "http://10.0.0.1",
        "http://93.184.216.34",
    ],
)
def test_a_local_endpoint_with_nothing_to_look_up_is_not_looked_at(url):
    assert guard_of(Endpoint("a", "openai", "local", url), "a") is None


def test_an_address_that_is_none_is_looked_at_when_it_is_connected_to():
    with pytest.raises(CallFailed, match="declared local"):
        guard_of(Endpoint("a", "openai", "local", "http://[::1/v1"), "a").after("93.184.216.34")


def test_of_a_local_name_with_near_and_far_addresses_only_the_near_ones_are_connected_to(
    monkeypatch, connected
):
    resolving(monkeypatch, ["fe80::1", "93.184.216.34", "127.0.0.1"], ["93.184.216.34"])

    async def go():
        async with wall(answer(body=said("hi"))) as server:
            provider = provider_to(server.url.replace("127.0.0.1", "studio.example"))
            events = await collect(provider, SENT)
            await provider.close()
            return joined(events)

    assert asyncio.run(go()) == "hi"
    assert connected == ["127.0.0.1"]


def test_a_local_name_that_resolves_to_something_else_the_second_time_is_sent_nothing(monkeypatch, carried):
    monkeypatch.setattr("router.providers._guard.is_near", lambda found: str(found) != "127.0.0.1")
    resolving(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])

    async def go():
        async with wall(answer(body=said())) as server:
            provider = provider_to(server.url.replace("127.0.0.1", "studio.example"))
            with pytest.raises(CallFailed) as caught:
                await collect(provider, SENT)
            await provider.close()
            return caught.value.kind, server.accepted, server.asked

    assert asyncio.run(go()) == ("connect_failed", carried == "httpx", [])


@pytest.mark.parametrize("locality", ["local", "remote"])
def test_an_address_that_no_endpoint_may_have_is_not_connected_to_however_the_endpoint_was_made(
    connected, locality
):
    error = fails(provider_to("http://169.254.169.254:1/v1", locality))
    assert "is the link-local address" in str(error)
    assert connected == []


@pytest.mark.parametrize("locality", ["local", "remote"])
@pytest.mark.parametrize("host", ["a" * 70 + ".example.invalid", "nowhere.invalid"])
def test_a_name_that_does_not_resolve_fails_to_connect(monkeypatch, host, locality):
    def lookup(name, *_, **__):
        if len(name) > 70:
            raise UnicodeError("label too long")
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    error = fails(provider_to(f"http://{host}/v1", locality))
    assert error.kind == "connect_failed"


def test_a_name_that_resolves_too_slowly_fails_within_the_time_to_connect(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(0.4))
    error = fails(provider_to("http://models.example/v1", "remote", timeouts=Timeouts(connect=0.05)))
    assert "within the time to connect" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status):
    async def go():
        async with wall(answer(body=said())) as other:
            target = {"location": f"{other.url}/chat/completions"}
            error, server = await asyncio.to_thread(ask, answer(status, headers=target))
            return error.kind, server.attempts, other.accepted

    assert asyncio.run(go()) == ("upstream_redirect", 1, 0)


def test_proxies_passwords_and_certificates_are_taken_from_the_file_and_not_from_the_environment(
    monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret", encoding="utf-8")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("SSL_CERT_FILE", str(netrc))
    assert "cannot be reached" in str(fails(provider_to("https://127.0.0.1:1")))
    events, server = ask(answer(body=said("direct")), keys=(), headers={})
    assert joined(events) == "direct"
    assert "authorization" not in server.asked[0].headers

    async def go():
        async with wall(answer(body=said("by proxy"))) as proxy:
            provider = provider_to("http://models.example/v1", "remote", settings={"proxy": proxy.url})
            events = await collect(provider, SENT)
            await provider.close()
            return joined(events), proxy.asked[0].path

    assert asyncio.run(go()) == ("by proxy", "http://models.example/v1/chat/completions")


# A call cannot say where it goes, with which fields, key or file.


@pytest.mark.parametrize(
    "option",
    [
        *("url", "base_url", "api_base", "endpoint", "proxy", "http", "key", "keys", "api_key", "headers"),
        *("extra_headers", "path", "file", "model_path", "verify", "ca", "timeout"),
    ],
)
def test_a_call_cannot_set_address_field_key_or_file_by_an_option(tmp_path, option):
    async def go():
        async with world(tmp_path, a=answer(body=said())) as standing:
            with pytest.raises(InvalidCall, match="unknown option"):
                await standing.ask("hello", **{option: "http://127.0.0.1:9"})
            return standing.attempts

    assert run(go) == (0,)


EVIL = {
    "api_base": "http://127.0.0.1:9",
    "base_url": "http://127.0.0.1:9",
    "api_key": "stolen",
    "headers": {"x-evil": "1", "host": "evil"},
    "extra_headers": {"authorization": "Bearer stolen"},
    "path": "/etc/passwd",
    "models": ["other"],
    "fallbacks": [{"m": ["other"]}],
    "route": "fallback",
    "provider": {"order": ["other"]},
    "agent": "build",
    "user_config": {"model_list": []},
    "mcp_servers": [{"url": "http://127.0.0.1:9"}],
    "kv_transfer_params": {"remote_host": "127.0.0.1"},
    "bootstrap_host": "127.0.0.1",
    "aws_secret_access_key": "stolen",
    "metadata": {"tags": ["cloud"]},
    "Model": "other",  # some servers ignore case
    "apiBase": "http://127.0.0.1:9",
    "dataSources": [],
    "me\u017f\u017fages": [],
}


@pytest.mark.parametrize("name", EVIL)
def test_a_call_cannot_set_address_field_key_file_or_who_answers_by_extra_fields(tmp_path, name):
    async def go():
        async with world(tmp_path, a=answer(body=said())) as standing:
            with pytest.raises(InvalidCall, match=f"it must be without `{name}") as caught:
                await standing.ask("hello", extra={name: EVIL[name]})
            assert "stolen" not in str(caught.value)
            return standing.attempts

    assert run(go) == (0,)


def test_what_a_call_may_not_put_into_extra_the_file_may(tmp_path):
    async def go():
        rest = "rules: [{use: all, options: {extra: {provider: {data_collection: deny}, models: [x]}}}]"
        file = tmp_path / "router.yaml"
        async with wall(answer(body=said())) as server:
            file.write_text(
                f"version: 1\nendpoints: {{a: {{kind: openai, url: '{server.url}'}}}}\n"
                f"models: {{all: {{at: a}}}}\n{rest}\n",
                encoding="utf-8",
            )
            async with load_router(file) as router:
                await router.complete("hello", extra={"min_p": 0.1, "metadata": {"team": "a"}})
            return next(asked.json for asked in server.asked if asked.path.endswith("/chat/completions"))

    sent = asyncio.run(go())
    assert sent["provider"] == {"data_collection": "deny"}
    assert (sent["models"], sent["min_p"], sent["metadata"]) == (["x"], 0.1, {"team": "a"})


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "mcp", "server_label": "x"},
        {"type": "other", "server_url": "http://127.0.0.1:9"},
        {"type": "function", "function": {"name": "f"}, "Headers": {"authorization": "stolen"}},
    ],
)
def test_a_call_cannot_name_a_server_in_its_tools(tmp_path, tool):
    async def go():
        async with world(tmp_path, a=answer(body=said())) as standing:
            with pytest.raises(InvalidCall, match="may not name servers"):
                await standing.ask("hello", tools=[tool])
            return standing.attempts

    assert run(go) == (0,)


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:/etc/passwd", "/etc/passwd", "gopher://x"])
def test_a_call_cannot_name_a_file_as_an_image(tmp_path, url, made):
    part = ImagePart(url) if made else {"type": "image_url", "image_url": {"url": url}}

    async def go():
        async with world(tmp_path, a=answer(body=said())) as standing:
            with pytest.raises(InvalidCall, match="must be an http"):
                await standing.ask([Message.user((part,)) if made else {"role": "user", "content": [part]}])
            return standing.attempts

    assert run(go) == (0,)


@pytest.mark.parametrize("name", ["model", "messages", "stream", "stream_options", "tools"])
def test_extra_fields_of_a_call_cannot_replace_what_has_an_option(tmp_path, name):
    async def go():
        async with world(tmp_path, a=answer(body=said())) as standing:
            with pytest.raises(InvalidCall, match="extra"):
                await standing.ask("hello", extra={name: "other"})
            return standing.attempts

    assert run(go) == (0,)


# Caps, encodings, cookies.


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity", "GZIP"])
def test_only_the_identity_encoding_is_asked_for_and_taken(encoding):
    error, server = ask(answer(body=b"\x1f\x8b", headers={"content-encoding": encoding}))
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert error.kind == "malformed_response"


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ],
    ids=["transfer encoding", "long field", "many fields", "long length", "negative length", "two lengths"],
)
def test_a_head_beyond_measure_is_refused(content):
    assert ask(raw(content))[0].kind == "malformed_response"


def test_of_an_endless_refusal_only_the_beginning_is_read():
    sent = []

    async def endless(_, writer):
        writer.write(b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(100_000):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent.append(65536)
            await writer.drain()

    error, _ = ask(endless)
    assert error.kind == "server_error"
    assert sum(sent) < 100_000_000


def test_an_event_over_a_mebibyte_is_refused_however_it_is_cut():
    chunks = [b"data: ", *[b"x" * 300_000] * 4]
    assert ask(stream(*chunks, end="mute"))[0].kind == "response_too_large"


def test_an_answer_over_the_cap_is_refused_whether_announced_or_not(monkeypatch):
    monkeypatch.setattr("router.providers._transport.BODY_CAP", 1000)
    assert ask(answer(body=b" " * 2000))[0].kind == "response_too_large"
    assert ask(stream(b" " * 2000))[0].kind == "response_too_large"


def test_a_cookie_is_not_kept():
    async def go():
        async with wall(answer(body=said(), headers={"set-cookie": "a=1; Path=/"})) as server:
            provider = provider_to(server.url)
            for _ in range(2):
                await collect(provider, SENT)
            await provider.close()
            return server.asked[1].headers

    assert "cookie" not in asyncio.run(go())


# What is refused when the file is loaded.


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ('url: "http://169.254.169.254/v1"', "R611"),
        ('url: "http://[fd00:ec2::254]/v1"', "R611"),
        ('url: "http://[::ffff:169.254.169.254]/v1"', "R611"),
        ('url: "http://[64:ff9b::a9fe:a9fe]/v1"', "R611"),
        ('url: "http://127.0.0.1/v1", proxy: "http://169.254.169.254"', "R611"),
        (f'url: "http://me:{KEY}@127.0.0.1/v1"', "R605"),
        (f'url: "http://127.0.0.1/v1", key: "{KEY}"', "R601"),
        (f'url: "http://127.0.0.1/v1", headers: {{X-Api-Key: "{KEY}"}}', "R601"),
        ('url: "http://127.0.0.1/v1", headers: {X: "a\\r\\nEvil: 1"}', "R213"),
        ('url: "http://127.0.0.1/v1", headers: {X: "é"}', "R213"),
        ('url: "http://127.0.0.1/v1", headers: {X: "a\\0"}', "R213"),
        ('url: "http://127.0.0.1/v1", headers: {"a b": c}', "R213"),
        *(
            (f'url: "http://127.0.0.1/v1", headers: {{{name}: c}}', "R213")
            for name in ("Host", "Content-Length", "AUTHORIZATION", "Transfer-Encoding", "accept-encoding")
        ),
    ],
)
def test_a_file_with_a_forbidden_address_secret_or_header_is_refused_without_showing_it(
    tmp_path, endpoint, code
):
    file = tmp_path / "router.yaml"
    lines = [
        "version: 1",
        f"endpoints: {{a: {{kind: openai, {endpoint}}}}}",
        "models: {m: {at: a}}",
        "rules: [{use: m}]",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file)
    assert code in {finding.code for finding in caught.value.findings}
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("wrong", ["models: {m: {at: b}}", "models: {m: {at: a, pin: 1}}", "mdels: {}"])
def test_a_file_that_is_refused_shows_no_variable_of_the_environment_in_its_traceback(
    monkeypatch, tmp_path, wrong
):
    monkeypatch.setenv("BOX_KEY", KEY)
    file = tmp_path / "router.yaml"
    file.write_text(
        f"version: 1\nendpoints: {{a: {{kind: openai, url: 'http://127.0.0.1/v1', key: '${{env:BOX_KEY}}'}}}}\n"
        f"{wrong}\nrules: [{{use: m}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_router(file)
    assert KEY not in variables(caught.value)


def test_silence_after_the_key_was_sent_shows_nothing_either(tmp_path):
    async def go():
        async with world(tmp_path, keys={"a": KEY}, endpoint="timeout: 0.2s", a=mute) as standing:
            with pytest.raises(CallFailed) as caught:
                await standing.ask(PROMPT)
            return caught.value

    assert KEY not in variables(run(go))
