"""Calls through a whole router, with scripted providers on a virtual clock."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

import pytest

import router as package
from router import (
    AllAttemptsFailed,
    ConfigError,
    ContextLength,
    DeadlineExceeded,
    FirstTokenTimeout,
    InvalidCall,
    InvariantViolated,
    LlmPort,
    Message,
    NoCandidate,
    RateLimited,
    RouterError,
    Shed,
    StreamInterrupted,
    StreamStalled,
    TextDelta,
    load_router,
)
from router.testing import ScriptedProvider, run_virtual

FILE = """\
version: 1
dimensions:
  data: {values: [public, private]}
  task: {values: [chat, code]}
endpoints:
  a: {kind: openai, url: "http://127.0.0.1:1/v1", concurrency: 2, queue: {max: 3, timeout: 4s}, timeout: {total: 20s}}
  b: {kind: openai, url: "http://127.0.0.1:2/v1", timeout: {total: 20s, first: 3s, idle: 2s}}
models:
  ma: {at: a, context: 1000, price: {input: $1, output: $2}, capabilities: [tools]}
  mb: {at: b, context: 9000, price: {input: $10, output: $20}}
temperatures: {code: 0.2, default: 0.7}
rules:
  - {name: secret, when: {data: private}, use: ma}
  - {name: long, when: {tokens: "> 5000"}, use: mb}
  - {name: coding, when: {task: code}, use: [ma, mb], options: {seed: 7, extra: {top_k: 5}}}
  - {name: slow, when: {task: chat, stream: false}, use: mb}
  - {name: chatting, when: {task: chat}, use: [mb, ma]}
deadline: 60s
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(FILE, encoding="utf-8")
    return file


def loaded(path, a=None, b=None):
    providers = {"a": a or ScriptedProvider("ok"), "b": b or ScriptedProvider("ok")}
    return load_router(path, providers=providers, dice=random.Random(1), env={})


def run(path, work, a=None, b=None):
    """Run `work(router)` on a virtual clock and return what it gives and how long it took."""

    async def main():
        started = asyncio.get_running_loop().time()
        async with loaded(path, a, b) as router:
            result = await work(router)
        return result, asyncio.get_running_loop().time() - started

    return run_virtual(main())


def ask(path, a=None, b=None, **options):
    options = {"task": "code", "data": "public", **options}
    return run(path, lambda router: router.complete("hello there", **options), a, b)


def test_an_answer_tells_how_it_came_about(path):
    answer, _ = ask(path, ScriptedProvider({"say": "four words come back"}))
    assert (answer.role, answer.content) == ("assistant", "four words come back")
    assert (answer.model, answer.endpoint, answer.rule) == ("ma", "a", "coding")
    assert answer.finish_reason == "stop"
    assert answer.usage.estimated
    assert [each.outcome for each in answer.attempts] == ["ok"]
    assert answer.cost == (Decimal(answer.usage.input_tokens) + 2 * answer.usage.output_tokens) / 1_000_000
    assert answer.request_id
    assert (answer.cached, answer.degraded) == (False, None)


def test_a_request_carries_the_merged_options(path):
    a = ScriptedProvider("ok")
    ask(path, a, max_tokens=9, extra={"min_p": 0.1}, stop="END")
    request = a.requests[0]
    assert request.model == "ma"
    assert request.params == {"temperature": 0.2, "seed": 7, "max_tokens": 9, "stop": ["END"]}
    assert request.extra == {"top_k": 5, "min_p": 0.1}
    assert request.messages == (Message.user("hello there"),)
    assert not request.stream
    assert request.context == 1000


def test_the_mapping_of_options_is_the_shape_agents_use(path):
    a = ScriptedProvider("ok")

    async def work(router):
        assert isinstance(router, LlmPort)
        return await router.complete(
            [{"role": "user", "content": "hi"}],
            {"model": "ma", "temperature": 0.1, "maxTokens": 5, "data": "public", "task": "code"},
        )

    answer, _ = run(path, work, a)
    assert answer.rule is None
    assert a.requests[0].params == {"temperature": 0.1, "max_tokens": 5}


def test_a_failure_moves_on_to_the_next_candidate_and_both_are_told(path):
    answer, seconds = ask(path, ScriptedProvider(401), ScriptedProvider("ok"))
    assert [(each.model, each.outcome) for each in answer.attempts] == [
        ("ma", "authentication"),
        ("mb", "ok"),
    ]
    assert answer.model == "mb"
    assert seconds == 0


def test_a_passing_failure_is_tried_again_after_a_wait(path):
    answer, seconds = ask(path, ScriptedProvider(500, "ok"))
    assert [each.outcome for each in answer.attempts] == ["server_error", "ok"]
    assert 0.25 <= seconds <= 0.5


