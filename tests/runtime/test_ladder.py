"""The offline ladder, step by step, on a virtual clock: who may take it, and what its answers say of themselves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.played import OK, Part, config, played, says

from router import InvalidCall, TextDelta, load_router
from router.core import errors

GONE = [errors.ConnectFailed("refused")]
REPLIES = """\
offline:
  replies:
    - {contains: [hello], say: "Hello from here."}
    - {say: "I am offline."}
"""
TINY = "offline: {use: [mt]}\n"
DEAR = "{{at: {}, price: {{input: $1, output: $2}}}}"
SPENT = "costs: {budgets: [{name: team, limit: $0.00001, per: day, then: {use: mb}}]}\n"
ONE = "[{use: ma}]"
REMOTE = "locality: remote"


def asked(tmp_path, file, parts, **options):
    """Play one call; return its answer or its error."""

    async def work(it):
        try:
            return await it.ask(**options)
        except errors.CallFailed as error:
            return error

    return played(tmp_path, file, work, **parts)


@pytest.mark.parametrize(("text", "reply"), [("Hello!", "Hello from here."), ("What?", "I am offline.")])
def test_a_canned_reply_says_that_it_is_one(tmp_path, text, reply):
    answer = asked(tmp_path, config("a", rest=REPLIES), {"a": Part(GONE)}, text=text)
    assert (answer.text, answer.degraded, answer.finish_reason) == (reply, "canned reply", "stop")
    assert (answer.model, answer.endpoint, answer.rule, answer.cost) == ("", "", "rules[1]", Decimal(0))
    assert [each.outcome for each in answer.attempts] == ["connect_failed"] * 2
    assert answer.request_id
    assert answer.ms > 0


def test_the_last_message_of_the_user_decides_which_reply_is_given(tmp_path):
    text = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
        {"role": "assistant", "content": "hello"},
    ]
    assert asked(tmp_path, config("a", rest=REPLIES), {"a": Part(GONE)}, text=text).text == "I am offline."


def test_a_further_model_answers_before_a_canned_reply_and_is_named(tmp_path):
    text = config("at", rules=ONE, rest=REPLIES.replace("offline:", "offline:\n  use: [mt]"))
    answer = asked(tmp_path, text, {"a": Part(GONE), "t": Part(GONE, OK)})
    assert (answer.text, answer.model, answer.degraded) == ("fine", "mt", "offline model mt")
    outcomes = [(each.endpoint, each.outcome) for each in answer.attempts]
    assert outcomes == [("a", "connect_failed")] * 2 + [("t", "connect_failed"), ("t", "ok")]


def test_further_models_fail_over_among_themselves_and_may_be_a_split(tmp_path):
    text = config("atu", rules=ONE, rest="offline: {use: [{split: {mt: 1}}, mu]}\n")
    answer = asked(tmp_path, text, {"a": Part(GONE), "t": Part(GONE), "u": Part()})
    assert answer.degraded == "offline model mu"


def test_when_no_step_answers_the_first_failure_is_told_with_every_attempt(tmp_path):
    text = config("at", rules=ONE, rest=TINY)
    error = asked(tmp_path, text, {"a": Part([errors.QuotaExhausted("no money")]), "t": Part(GONE)})
    assert isinstance(error, errors.QuotaExhausted)
    assert [each.endpoint for each in error.attempts] == ["a", "t", "t"]
    assert error.degraded is None


def test_an_answer_of_a_candidate_is_not_degraded(tmp_path):
    answer = asked(tmp_path, config("ab", rest=REPLIES), {"a": Part(GONE), "b": Part()})
    assert (answer.text, answer.degraded) == ("fine", None)


DOWN = [
    errors.Overloaded,
    errors.FirstTokenTimeout,
    errors.Authentication,
    errors.ModelNotFound,
    errors.ServerError,
]
FAULTS = [errors.ContextLength, errors.InvalidRequest, errors.ContentFiltered, errors.UnsupportedFeature]


@pytest.mark.parametrize("cls", [*DOWN, *FAULTS])
def test_the_ladder_is_for_failures_that_are_not_the_callers(tmp_path, cls):
    found = asked(tmp_path, config("a", rest=REPLIES), {"a": Part([cls("no")])})
    assert (found if isinstance(found, errors.CallFailed) else found.degraded) == (
        found if cls in FAULTS else "canned reply"
    )
    assert isinstance(found, cls) is (cls in FAULTS)


def test_a_call_whose_time_is_over_gets_no_answer_any_more(tmp_path):
    error = asked(tmp_path, config("a", rest=REPLIES), {"a": Part([5.0, *OK])}, deadline=1)
    assert isinstance(error, errors.DeadlineExceeded)


def test_time_that_is_over_on_the_ladder_is_over(tmp_path):
    text = config("at", rules=ONE, rest=REPLIES.replace("offline:", "offline:\n  use: [mt]"))
    error = asked(tmp_path, text, {"a": Part(GONE), "t": Part([5.0, *OK])}, deadline=2)
    assert isinstance(error, errors.DeadlineExceeded)


def test_open_breakers_lead_to_the_ladder_without_another_attempt(tmp_path):
    async def work(it):
        for _ in range(4):
            answer = await it.ask()
        return answer

    text = config("a", rest=REPLIES + "breaker: {failures: 1, open: 30s}\nretry: {same: 0}\n")
    a = Part(GONE)
    answer = played(tmp_path, text, work, a=a)
    assert (answer.degraded, answer.attempts, a.calls) == ("canned reply", (), 1)


@pytest.mark.parametrize(
    ("rule", "options"),
    [("no_degrade: true", {}), ("", {"no_degrade": True}), ("no_degrade: true", {"no_degrade": False})],
)
def test_no_degrade_refuses_every_step(tmp_path, rule, options):
    text = config(
        "at", rules=f"[{{use: ma, {rule}}}]", rest=REPLIES.replace("offline:", "offline:\n  use: [mt]")
    )
    t = Part()
    error = asked(tmp_path, text, {"a": Part(GONE), "t": t}, **options)
    assert isinstance(error, errors.ConnectFailed)
    assert t.calls == 0


def test_no_degrade_of_a_call_is_true_or_false(tmp_path):
    with pytest.raises(InvalidCall, match="true or false"):
        asked(tmp_path, config("a", rest=REPLIES), {"a": Part()}, no_degrade="yes")


def test_a_call_that_names_its_model_has_the_ladder_too(tmp_path):
    text = config("at", rules=ONE, rest=TINY)
    answer = asked(tmp_path, text, {"a": Part(GONE), "t": Part()}, model="ma")
    assert (answer.degraded, answer.rule) == ("offline model mt", None)


def test_a_further_model_that_was_tried_already_is_not_tried_again(tmp_path):
    a, t = Part(GONE), Part(GONE)
    error = asked(tmp_path, config("at", rest=TINY), {"a": a, "t": t})
    assert isinstance(error, errors.ConnectFailed)
    assert (a.calls, t.calls) == (2, 2)


FORM = {"type": "json_object"}
TOOL = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("capabilities: [tools]", {"response_format": FORM}),
        ("capabilities: [json]", {"tools": [TOOL]}),
        ("context: 20", {"text": "word " * 100}),
    ],
)
def test_a_further_model_that_does_not_fit_the_call_is_not_asked(tmp_path, model, options):
    text = config("at", models=f"{{ma: {{at: a}}, mt: {{at: t, {model}}}}}", rules=ONE, rest=TINY)
    t = Part()
    assert isinstance(asked(tmp_path, text, {"a": Part(GONE), "t": t}, **options), errors.ConnectFailed)
    assert t.calls == 0
    assert asked(tmp_path, text, {"a": Part(GONE), "t": t}, text="hi").degraded == "offline model mt"


def test_a_further_model_that_would_break_an_invariant_is_not_asked(tmp_path):
    rules = "[{when: {data: private}, use: ma, no_degrade: true}, {use: ma}]"
    rest = (
        f"{TINY}dimensions: {{data: {{values: [public, private], default: public}}}}\n"
        "invariants: [{name: stays, for_all: {data: private}, every_hop: {model: ma}}]\n"
    )
    text = config("at", rules=rules, rest=rest)
    t = Part()
    error = asked(tmp_path, text, {"a": Part(GONE), "t": t}, data="private", model="ma")
    assert isinstance(error, errors.ConnectFailed)
    assert t.calls == 0
    assert asked(tmp_path, text, {"a": Part(GONE), "t": t}, model="ma").degraded == "offline model mt"


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({"response_format": FORM}, False),
        ({"response_format": {"type": "text"}}, True),
        ({"tools": [TOOL]}, True),
        ({"tools": [TOOL], "tool_choice": "none"}, True),
        ({"tools": [TOOL], "tool_choice": "required"}, False),
        ({"tools": [TOOL], "tool_choice": TOOL}, False),
    ],
)
def test_a_canned_reply_is_no_answer_to_a_call_that_wants_a_form_or_a_tool(tmp_path, options, fits):
    found = asked(tmp_path, config("a", rest=REPLIES), {"a": Part(GONE)}, **options)
    assert isinstance(found, errors.ConnectFailed) is not fits


@pytest.mark.parametrize("delivery", ["live", "buffered"])
@pytest.mark.parametrize(
    ("use", "said", "step"),
    [("[]", "I am offline.", "canned reply"), ("[mt]", "one two", "offline model mt")],
)
def test_a_stream_gets_the_ladders_answer_as_a_stream(tmp_path, delivery, use, said, step):
    async def work(it):
        async with it.router.stream("what?") as reply:
            deltas = [each.text async for each in reply if isinstance(each, TextDelta)]
        return deltas, reply.completion

    rest = REPLIES if use == "[]" else REPLIES.replace("offline:", f"offline:\n  use: {use}")
    text = config("at", rules=ONE, rest=f"{rest}stream: {{delivery: {delivery}}}\n")
    deltas, answer = played(tmp_path, text, work, a=Part(GONE), t=Part(says("one", " two")))
    assert ("".join(deltas), answer.text, answer.degraded) == (said, said, step)


@pytest.mark.parametrize(("interrupt", "degraded"), [("error", False), ("restart", True)])
def test_a_buffered_answer_that_broke_off_is_told_where_the_file_wants_to_hear_of_it(
    tmp_path, interrupt, degraded
):
    async def work(it):
        try:
            async with it.router.stream("what?") as reply:
                async for _ in reply:
                    pass
        except errors.CallFailed as error:
            return error
        return reply.completion

    text = config("a", rest=f"{REPLIES}stream: {{delivery: buffered, on_interrupt: {interrupt}}}\n")
    a = Part([TextDelta("half"), errors.StreamInterrupted("broke off")])
    found = played(tmp_path, text, work, a=a)
    assert isinstance(found, errors.StreamInterrupted) is not degraded


def test_a_stale_answer_stands_before_a_canned_reply(tmp_path):
    async def work(it):
        first = await it.ask("what?", temperature=0.9)
        other, again = await it.ask("who?", temperature=0.9), await it.ask("what?", temperature=0.9)
        return first, other, again

    text = config("a", rest=REPLIES.replace("offline:", "offline:\n  stale_cache: 1h"))
    first, other, again = played(tmp_path, text, work, a=Part(says("four"), GONE))
    assert (first.degraded, first.cached, other.degraded) == (None, False, "canned reply")
    assert (again.text, again.degraded, again.cached, again.model) == ("four", "stale cache", True, "ma")
    assert [each.outcome for each in again.attempts] == ["connect_failed"] * 2
    assert again.request_id not in (first.request_id, other.request_id)


def test_a_stale_answer_gets_too_old(tmp_path):
    async def work(it):
        await it.ask("what?")
        it.router._engine.clock.wall = lambda: 1e12
        return await it.ask("what?")

    text = config("a", rest=REPLIES.replace("offline:", "offline:\n  stale_cache: 1h"))
    assert played(tmp_path, text, work, a=Part(OK, GONE)).degraded == "canned reply"


def test_a_degraded_answer_is_told_to_observers(tmp_path):
    async def work(it):
        await it.ask("what?")
        return it.seen.calls

    (call,) = played(tmp_path, config("a", rest=REPLIES), work, a=Part(GONE))
    assert (call.outcome, call.degraded, call.completion.text) == ("ok", "canned reply", "I am offline.")


ONLY = "offline: {mode: only, use: [mt]}\n"


def test_in_mode_only_no_remote_endpoint_is_ever_asked(tmp_path):
    text = config("abt", rules="[{use: [ma, mb]}]", rest=ONLY, a=REMOTE)
    a, b, t = Part(), Part(OK, GONE), Part()

    async def work(it):
        return [(await it.ask()).degraded, (await it.ask()).degraded, (await it.ask(model="ma")).degraded]

    found = played(tmp_path, text, work, a=a, b=b, t=t)
    assert found == [None, "offline model mt", "offline model mt"]
    assert (a.calls, b.calls, t.calls) == (0, 3, 2)


def test_told_to_be_offline_a_call_without_a_candidate_and_without_a_ladder_fails_and_says_why(tmp_path):
    async def work(it):
        snapshot = it.router._engine.snapshot
        with pytest.raises(errors.NoCandidate):  # whoever asks, whatever for
            snapshot.provider(snapshot.program.endpoints["a"])
        return await it.fails()

    a = Part()
    error = played(tmp_path, config("a", a=REMOTE), work, env={"ROUTER_OFFLINE": "1"}, a=a)
    assert isinstance(error, errors.NoCandidate)
    assert "remote endpoints are not contacted" in str(error)
    assert (error.request_id != "", a.calls) == (True, 0)


@pytest.mark.parametrize(
    ("word", "only"),
    [("1", True), ("true", True), (" YES ", True), ("0", False), ("", False), ("off", False)],
)
def test_the_environment_says_whether_remote_endpoints_are_contacted(tmp_path, word, only):
    async def work(it):
        return (await it.ask()).endpoint, [each.state for each in it.router.models()]

    text = config("ab", a=REMOTE)
    found = played(tmp_path, text, work, env={"ROUTER_OFFLINE": word}, a=Part(), b=Part())
    assert found == (("b", ["offline", "up"]) if only else ("a", ["up", "up"]))


def test_what_the_environment_says_must_be_understood(tmp_path):
    (tmp_path / "router.yaml").write_text(config("a"), encoding="utf-8")
    with pytest.raises(errors.ConfigError, match="ROUTER_OFFLINE is 'maybe'"):
        load_router(tmp_path / "router.yaml", env={"ROUTER_OFFLINE": "maybe"})


def test_explain_tells_the_ladder_and_what_is_skipped(tmp_path):
    async def work(it):
        return it.router.explain(tokens=500)

    models = "{ma: {at: a}, mt: {at: t, context: 100}, mu: {at: u}}"
    rest = "offline: {mode: only, use: [mt, mu], stale_cache: 1h, replies: [{say: x}]}\n"
    text = config("atu", models=models, rules=ONE, rest=rest, a=REMOTE)
    found = played(tmp_path, text, work, a=Part(), t=Part(), u=Part())
    assert [each.skipped for each in found.candidates] == ["offline: remote endpoints are not contacted"]
    assert (found.model, found.endpoint) == ("mu", "u")
    assert found.as_json()["offline"] == {
        "only": True,
        "refused": False,
        "candidates": [
            {"model": "mt", "endpoint": "t", "skipped": "its context window has 100 tokens"},
            {"model": "mu", "endpoint": "u", "skipped": None},
        ],
        "stale_cache": 3600.0,
        "replies": 1,
    }


def test_what_a_budget_refused_does_not_answer_as_a_further_model(tmp_path):
    text = config(
        "abc",
        models=f"{{ma: {DEAR.format('a')}, mb: {{at: b}}, mc: {DEAR.format('c')}}}",
        rules=ONE,
        rest=f"{SPENT}offline: {{use: [ma, mc]}}",
    )
    parts = {"a": Part(), "b": Part(GONE), "c": Part()}
    error = asked(tmp_path, text, parts)
    assert isinstance(error, errors.ConnectFailed)
    assert (parts["a"].calls, parts["c"].calls) == (0, 0)
    assert "budget_exceeded" in [each.outcome for each in error.attempts]


def test_the_other_model_of_a_budget_is_named_as_that_on_the_ladder_too(tmp_path):
    text = config(
        "abc",
        models=f"{{ma: {{at: a}}, mb: {{at: b}}, mc: {DEAR.format('c')}}}",
        rules=ONE,
        rest=f"{SPENT}offline: {{use: [mc]}}",
    )
    answer = asked(tmp_path, text, {"a": Part(GONE), "b": Part(), "c": Part()})
    assert (answer.model, answer.degraded) == ("mb", "budget `team` is spent: `mb` answers")


def test_the_other_model_of_a_budget_that_failed_is_not_asked_again_on_the_ladder(tmp_path):
    text = config(
        "abc",
        models=f"{{ma: {DEAR.format('a')}, mb: {{at: b}}, mc: {DEAR.format('c')}}}",
        rules=ONE,
        rest=f"{SPENT}offline: {{use: [mc]}}\nretry: {{same: 0}}",
    )
    parts = {"a": Part(), "b": Part(GONE), "c": Part()}
    assert isinstance(asked(tmp_path, text, parts), errors.ConnectFailed)
    assert parts["b"].calls == 1
