"""Models with processors, bounds and windows: what is sent, what comes out, and what is told of it."""

from __future__ import annotations

import json

import pytest
from processors.test_registry import installed
from support.played import DONE, Part, config, played

from router import (
    CallFailed,
    ConfigError,
    ContextLength,
    MalformedResponse,
    Message,
    ReasoningDelta,
    StreamInterrupted,
    TextDelta,
    ToolCallDelta,
    UnsupportedFeature,
    load_router,
)
from router.core.events import Done, Garbled
from router.core.usage import Usage

HERE = __name__


def file(model, names="a", rest="", **more):
    models = ", ".join(
        f"m{name}: {{at: {name}, {model if name == 'a' else 'context: 100000'}}}" for name in names
    )
    return config(names, models=f"{{{models}}}", rest=rest, **more)


def pieces(text, size=3):
    return [*(TextDelta(text[at : at + size]) for at in range(0, len(text), size)), DONE]


async def streamed(stage, text="hello", **options):
    events = []
    async with stage.router.stream(text, **options) as reply:
        async for event in reply:
            events.append(event)
    return events, reply.completion


def sent(part, number=-1):
    return part.asked[number][1]


THINKS = "<think>hm</think>\n\ndef f(x):\n    return x"
FENCED = "```\ndef f(x):\n    return x\n```"


def test_a_model_sees_its_own_messages_and_the_caller_a_processed_answer(tmp_path):
    text = file("before: [{system: be brief}, {prefix: '/no_think '}], after: [strip_thinking, fence_code]")

    async def go(stage):
        answer = await stage.ask("hi")
        assert (answer.content, answer.reasoning) == (FENCED, "hm")
        assert answer.usage == Usage(10, 5)
        assert answer.notes == ()
        assert sent(stage.a).messages == (Message.system("be brief"), Message.user("/no_think hi"))
        await stage.router.complete([Message.system("mine"), Message.user("hi")])
        assert [each.text for each in sent(stage.a).messages] == ["mine", "/no_think hi"]

    played(tmp_path, text, go, a=Part(pieces(THINKS)))


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_stream_gives_the_same_answer_in_pieces(tmp_path, size):
    text = file("after: [strip_thinking, fence_code]")

    async def go(stage):
        events, done = await streamed(stage)
        assert done.content == FENCED == "".join(each.text for each in events if isinstance(each, TextDelta))
        assert done.reasoning == "hm" == "".join(e.text for e in events if isinstance(e, ReasoningDelta))
        assert all(each.text for each in events)
        assert done.attempts[0].outcome == "ok"

    played(tmp_path, text, go, a=Part(pieces(THINKS, size)))


def test_words_are_streamed_as_they_come(tmp_path):
    text = file("after: [strip_thinking, fence_code, strip]")
    part = Part([TextDelta("Well.\n"), 5.0, TextDelta("Now this."), 5.0, DONE])

    async def go(stage):
        async with stage.router.stream("hi") as reply:
            first = await anext(reply)
            assert first == TextDelta("Well.")
            assert (await anext(reply)).text == "\nNow this."
            assert stage.router._engine.now() < 6
            async for _ in reply:
                raise AssertionError("nothing is left")
        assert reply.completion.content == "Well.\nNow this."

    played(tmp_path, text, go, a=part)


def test_tool_calls_and_reasoning_pass_untouched(tmp_path):
    text = file("after: [strip_thinking, {json_repair: {otherwise: fail}}, strip]")
    events = [
        ReasoningDelta(" hm "),
        ToolCallDelta(0, "1", "look", '{"a": '),
        ToolCallDelta(0, arguments="1}"),
    ]

    async def go(stage):
        answer = await stage.ask(tools=[{"type": "function"}], response_format={"type": "json_object"})
        assert answer.reasoning == " hm "
        assert [(each.name, each.arguments) for each in answer.tool_calls] == [("look", '{"a": 1}')]
        told, _ = await streamed(stage)
        assert told == events

    played(tmp_path, text, go, a=Part([*events, Done("tool_calls", Usage(10, 5))]))


def test_an_answer_that_cannot_be_repaired_is_a_failed_attempt(tmp_path):
    text = file("after: [json_repair]", "ab")
    good = [TextDelta('{"a": 1}'), DONE]

    async def go(stage):
        answer = await stage.ask(response_format={"type": "json_object"})
        assert json.loads(answer.content) == {"a": 1}
        assert [each.outcome for each in answer.attempts] == ["malformed_response"] * 2 + ["ok"]
        assert (await stage.ask()).content == "no json"

    played(tmp_path, text, go, a=Part(pieces("no json")), b=Part(good))