def test_a_retry_after_is_kept(path):
    answer, seconds = ask(path, ScriptedProvider("429 retry-after=2", "ok"))
    assert [each.endpoint for each in answer.attempts] == ["a", "a"]
    assert 2.0 <= seconds <= 2.3


def test_a_long_retry_after_without_another_candidate_fails_at_once(path):
    with pytest.raises(RateLimited) as caught:
        ask(path, ScriptedProvider("429 retry-after=120"), data="private")
    assert caught.value.retry_after == 120
    assert [each.outcome for each in caught.value.attempts] == ["rate_limited"]
    assert caught.value.request_id


def test_the_most_telling_failure_is_raised_with_every_attempt_inside(path):
    with pytest.raises(AllAttemptsFailed) as caught:
        ask(path, ScriptedProvider(401), ScriptedProvider("refused"))
    assert caught.value.kind == "authentication"
    assert caught.value.status == 401
    assert [each.outcome for each in caught.value.attempts] == [
        "authentication",
        "connect_failed",
        "connect_failed",
    ]


def test_a_context_overflow_goes_to_the_larger_model(path):
    answer, _ = ask(path, ScriptedProvider("context_length"))
    assert answer.model == "mb"
    with pytest.raises(ContextLength):
        ask(path, ScriptedProvider("context_length"), data="private")


def test_a_loading_model_is_waited_for_when_it_is_alone(path):
    a = ScriptedProvider("model_loading", "model_loading", "model_loading", "ok")
    answer, seconds = ask(path, a, data="private")
    assert len(answer.attempts) == 4
    assert seconds == 6.0


def test_a_silent_endpoint_is_left_when_its_time_is_over(path):
    answer, seconds = ask(path, ScriptedProvider("timeout"))
    assert [each.outcome for each in answer.attempts] == ["first_token_timeout", "ok"]
    assert seconds == 20.0


def test_a_first_timeout_makes_a_whole_answer_stream_inside(path):
    b = ScriptedProvider("ok", first_token=3.5)
    with pytest.raises(FirstTokenTimeout):
        ask(path, None, b, task="chat")
    assert b.requests[0].stream


def test_whole_answers_stream_inside_where_the_file_says_so(path):
    path.write_text(FILE + "stream: {inside: true}\n", encoding="utf-8")
    a = ScriptedProvider("ok")
    ask(path, a)
    assert a.requests[0].stream


def test_an_answer_that_stands_still_is_left(path):
    b = ScriptedProvider("ok", pace=2.5)
    with pytest.raises(StreamStalled) as caught:
        ask(path, None, b, task="chat")
    assert caught.value.partial_text
    assert caught.value.usage.estimated
    assert b.open_streams == 0


def test_the_deadline_ends_a_call_wherever_it_is(path):
    a = ScriptedProvider("timeout")
    with pytest.raises(DeadlineExceeded):
        ask(path, a, deadline=1.5)
    assert a.open_streams == 0

    async def late(router):
        started = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded):
            await router.complete("x", task="code", data="public", deadline=1.0)
        return asyncio.get_running_loop().time() - started

    slow_then_broken = ScriptedProvider(500, delay=0.7)
    spent, _ = run(path, late, slow_then_broken, ScriptedProvider(500, delay=0.7))
    assert spent == pytest.approx(1.0, abs=0.3)


def test_a_call_cannot_outlast_the_files_deadline(path):
    with pytest.raises(FirstTokenTimeout):
        ask(path, ScriptedProvider("timeout"), ScriptedProvider("timeout"), deadline=1e6)


def test_a_whole_answer_that_is_cut_is_asked_for_elsewhere(path):
    answer, _ = ask(path, ScriptedProvider("cut"), ScriptedProvider({"say": "whole"}))
    assert answer.content == "whole"
    assert [each.outcome for each in answer.attempts] == ["stream_interrupted", "ok"]
    first = answer.attempts[0]
    assert first.usage.estimated
    assert first.cost > 0
    assert answer.cost == sum(each.cost for each in answer.attempts)


def test_a_refused_attempt_costs_nothing(path):
    answer, _ = ask(path, ScriptedProvider(401), ScriptedProvider("ok"))
    assert answer.attempts[0].cost == 0


def test_an_unknown_price_stays_unknown(path):
    path.write_text(
        FILE.replace(", price: {input: $10, output: $20}", "").replace('2/v1"', '2/v1", locality: remote'),
        encoding="utf-8",
    )
    answer, _ = ask(path, task="chat")
    assert answer.cost is None
    assert answer.attempts[0].cost is None


