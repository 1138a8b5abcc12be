"""A server of OpenCode as an endpoint: each of its traps, on recorded sessions."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from support.opencode_server import RECORDED, Play, event, lasting, opencode, recorded, saying
from support.wall import answer, mute, raw

from router.core import errors
from router.core.events import Done, ReasoningDelta, TextDelta
from router.core.messages import ImagePart, Message, TextPart, ToolCall
from router.core.port import Lister, Probed
from router.core.request import Endpoint, HealthPolicy, Request
from router.core.secret import Secret
from router.core.usage import Usage
from router.providers import _opencode_models, _opencode_session, _refusal, create
from router.testing.contract import ProviderContract, collect, joined

HELLO = (Message.user("hello"),)
ASK = Request("mock/ok", HELLO)
TEXT = "  Hello world and so on. \n"


def words(body):
    """Say back what was asked, in pieces."""
    text = body["parts"][0]["text"]
    return saying(f"you said {text}", "you said ", text)


def UNKNOWN(_):  # noqa: N802 - a constant that is called
    return recorded("unknown_model")


PLAYS = {
    "endless": replace(saying("on" * 99, *["on"] * 99), status=None),
    "silent": Play(),
    "unknown_model": UNKNOWN,
    "empty": saying(""),
    "malformed": Play((b"data: {]\n\n", b"data: 3\n\n"), 200, [1]),
}


class TestContract(ProviderContract):
    @pytest.fixture(autouse=True)
    def _lasting(self):
        with lasting(words) as self.answers:
            yield

    async def make(self, situation):
        if situation == "answers":  # three event loops in a row find it
            self.server = self.answers
            return create(Endpoint("studio", "opencode", "local", self.server.url))
        running = opencode(PLAYS[situation])
        self.server = await running.__aenter__()
        provider = create(Endpoint("studio", "opencode", "local", self.server.url))
        close = provider.close

        async def close_both():
            await close()
            await running.__aexit__(None, None, None)

        provider.close = close_both
        return provider

    def request(self, text="hello"):
        return Request(self.model, (Message.user(text),), {"temperature": 0})

    @property
    def model(self):
        return "mock/nope" if self.server.play is UNKNOWN else "mock/ok"

    async def is_free(self, provider):
        del provider
        return not self.server.open and not self.server.feeds


@asynccontextmanager
async def asked(play, key=None, **settings):
    """Run a server and a provider that asks it."""
    async with opencode(play) as server:
        keys = (Secret(key),) if key else ()
        provider = create(Endpoint("studio", "opencode", "local", server.url, keys=keys, settings=settings))
        try:
            async with asyncio.timeout(20):
                yield server, provider
        finally:
            await provider.close()


async def until(holds):
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def events_of(play, request=ASK, **settings):
    """Return what a call yields, and the server after it."""

    async def run():
        async with asked(play, **settings) as (server, provider):
            return await collect(provider, request), server

    return asyncio.run(run())


def failure_of(play, request=ASK, instead=None, **settings):
    """Return the error of a call, and the server after it."""

    async def run():
        async with asked(play, **settings) as (server, provider):
            server.instead |= instead or {}
            with pytest.raises(errors.CallFailed) as caught:
                await collect(provider, request)
            return caught.value, server

    return asyncio.run(run())


def sent_by(*messages, play=words, **more):
    """Return the body of the message that a conversation becomes."""
    _, server = events_of(play, Request("mock/ok", messages, **more))
    return server.asked[0]


def test_a_recorded_answer_comes_in_its_pieces_with_its_tokens():
    events, _ = events_of(recorded("ok"))
    assert [event.text for event in events[:-1]] == ["  Hello", " world", " and", " so", " on. \n"]
    identity = RECORDED["ok"]["answer"]["info"]["id"]
    # 12 fresh and 8 cached ones went in, 3 of text and 2 of reasoning came out.
    assert events[-1] == Done("stop", Usage(20, 5, 8, 2), "mock/ok", identity)


def test_reasoning_is_told_from_text():
    events, _ = events_of(recorded("think"))
    assert events[0] == ReasoningDelta("let me think")
    assert joined(events) == TEXT


def test_an_answer_that_was_cut_says_so():
    events, _ = events_of(recorded("length"))
    assert events[-1].finish_reason == "length"


def test_what_no_event_told_comes_from_the_finished_message():
    events, _ = events_of(saying("one two", "one"))
    assert events[:-1] == [TextDelta("one"), TextDelta(" two")]


def test_pieces_of_an_unknown_part_and_of_other_sessions_are_left_to_the_end():
    strange = [
        event("message.part.delta", partID="prt_9", field="text", delta="early"),
        event("message.part.delta", partID="prt_1", field="other", delta="not text"),
        {"type": "message.part.delta", "properties": {"sessionID": "ses_other", "delta": "not mine"}},
        event("session.idle"),
    ]
    play = saying("all", "al")
    events, _ = events_of(replace(play, events=(*strange, *play.events)))
    assert joined(events) == "all"


def test_an_answer_that_the_server_changed_afterwards_is_not_said_twice():
    events, _ = events_of(saying("other", "one"))
    assert joined(events) == "one"


def test_a_server_that_counts_nothing_gives_no_usage():
    events, _ = events_of(saying("text", tokens={"input": 0, "output": 0, "reasoning": 0}))
    assert events[-1].usage is None


@pytest.mark.parametrize(
    ("said", "cost"),
    [(2.85e-05, Decimal("0.0000285")), (0, None), (-1, None), ("1", None), (float("inf"), None)],
)
def test_its_own_count_of_dollars_is_told_unless_it_knows_no_price(said, cost):
    events, _ = events_of(saying("text", cost=said))
    assert events[-1].cost == cost


# 1: errors of the provider are told inside an answer of status 200.
@pytest.mark.parametrize(
    ("info", "kind"),
    [
        (
            {"error": {"name": "APIError", "data": {"message": "no", "statusCode": 401}}},
            errors.Authentication,
        ),
        ({"error": {"name": "ContextOverflowError", "data": {"message": "long"}}}, errors.ContextLength),
        ({"error": {"name": "MessageAbortedError", "data": {"message": ""}}}, errors.StreamInterrupted),
        ({"finish": "content-filter"}, errors.ContentFiltered),
        ({"finish": "error"}, errors.StreamInterrupted),
    ],
)
def test_an_error_inside_an_answer_is_an_error(info, kind):
    error, server = failure_of(saying("half", **info))
    assert type(error) is kind
    assert not server.open


def test_an_error_inside_an_answer_names_its_message():
    error, _ = failure_of(saying("", error={"name": "UnknownError", "data": {"message": "no"}}))
    assert error.upstream_id == "msg_1"


def test_a_bare_500_for_an_unknown_model_is_model_not_found():
    error, server = failure_of(recorded("unknown_model"), Request("mock/nope", HELLO))
    assert isinstance(error, errors.ModelNotFound)
    assert "has no model `mock/nope`" in str(error)
    assert not server.open


def test_a_bare_500_for_another_reason_stays_a_failure_of_the_server():
    error, _ = failure_of(recorded("unknown_model"))
    assert type(error) is errors.ServerError
    assert error.status == 500


def test_a_bare_500_is_a_failure_of_the_server_where_it_cannot_be_looked_into():
    error, _ = failure_of(recorded("unknown_model"), instead={("GET", "/config/"): answer(500, b"")})
    assert type(error) is errors.ServerError


# 2: pushback never returns; the status of the session tells of it.
@pytest.mark.parametrize(
    ("name", "kind", "wait"),
    [
        ("err429", errors.RateLimited, pytest.approx(33, abs=1)),
        ("err500", errors.ServerError, None),
        ("err503", errors.ModelLoading, None),
        ("err529", errors.Overloaded, None),
        ("quota", errors.QuotaExhausted, None),
        ("cut", errors.StreamInterrupted, None),
    ],
)
def test_a_hidden_retry_ends_the_call_with_its_reason(name, kind, wait):
    error, server = failure_of(recorded(name))
    assert type(error) is kind
    assert error.retry_after == wait
    assert "would try again for ever" in str(error)
    assert server.aborted == ["ses_1"]
    assert not server.open


def test_the_reason_of_a_retry_may_stand_in_its_action():
    status = {"type": "retry", "attempt": 1, "message": "Stop", "action": {"reason": "free_tier_limit"}}
    error, _ = failure_of(Play((event("session.status", status=status),)))
    assert isinstance(error, errors.QuotaExhausted)


def test_a_retry_without_times_asks_for_no_wait():
    status = {"type": "retry", "message": "Too Many Requests", "next": 1795349956981}
    error, _ = failure_of(Play((event("session.status", status=status),)))
    assert (type(error), error.retry_after) == (errors.RateLimited, None)


# The server would sum a full context up by further paid calls, and go on by itself.
def test_an_answer_is_over_when_the_server_begins_to_sum_it_up():
    events, server = events_of(recorded("compaction"))
    assert joined(events) == TEXT
    assert events[-1].usage == Usage(20, 5, 8, 2)
    assert (server.aborted, server.open) == (["ses_1"], set())


def test_a_prompt_that_the_server_would_sum_up_is_too_long():
    part = event("message.part.updated", part={"id": "prt_1", "type": "compaction"})
    error, server = failure_of(Play((part,)))
    assert isinstance(error, errors.ContextLength)
    assert server.aborted == ["ses_1"]


# 3: without a title a second paid call invents one.
def test_a_session_has_a_title():
    _, server = events_of(words)
    assert server.made == [{"title": "router"}]


# 4: the server's own agent has tools and a long prompt.
def test_the_agent_is_the_locked_down_one():
    assert sent_by(*HELLO)["agent"] == "router"


def test_the_agent_can_be_named():
    _, server = events_of(words, agent="quiet")
    assert server.asked[0]["agent"] == "quiet"


def test_the_servers_own_agent_answers_only_when_it_is_asked_for():
    _, server = events_of(words, agent="default")
    assert "agent" not in server.asked[0]


@pytest.mark.parametrize("agent", ["router", "default"])
def test_no_agent_gets_a_tool(agent):
    _, server = events_of(words, agent=agent)
    assert server.asked[0]["tools"] == {"*": False}


def test_an_agent_that_the_server_lacks_is_named():
    error, _ = failure_of(recorded("bad_agent"), agent="nope")
    assert isinstance(error, errors.ModelNotFound)
    assert "has no agent `nope`: add it to the server's configuration, or write `agent: default`" in str(
        error
    )


# 6: sampling is a matter of variants, of which an unknown one is silently ignored.
def test_an_effort_is_sent_as_the_variant_of_its_name():
    providers = json.loads(json.dumps(RECORDED["providers"]))
    providers["providers"][0]["models"]["ok"]["variants"] = {"high": {}}

    async def run():
        async with asked(words) as (server, provider):
            server.instead["GET", "/config/"] = answer(200, providers)
            request = replace(ASK, params={"reasoning_effort": "high", "temperature": 0.5})
            await collect(provider, request)
            await collect(provider, request)
            paths = [each.path for each in server.wall.asked]
            return server.asked, paths.count("/config/providers")

    bodies, lookups = asyncio.run(run())
    assert [body["variant"] for body in bodies] == ["high", "high"]
    assert "temperature" not in json.dumps(bodies)
    assert lookups == 1


@pytest.mark.parametrize(("model", "has"), [("mock/ok", "it has cold"), ("mock/long", "it has none")])
def test_an_effort_without_a_variant_is_refused_instead_of_ignored(model, has):
    error, server = failure_of(words, Request(model, HELLO, {"reasoning_effort": "high"}))
    assert isinstance(error, errors.UnsupportedFeature)
    assert has in str(error)
    assert not server.made


def test_extra_fields_are_sent_but_set_nothing_of_ours():
    body = sent_by(*HELLO, extra={"variant": "cold", "tools": {"bash": True}})
    assert (body["variant"], body["tools"]) == ("cold", {"*": False})


# 7: only text of the user can be sent.
def test_one_message_is_sent_as_it_is_and_system_texts_beside_it():
    body = sent_by(Message.system("be brief"), Message("developer", "be kind"), Message.user("hello"))
    assert body["system"] == "be brief\n\nbe kind"
    assert body["parts"] == [{"type": "text", "text": "hello"}]


def test_a_conversation_is_written_down_turn_by_turn():
    call = ToolCall("c1", "weather", '{"at": "Rome"}')
    text = sent_by(
        Message.user((TextPart("is it "), TextPart("warm?"))),
        Message("assistant", "", (call,)),
        Message("tool", "30 degrees", tool_call_id="c1"),
        Message("assistant", "Yes."),
        Message.user("And tomorrow?"),
    )["parts"][0]["text"]
    assert text == (
        "This is the conversation so far:\n\n[User]\nis it warm?\n\n"
        '[Assistant]\n[calls the tool weather with {"at": "Rome"}]\n\n'
        "[Answer of a tool]\n30 degrees\n\n[Assistant]\nYes.\n\n"
        "This is the next message. Answer it, and only it:\n\nAnd tomorrow?"
    )


def test_a_conversation_that_ends_with_a_tool_goes_on():
    text = sent_by(Message.user("warm?"), Message("tool", "30", tool_call_id="c1"))["parts"][0]["text"]
    assert text.endswith("[Answer of a tool]\n30\n\nGive the assistant's next message, and nothing else.")


def test_a_system_text_alone_is_the_message():
    body = sent_by(Message.system("say hello"))
    assert body["parts"][0]["text"] == "say hello"
    assert "system" not in body


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (replace(ASK, tools=({"type": "function"},)), "tools"),
        (replace(ASK, response_format={"type": "json_object"}), "an answer of a form"),
        (Request("mock/ok", (Message.user((ImagePart("data:image/png;base64,AA"),)),)), "images"),
        (Request("mock/ok", (*HELLO, Message("assistant", "Well"))), "cannot continue"),
    ],
)
def test_more_than_text_is_refused_before_anything_is_sent(request_, what):
    error, server = failure_of(words, request_)
    assert isinstance(error, errors.UnsupportedFeature)
    assert what in str(error)
    assert not server.wall.asked


def test_an_answer_of_plain_text_may_be_asked_for():
    events, _ = events_of(words, replace(ASK, response_format={"type": "text"}))
    assert joined(events) == "you said hello"


def test_what_is_no_json_is_refused():
    error, server = failure_of(words, replace(ASK, extra={"variant": object()}))
    assert isinstance(error, errors.InvalidRequest)
    assert not server.open


# 8: the configuration shows API keys.
def test_no_key_of_the_servers_configuration_is_kept_or_told(caplog):
    caplog.set_level(logging.DEBUG)

    async def run():
        async with asked(words) as (_, provider):
            await collect(provider, Request("ok", HELLO))
            return await provider.listed(), repr(vars(provider))

    found, kept = asyncio.run(run())
    assert [each.id for each in found] == ["mock/ok", "mock/long", "mock/think"]
    assert "sk-secret-upstream" in json.dumps(RECORDED["providers"])
    assert "sk-secret-upstream" not in kept + repr(found) + caplog.text


@pytest.mark.parametrize("listing", [[1], {"providers": "sk-secret-upstream"}])
def test_a_listing_that_is_none_is_malformed_and_not_quoted(listing):
    error, _ = failure_of(words, Request("ok", HELLO), instead={("GET", "/config/"): answer(200, listing)})
    assert isinstance(error, errors.MalformedResponse)
    assert "sk-secret" not in str(error)


# 9: sessions are dear: none is left behind.
def test_a_session_is_taken_away_after_an_answer_without_an_abort():
    _, server = events_of(words)
    assert (server.open, server.aborted) == (set(), [])


def test_a_call_that_is_cancelled_aborts_and_takes_its_session_away():
    async def run():
        async with asked(Play()) as (server, provider):
            task = asyncio.create_task(collect(provider, ASK))
            await until(lambda: server.asked)
            task.cancel()
            await asyncio.wait({task})
            return task.cancelled(), server.aborted, server.open

    assert asyncio.run(run()) == (True, ["ses_1"], set())


def test_a_session_that_was_still_being_made_is_taken_away_too():
    async def run():
        async with asked(Play()) as (server, provider):
            going = asyncio.Event()

            async def late(asked, writer):
                going.set()
                await asyncio.sleep(0.05)
                await server._make(asked, writer)

            server.instead["POST", "/session"] = late
            task = asyncio.create_task(collect(provider, ASK))
            await going.wait()
            task.cancel()
            del server.instead["POST", "/session"]
            await asyncio.wait({task})
            return len(server.made), server.open

    assert asyncio.run(run()) == (1, set())


@pytest.mark.parametrize("stuck", [("DELETE", "/session"), ("POST", "/session")])
def test_a_server_that_is_stuck_holds_a_cancelled_call_for_a_bounded_time(stuck, monkeypatch):
    monkeypatch.setattr(_opencode_session, "FAREWELL", 0.05)

    async def run():
        async with asked(Play()) as (server, provider):
            server.instead[stuck] = mute
            task = asyncio.create_task(collect(provider, ASK))
            await until(lambda: any(each.path.startswith("/session") for each in server.wall.asked))
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.01)
            done, _ = await asyncio.wait({task}, timeout=5)
            return bool(done) and task.cancelled()

    assert asyncio.run(run())


def test_a_server_that_vanishes_interrupts_the_answer():
    async def run():
        async with asked(Play()) as (server, provider):
            async with provider.open(ASK) as events:
                task = asyncio.ensure_future(anext(events))
                await until(lambda: server.asked)
                for each in list(server.wall.tasks):
                    each.cancel()
                with pytest.raises(errors.CallFailed) as caught:
                    await task
            return caught.value

    assert asyncio.run(run()).retryable


def test_a_stream_of_events_that_ends_interrupts_the_answer():
    async def over(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    error, server = failure_of(Play(), instead={("GET", "/event"): over})
    assert isinstance(error, errors.StreamInterrupted)
    assert not server.open


def test_a_session_that_somebody_else_deleted_is_an_interruption_not_an_unknown_model():
    async def run():
        async with asked(words) as (server, provider):
            missing = answer(404, {"name": "NotFoundError", "data": {"message": "Session not found"}})
            server.instead["POST", "/session/"] = missing
            with pytest.raises(errors.StreamInterrupted) as caught:
                await collect(provider, ASK)
            return caught.value.status

    assert asyncio.run(run()) == 404


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (answer(200, {"id": "../config"}), errors.MalformedResponse),
        (answer(200, [1]), errors.MalformedResponse),
        (answer(200, b"{]"), errors.MalformedResponse),
        (answer(401, b""), errors.Authentication),
        (answer(400, {"name": "BadRequest", "data": {"message": "no"}}), errors.InvalidRequest),
        (raw(b""), errors.ConnectionLost),
    ],
)
def test_a_session_that_cannot_be_made_is_a_typed_failure(made, kind):
    error, _ = failure_of(words, instead={("POST", "/session"): made})
    assert isinstance(error, kind)


def test_another_server_at_the_address_is_found_out_before_anything_is_made():
    error, server = failure_of(words, instead={("GET", "/event"): answer(404, b"not found")})
    assert isinstance(error, errors.ModelNotFound)
    assert not server.made


def test_a_refusal_whose_body_never_comes_is_told_by_its_status(monkeypatch):
    monkeypatch.setattr(_refusal, "ERROR_SECONDS", 0.05)

    async def never(_, writer):
        writer.write(b"HTTP/1.1 429 X\r\ncontent-length: 9\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    error, _ = failure_of(words, instead={("GET", "/event"): never})
    assert isinstance(error, errors.RateLimited)


def test_names_that_the_server_gave_are_shown_on_one_line():
    odd = "\x1b[2J\nall is well"
    known = _opencode_models.Known(odd, "m", variants=frozenset({odd}))
    with pytest.raises(errors.ModelNotFound) as several:
        _opencode_models.found("m", (known, _opencode_models.Known("b", "m")), "here")
    with pytest.raises(errors.UnsupportedFeature) as lacking:
        _opencode_models.with_variant(known, "high", "here")
    for caught in (several, lacking):
        assert str(caught.value).isprintable()
        assert "all is well" in str(caught.value)


@pytest.mark.parametrize(("name", "says"), [("nope", "has no model `nope`"), ("both", "several providers")])
def test_a_name_without_its_provider_must_fit_one_model(name, says):
    providers = {"providers": [{"id": one, "models": {"both": {"limit": {"context": 9}}}} for one in "ab"]}
    instead = {("GET", "/config/"): answer(200, providers)}
    error, _ = failure_of(words, Request(name, HELLO), instead=instead)
    assert isinstance(error, errors.ModelNotFound)
    assert says in str(error)


def test_a_name_without_its_provider_is_looked_up_once():
    async def run():
        async with asked(words) as (server, provider):
            for _ in range(2):
                await collect(provider, Request("ok", HELLO))
            paths = [each.path for each in server.wall.asked]
            return server.asked[1]["model"], paths.count("/config/providers")

    assert asyncio.run(run()) == ({"providerID": "mock", "modelID": "ok"}, 1)


def test_a_model_whose_name_has_slashes_keeps_them():
    _, server = events_of(words, Request("router/some/model", HELLO))
    assert server.asked[0]["model"] == {"providerID": "router", "modelID": "some/model"}


def test_a_listing_tells_context_windows_where_they_are_known():
    async def run():
        async with asked(words) as (server, provider):
            models = {"a": {"limit": {"context": 4096}}, "b": {"limit": None}, "c": 3}
            server.instead["GET", "/config/"] = answer(200, {"providers": [{"id": "p", "models": models}, 7]})
            assert isinstance(provider, Lister)
            return {each.id: each.context for each in await provider.listed()}

    assert asyncio.run(run()) == {"p/a": 4096, "p/b": None, "p/c": None}


def test_the_key_is_the_password_of_the_user_opencode():
    async def run():
        async with asked(words, key="pässword") as (server, provider):
            await collect(provider, ASK)
            return {each.headers["authorization"] for each in server.wall.asked}

    (found,) = asyncio.run(run())
    assert base64.b64decode(found.removeprefix("Basic ")).decode() == "opencode:pässword"


def test_a_password_is_never_in_a_message():
    token = base64.b64encode(b"opencode:hunter22").decode()
    said = answer(400, {"name": "BadRequest", "data": {"message": f"what is hunter22 or {token}?"}})
    error, _ = failure_of(words, instead={("POST", "/session"): said}, key="hunter22")
    assert "hunter22" not in str(error)
    assert token not in str(error)


@pytest.mark.parametrize(
    ("reply", "path", "state"),
    [
        (None, None, "up"),
        (answer(401, b""), None, "up"),
        (answer(503, b""), None, "down"),
        (raw(b""), None, "down"),
        (answer(200, b""), "/global/other", "up"),
    ],
)
def test_its_health_is_asked_without_a_prompt(reply, path, state):
    async def run():
        async with opencode(words) as server:
            if reply is not None:
                server.instead["GET", "/global/"] = reply
            health = HealthPolicy(probe=path)
            provider = create(Endpoint("studio", "opencode", "local", server.url, health=health))
            assert isinstance(provider, Probed)
            found = await provider.probe()
            await provider.close()
            return found, [each.path for each in server.wall.asked]

    found, paths = asyncio.run(run())
    assert (found, paths) == (state, [path or "/global/health"])