def test_a_broken_stream_tells_what_was_handed_on(tmp_path):
    text = file("after: [strip_thinking]")
    part = Part([TextDelta("<think>a</think>so"), TextDelta(" far"), StreamInterrupted("cut")])

    async def go(stage):
        async with stage.router.stream("hi") as reply:
            with pytest.raises(StreamInterrupted) as caught:
                async for _ in reply:
                    pass
        assert caught.value.partial_text == "so far"
        assert caught.value.usage.estimated
        # What the endpoint wrote is what it bills, not what is left of it.
        assert caught.value.usage.output_tokens == len("<think>a</think>so far") // 4 + 1

    played(tmp_path, text, go, a=part)


def test_an_unreadable_event_before_anything_is_handed_on_is_tried_again(tmp_path):
    text = file("after: [strip]")
    first = [TextDelta("  "), Garbled("nonsense"), TextDelta("x"), DONE]

    async def go(stage):
        _, done = await streamed(stage)
        assert (done.content, done.degraded) == ("ok", None)
        assert [each.outcome for each in done.attempts] == ["malformed_response", "ok"]

    played(tmp_path, text, go, a=Part(first, pieces("ok")))


def test_a_stream_may_be_left_while_its_answer_is_held_back(tmp_path):
    text = file("after: [strip]")

    async def go(stage):
        async with stage.router.stream("hi") as reply:
            assert (await anext(reply)).text == "a"
        assert stage.seen.attempts[-1].outcome == "cancelled"

    played(tmp_path, text, go, a=Part([TextDelta("a"), TextDelta("  "), 5.0, DONE]))


def test_an_answer_of_which_nothing_is_left_is_none(tmp_path):
    text = file("after: [strip]")

    async def go(stage):
        error = await stage.fails()
        assert isinstance(error, MalformedResponse)
        assert "left nothing" in str(error)

    played(tmp_path, text, go, a=Part([TextDelta("  \n"), DONE]))


class Breaks:
    """A processor that fails."""

    def begin(self, _request):
        return self

    def feed(self, text):
        raise KeyError(text)

    def end(self):
        return ""


def breaks():
    def apply(messages):
        return messages[9]

    return apply


class Declines:
    """A processor that cannot begin."""

    def begin(self, _request):
        raise RuntimeError("no")


def empties():
    return lambda _messages: ()


def test_a_processor_that_fails_is_a_failed_attempt(tmp_path, monkeypatch):
    installed(monkeypatch, breaks=f"{HERE}:Breaks")
    text = file("after: [breaks]", "ab")

    async def go(stage):
        answer = await stage.ask()
        assert answer.model == "mb"
        assert answer.attempts[0].outcome == "malformed_response"
        error = await stage.fails(model="ma")
        assert "processor `breaks` of `ma`: KeyError" in str(error)
        assert "fine" not in str(error)  # a piece of the answer

    played(tmp_path, text, go, a=Part(), b=Part())


@pytest.mark.parametrize(("name", "why"), [("breaks", "IndexError"), ("empties", "left no message")])
def test_a_model_whose_messages_cannot_be_made_is_passed_over(tmp_path, monkeypatch, name, why):
    installed(monkeypatch, **{name: f"{HERE}:{name}"})
    text = file(f"before: [{name}]", "ab")

    async def go(stage):
        answer = await stage.ask()
        assert [(each.outcome, each.sent) for each in answer.attempts] == [
            ("unsupported_feature", False),
            ("ok", True),
        ]
        assert stage.a.calls == 0
        error = await stage.fails(model="ma")
        assert isinstance(error, UnsupportedFeature)
        assert why in str(error)

    played(tmp_path, text, go, a=Part(), b=Part())


def test_a_processor_that_cannot_begin_leaves_the_call_to_the_next_model(tmp_path, monkeypatch):
    installed(monkeypatch, declines=f"{HERE}:Declines")

    async def go(stage):
        answer = await stage.ask()
        assert [(each.outcome, each.sent) for each in answer.attempts] == [
            ("unsupported_feature", False),
            ("ok", True),
        ]

    played(tmp_path, file("after: [declines]", "ab"), go, a=Part(), b=Part())


def test_a_processor_that_refuses_its_options_is_told_when_the_file_is_loaded(tmp_path, monkeypatch):
    installed(monkeypatch, breaks=f"{HERE}:Breaks")
    path = tmp_path / "router.yaml"
    path.write_text(file("after: [{breaks: {loud: true}}]"), encoding="utf-8")
    with pytest.raises(ConfigError, match="processor `breaks` refuses its options"):
        load_router(path, env={})