def stream(path, a=None, b=None, **options):
    options = {"task": "chat", "data": "public", **options}

    async def work(router):
        pieces = []
        async with router.stream("hello there", **options) as reply:
            pieces = [event async for event in reply]
            with pytest.raises(StopAsyncIteration):
                await anext(reply)
        return pieces, reply.completion

    return run(path, work, a, b)[0]


def test_a_stream_gives_the_same_answer_in_pieces(path):
    pieces, whole = stream(path, None, ScriptedProvider({"say": "one two three"}))
    assert "".join(piece.text for piece in pieces) == whole.content == "one two three"
    assert all(isinstance(piece, TextDelta) for piece in pieces)
    assert (whole.model, whole.rule) == ("mb", "chatting")


def test_a_stream_fails_over_before_its_first_piece_unseen(path):
    pieces, whole = stream(path, ScriptedProvider({"say": "from a"}), ScriptedProvider(503))
    assert "".join(piece.text for piece in pieces) == "from a"
    assert [each.outcome for each in whole.attempts] == ["overloaded", "overloaded", "ok"]


def test_a_stream_that_breaks_after_its_first_piece_raises_with_what_came(path):
    async def work(router):
        got = []
        with pytest.raises(StreamInterrupted) as caught:
            async with router.stream("hello there", task="chat", data="public") as reply:
                async for event in reply:
                    got.append(event.text)
        assert caught.value.partial_text == "".join(got) != ""
        assert [each.outcome for each in caught.value.attempts] == ["stream_interrupted"]
        assert caught.value.request_id
        with pytest.raises(RouterError, match="has not ended"):
            _ = reply.completion

    a, b = ScriptedProvider("ok"), ScriptedProvider("cut")
    run(path, work, a, b)
    assert (a.calls, b.calls, b.open_streams) == (0, 1, 0)


def test_leaving_a_stream_early_frees_everything(path):
    a = ScriptedProvider("ok")

    async def work(router):
        async with router.stream("one two three four", task="code", data="public") as reply:
            async for _ in reply:
                break
        assert a.open_streams == 0
        for _ in range(5):
            await router.complete("again", task="code", data="public")

    run(path, work, a)


def test_a_body_that_raises_is_not_a_failed_attempt(path):
    b = ScriptedProvider("ok")

    async def work(router):
        with pytest.raises(ZeroDivisionError):
            async with router.stream("hi", task="chat", data="public") as reply:
                async for _ in reply:
                    _ = 1 / 0

    run(path, work, None, b)
    assert (b.calls, b.open_streams) == (1, 0)


def test_a_cancelled_call_frees_its_place(path):
    a = ScriptedProvider("timeout", "timeout", "ok")

    async def work(router):
        tasks = [asyncio.create_task(router.complete("x", task="code", data="public")) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert a.open_streams == 2
        for task in tasks:
            task.cancel()
        assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        assert a.open_streams == 0
        return await router.complete("x", task="code", data="public")

    answer, _ = run(path, work, a)
    assert answer.endpoint == "a"


def test_a_stream_is_opened_with_async_with(path):
    async def work(router):
        with pytest.raises(RouterError, match="async with"):
            await anext(router.stream("hi", task="code", data="public"))

    run(path, work)


def test_calls_beyond_the_places_and_the_queue_are_shed(path):
    path.write_text(FILE.replace("use: [ma, mb], options", "use: ma, options"), encoding="utf-8")
    a = ScriptedProvider("ok", delay=1.0)

    async def work(router):
        calls = [router.complete(str(n), task="code", data="public") for n in range(8)]
        return await asyncio.gather(*calls, return_exceptions=True)

    results, seconds = run(path, work, a)
    assert [isinstance(each, Shed) for each in results] == [False] * 5 + [True] * 3
    assert seconds == pytest.approx(3.0)


def test_a_full_endpoint_moves_on_to_the_next_candidate(path):
    a = ScriptedProvider("ok", delay=1.0)

    async def work(router):
        return await asyncio.gather(*(router.complete(str(n), task="code", data="public") for n in range(8)))

    answers, _ = run(path, work, a)
    assert [answer.endpoint for answer in answers] == ["a"] * 5 + ["b"] * 3
    assert answers[-1].attempts[0].outcome == "shed"


def test_urgent_calls_overtake_in_the_queue(path):
    a = ScriptedProvider("ok", delay=1.0)

    async def work(router):
        order = []

        async def call(name, urgency):
            await router.complete(name, task="code", data="public", urgency=urgency)
            order.append(name)

        names = [
            ("1", "normal"),
            ("2", "normal"),
            ("batch", "batch"),
            ("normal", "normal"),
            ("critical", "critical"),
        ]
        await asyncio.gather(*(call(*name) for name in names))
        return order

    order, _ = run(path, work, a)
    assert order == ["1", "2", "critical", "normal", "batch"]


def test_rules_may_ask_for_what_is_measured(path):
    async def work(router):
        long = await router.complete("word " * 5000, task="code", data="public")
        pieces = router.stream("short", task="chat", data="public")
        async with pieces as reply:
            async for _ in reply:
                pass
        return long.rule, reply.completion.rule, (await router.complete("x", task="chat", data="public")).rule

    assert run(path, work)[0] == ("long", "chatting", "slow")


def test_candidates_that_cannot_take_the_call_are_passed_over(path):
    image = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "https://x.invalid/a.png"}}],
    }

    async def work(router):
        answer = await router.complete([image], task="code", data="public")
        with pytest.raises(NoCandidate, match="capabilities lack images"):
            await router.complete([image], data="private")
        return answer

    answer, _ = run(path, work)
    assert answer.model == "mb"