def test_a_family_brings_what_its_models_need(tmp_path):
    async def go(stage):
        answer = await stage.ask()
        request = sent(stage.a)
        assert request.params == {"temperature": 0.2, "max_tokens": 4096}
        assert request.messages[0] == Message.system("You are Code LLaMA, specialized in programming tasks.")
        assert answer.content == FENCED
        await stage.ask(temperature=0.9)
        assert sent(stage.a).params["temperature"] == 0.9

    played(tmp_path, file("family: code-llama"), go, a=Part(pieces(FENCED[4:-4])))


def test_what_a_model_writes_itself_comes_before_its_family(tmp_path):
    text = file("family: code-llama, after: [], before: [{system: mine}], options: {max_tokens: 7}")

    async def go(stage):
        answer = await stage.ask()
        assert sent(stage.a).params == {"temperature": 0.4, "max_tokens": 7}
        assert sent(stage.a).messages[0].text == "mine"
        assert answer.content == "x = 1;"

    played(tmp_path, text + "temperatures: {default: 0.4}\n", go, a=Part(pieces("x = 1;")))


def test_a_bound_moves_what_is_asked_and_says_so(tmp_path):
    text = file('clamp: {temperature: "0.2..1", max_tokens: "<= 100", top_p: ">= 0.5"}')

    async def go(stage):
        answer = await stage.ask(temperature=1.5, max_tokens=9000)
        assert sent(stage.a).params == {"temperature": 1.0, "max_tokens": 100}
        assert answer.notes == ("temperature 1.5 became 1.0 (clamp)", "max_tokens 9000 became 100 (clamp)")
        answer = await stage.ask(temperature=0, top_p=0.1)
        assert sent(stage.a).params == {"temperature": 0.2, "top_p": 0.5}
        assert (await stage.ask(temperature=0.5)).notes == ()
        assert sent(stage.a).params == {"temperature": 0.5}

    played(tmp_path, text, go, a=Part())


def test_a_kept_answer_keeps_its_notes_and_its_processing(tmp_path):
    text = file('clamp: {max_tokens: "<= 100"}, after: [strip]', rest="cache: {store: memory}\n")

    async def go(stage):
        first = await stage.ask(temperature=0, max_tokens=9000)
        again = await stage.ask(temperature=0, max_tokens=9000)
        assert again.cached
        assert stage.a.calls == 1
        assert (again.content, again.notes) == (first.content, first.notes) == ("a b", first.notes)
        assert first.notes

    played(tmp_path, text, go, a=Part([TextDelta(" a b "), DONE]))


LONG = "word " * 2000  # about 2,500 tokens, surely 1,666


def test_a_prompt_that_surely_does_not_fit_goes_to_a_larger_model_unsent(tmp_path):
    async def go(stage):
        answer = await stage.ask(LONG)
        assert answer.model == "mb"
        assert stage.a.calls == 0
        assert next((each.outcome, each.sent, each.cost) for each in answer.attempts) == (
            "context_length",
            False,
            0,
        )

    played(tmp_path, file("context: 1000", "ab"), go, a=Part(), b=Part())


def test_without_a_larger_model_the_error_tells_the_numbers(tmp_path):
    async def go(stage):
        error = await stage.fails(text=LONG)
        assert isinstance(error, ContextLength)
        assert "`ma` at `a` holds 1,000 tokens: the prompt has about 2,504, surely 1,666" in str(error)
        error = await stage.fails(text="word " * 300, max_tokens=900)
        assert "and the answer may have 900; it was not sent" in str(error)

    played(tmp_path, file("context: 1000"), go, a=Part())


def test_a_prompt_that_may_fit_is_sent(tmp_path):
    async def go(stage):
        await stage.ask("word " * 900)  # about 1,129, surely 750

    played(tmp_path, file("context: 1000"), go, a=Part())


def test_what_is_never_sent_proves_nothing_of_its_endpoint(tmp_path):
    async def go(stage):
        await stage.fails(text=LONG)
        assert (await stage.ask("hi")).model == "ma"
        assert not stage.seen.notices

    played(tmp_path, file("context: 1000"), go, a=Part())


TALK = [
    {"role": "system", "content": "scene"},
    *(
        {"role": role, "content": f"{role} {n} " + "word " * 200}
        for n in range(5)
        for role in ("user", "assistant")
    ),
    {"role": "user", "content": "and now?"},
]