def test_a_call_that_no_rule_matches_fails_and_nothing_is_sent(path):
    path.write_text(
        FILE.replace("when: {task: chat}, use: [mb, ma]", "when: {task: chat, tools: true}, use: mb"),
        encoding="utf-8",
    )
    a, b = ScriptedProvider("ok"), ScriptedProvider("ok")

    async def work(router):
        with pytest.raises(NoCandidate, match="no rule matches") as caught:
            async with router.stream("x", task="chat", data="public"):
                pass
        assert caught.value.request_id

    run(path, work, a, b)
    assert a.calls == b.calls == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"task": "cod"}, "did you mean `code`"),
        ({"tsk": "code"}, "did you mean `task`"),
        ({"task": 7}, "legal: chat, code"),
        ({"data": None}, "`data` has no default"),
        ({"tokens": 5}, "measured"),
        ({"temperature": 9}, "from 0 to 2"),
        ({"temperature": "hot"}, "from 0 to 2"),
        ({"temperature": True}, "from 0 to 2"),
        ({"temperature": float("nan")}, "from 0 to 2"),
        ({"max_tokens": 0}, "at least 1"),
        ({"stop": []}, "list of texts"),
        ({"deadline": 0}, "more than 0"),
        ({"deadline": float("inf")}, "more than 0"),
        ({"model": "mc"}, "legal: ma, mb"),
        ({"model": ""}, "a text"),
        ({"urgency": "asap"}, "critical"),
        ({"user": 5}, "a text"),
        ({"tools": "search"}, "tool declarations"),
        ({"tool_choice": "maybe"}, "required"),
        ({"response_format": "json"}, "mapping"),
        ({"extra": [1]}, "mapping"),
        ({"seed": 1.5}, "whole number"),
        ({"reasoning_effort": "most"}, "minimal"),
        ({"cache": "always"}, "the file keeps none"),
    ],
)
def test_a_malformed_call_names_what_is_legal_and_sends_nothing(path, options, told):
    a, b = ScriptedProvider("ok"), ScriptedProvider("ok")
    with pytest.raises(InvalidCall) as caught:
        ask(path, a, b, **options)
    assert told in str(caught.value)
    assert a.calls == b.calls == 0


def test_an_option_in_both_places_is_refused(path):
    async def work(router):
        with pytest.raises(InvalidCall, match="twice"):
            await router.complete("x", {"maxTokens": 5}, max_tokens=6)
        with pytest.raises(InvalidCall, match="mapping"):
            await router.complete("x", [("model", "ma")])

    run(path, work)


def test_explain_takes_measured_dimensions_and_sends_nothing(path):
    async def work(router):
        explained = router.explain(task="code", data="public", tokens=9000, temperature=0.5)
        assert (explained.rule, explained.model) == ("long", "mb")
        assert explained.options["temperature"].origin == "call"
        for wrong in ({"tokens": "many"}, {"tsk": 1}, {"model": "zzz"}):
            with pytest.raises(InvalidCall):
                router.explain(**{"data": "public", **wrong})

    run(path, work)


def test_models_are_listed_with_where_they_are(path):
    async def work(router):
        return router.models(), router.dimensions

    (models, dimensions), _ = run(path, work)
    assert [(model.name, model.context, model.capabilities) for model in models] == [
        ("ma", 1000, frozenset({"tools"})),
        ("mb", 9000, None),
    ]
    place = models[0].deployments[0]
    assert (place.endpoint, place.kind, place.locality) == ("a", "openai", "local")
    assert dimensions[:2] == ("task", "priority")