@pytest.mark.parametrize(("how", "kept"), [("oldest", [4]), ("middle", [0])])
def test_turns_are_left_out_until_the_rest_fits(tmp_path, how, kept):
    async def go(stage):
        answer = await stage.router.complete(TALK, max_tokens=200)
        found = sent(stage.a).messages
        assert [each.text.split(" word")[0] for each in found] == [
            "scene",
            *(f"{role} {n}" for n in kept for role in ("user", "assistant")),
            "and now?",
        ]
        assert answer.notes == (f"8 messages were left out (truncate: {how})",)
        short = await stage.ask("hi")
        assert short.notes == ()

    played(tmp_path, file(f"context: 1000, truncate: {how}"), go, a=Part())


def test_a_question_that_alone_is_too_long_is_refused_though_turns_may_go(tmp_path):
    async def go(stage):
        assert isinstance(await stage.fails(text=LONG), ContextLength)

    played(tmp_path, file("context: 1000, truncate: oldest"), go, a=Part())


def counting(ratio):
    """Return an endpoint that counts so many tokens for each that is estimated."""
    return Part(
        lambda request: [
            TextDelta("fine"),
            Done("stop", Usage(round(len(request.messages[0].text) / 4 * ratio), 1)),
        ]
    )


def test_estimates_follow_what_the_endpoint_counts(tmp_path):
    text = file("context: 1000", rest="deadline: 300s\n")
    prompt = "word " * 240  # about 304 tokens

    async def go(stage):
        for _ in range(10):
            await stage.ask(prompt)
        error = await stage.fails(
            text="word " * 500
        )  # about 629, and surely 416: but this model counts three for one
        assert isinstance(error, ContextLength)
        assert "the prompt has about 1,8" in str(error)

    played(tmp_path, text, go, a=counting(3))


def test_the_dimension_that_rules_ask_is_never_corrected(tmp_path):
    text = config(
        "ab",
        models="{ma: {at: a, context: 100000}, mb: {at: b, context: 100000}}",
        rules='[{when: {tokens: "> 500"}, use: mb}, {use: ma}]',
    )
    prompt = "word " * 300

    async def go(stage):
        for _ in range(10):
            assert (await stage.ask(prompt)).model == "ma"
        assert {each.dimensions["tokens"] for each in stage.seen.calls} == {379}

    played(tmp_path, text, go, a=counting(3), b=Part())


def test_what_an_interrupted_answer_used_is_estimated_with_what_was_learned(tmp_path):
    text = file("context: 100000")
    prompt = "word " * 300
    turns = [
        [TextDelta("fine"), Done("stop", Usage(758, 1))],
        [TextDelta("a" * 40), StreamInterrupted("cut")],
    ]

    async def go(stage):
        await stage.ask(prompt)
        async with stage.router.stream(prompt) as reply:
            with pytest.raises(CallFailed) as caught:
                async for _ in reply:
                    pass
        assert (caught.value.usage.input_tokens, caught.value.usage.output_tokens) == (758, 20)

    played(tmp_path, text, go, a=Part(*turns))


def test_the_rate_of_tokens_is_held_against_what_was_learned(tmp_path):
    text = file("context: 100000", a="limits: {tokens_per_minute: 2000}", rest="deadline: 300s\n")
    prompt = "word " * 300

    async def go(stage):
        await stage.ask(prompt)  # counts 1,125
        await stage.ask(prompt)
        first, second = stage.a.times
        # 874 are left, and another 1,137 are expected: of them 263 have to come in first.
        assert second - first == pytest.approx(263 * 60 / 2000, abs=1)

    played(tmp_path, text, go, a=counting(3))


def test_a_budget_holds_what_was_learned(tmp_path):
    text = file(
        "context: 100000, price: {input: $1000, output: $1}, options: {max_tokens: 1}",
        rest="costs: {budgets: [{name: all, limit: $2}]}\ndeadline: 300s\n",
    )
    prompt = "word " * 300  # 379 tokens: $0.379 by the estimate, $1.125 as it is counted

    async def go(stage):
        await stage.ask(prompt)
        error = await stage.fails(text=prompt)
        assert "may cost $1.125" in str(error)

    played(tmp_path, text, go, a=counting(3))


def test_images_that_are_stripped_need_no_model_that_sees(tmp_path):
    picture = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            ],
        }
    ]

    async def go(stage):
        await stage.router.complete(picture)
        assert sent(stage.a).messages == (Message.user("what is this?"),)

    played(tmp_path, file("capabilities: [tools], before: [strip_images]"), go, a=Part())