def test_a_router_works_without_async_with_and_closes_its_providers(path):
    a = ScriptedProvider("ok")

    async def main():
        router = loaded(path, a)
        await router.complete("x", task="code", data="public")
        await router.close()
        await router.complete("x", task="code", data="public")
        await router.close()

    run_virtual(main())
    assert (a.calls, a.closed) == (2, 2)


def test_one_router_serves_several_loops(path):
    a = ScriptedProvider("ok")
    router = loaded(path, a)
    for _ in range(3):
        answer = asyncio.run(router.complete("x", task="code", data="public"))
        assert answer.endpoint == "a"


def test_a_broken_file_is_refused_with_its_findings(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(FILE.replace("use: mb}", "use: mx}"), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    found = [(finding.code, finding.span.line) for finding in caught.value.findings]
    assert found[0] == ("R302", 14)
    assert {code for code, _ in found} == {"R302"}
    assert "R302" in str(caught.value)


def test_what_is_not_built_is_refused_where_calls_would_be_made(tmp_path):
    file = tmp_path / "router.yaml"
    file.write_text(FILE + "stream: {on_interrupt: continue}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    assert [each.code for each in caught.value.findings if each.severity != "info"] == ["R211"]


def test_variables_are_read_when_a_file_is_loaded(tmp_path):
    file = tmp_path / "router.yaml"
    text = FILE.replace('"http://127.0.0.1:1/v1"', '"${env:A_URL}", key: "${env:A_KEY}"')
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_router(file, env={})
    assert [finding.code for finding in caught.value.findings] == ["R305", "R305"]
    router = load_router(file, env={"A_URL": "http://127.0.0.1:9/v1", "A_KEY": "sk-secret-0123456789"})
    assert router.models()[0].deployments[0].locality == "local"
    assert "sk-secret" not in repr(router._engine.program)


def test_the_public_names_are_sorted_and_there():
    assert list(package.__all__) == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_malformed_messages_hold_no_place(path):
    async def work(router):
        for wrong in ([{"role": "assistant", "content": "x", "tool_calls": 5}], [Message("user", (1, 2))]):
            for _ in range(6):
                with pytest.raises(InvalidCall):
                    await router.complete(wrong, task="code", data="public")
        return await router.complete("x", task="code", data="public")

    assert run(path, work)[0].endpoint == "a"


@pytest.mark.parametrize("name", ["model", "messages", "stream", "temperature", "max_tokens"])
def test_what_has_an_option_of_its_own_does_not_hide_in_extra(path, name):
    with pytest.raises(InvalidCall, match="option of its own"):
        ask(path, extra={name: 1})


def test_max_tokens_may_be_written_as_agents_write_it(path):
    a = ScriptedProvider("ok")
    ask(path, a, maxTokens=5)
    assert a.requests[0].params["max_tokens"] == 5


def test_a_stream_that_was_left_says_so(path):
    async def work(router):
        reply = router.stream("one two three", task="code", data="public")
        async with reply:
            await anext(reply)
        with pytest.raises(RouterError, match="was left"):
            await anext(reply)
        with pytest.raises(RouterError, match="opened before"):
            await reply.__aenter__()

    run(path, work)


@pytest.mark.parametrize("option", [{"deadline": 5}, {"urgency": "high"}])
def test_explain_refuses_what_does_not_decide(path, option):
    async def work(router):
        with pytest.raises(InvalidCall, match="does not decide"):
            router.explain(data="public", **option)

    run(path, work)


def test_a_call_that_names_its_model_is_held_to_the_invariants_before_anything_is_sent(path):
    path.write_text(
        FILE.replace('2/v1"', '2/v1", locality: remote')
        + "invariants: [{name: stays here, for_all: {data: private, tokens: '<= 100'}, every_hop: {locality: local}}]\n",
        encoding="utf-8",
    )
    a, b = ScriptedProvider("ok"), ScriptedProvider("ok")

    async def work(router):
        with pytest.raises(InvariantViolated, match="would break `stays here`: locality is remote") as caught:
            await router.complete("x", model="mb", data="private", task="chat")
        assert (caught.value.kind, caught.value.retryable) == ("invariant_violated", False)
        assert caught.value.request_id
        with pytest.raises(InvariantViolated):
            async with router.stream("x", model="mb", data="private", task="chat"):
                pass
        assert b.calls == 0
        await router.complete("x", model="ma", data="private", task="chat")
        await router.complete("x", model="mb", data="public", task="chat")
        await router.complete("word " * 500, model="mb", data="private", task="chat")

    run(path, work, a, b)
    assert (a.calls, b.calls) == (1, 2)
