"""The mock endpoint answers by itself, and fails as its script says."""

from __future__ import annotations

import pytest

from router.core.errors import CallFailed
from router.core.events import Done, TextDelta
from router.core.messages import Message
from router.core.outcome import Outcome, parse_outcome
from router.core.request import Endpoint, Request
from router.core.usage import Usage
from router.providers.mock import MockProvider
from router.testing import run_virtual
from router.testing.contract import collect, joined

HELLO = Request(
    "small", (Message.system("be kind"), Message.user("hello there"), Message("assistant", "yes?"))
)


def play(script, times=1, request=HELLO):
    provider = MockProvider(
        Endpoint("mock", "mock", "local", settings={} if script is None else {"script": script})
    )

    async def go():
        seen = []
        for _ in range(times):
            try:
                seen.append(joined(await collect(provider, request)))
            except CallFailed as error:
                seen.append(error.kind)
        return seen

    return run_virtual(go())


def test_by_default_it_repeats_the_users_last_words_word_by_word():
    provider = MockProvider(Endpoint("mock", "mock", "local"))
    events = run_virtual(collect(provider, HELLO))
    assert events[:-1] == [TextDelta(t) for t in ("[Mock", " small", " Response]", " hello", " there")]
    assert events[-1] == Done("stop", Usage(18, 9, estimated=True), "small")


def test_a_script_is_played_one_step_a_call_and_its_last_step_repeats():
    script = ["429 retry-after=2", 503, "401", "refused", "cut", "context_length", {"say": "hi  you "}]
    assert play(script, 9) == [
        "rate_limited",
        "overloaded",
        "authentication",
        "connect_failed",
        "stream_interrupted",
        "context_length",
        *["hi  you "] * 3,
    ]


def test_without_a_users_message_it_repeats_the_last_one():
    assert play(None, request=Request("m", (Message.system("only this"),))) == ["[Mock m Response] only this"]


def test_a_cut_comes_after_half_of_the_words():
    async def go():
        provider = MockProvider(Endpoint("mock", "mock", "local", settings={"script": ["cut"]}))
        seen = []
        with pytest.raises(CallFailed):
            async with provider.open(HELLO) as events:
                async for event in events:
                    seen.append(event)
        return seen

    assert run_virtual(go()) == [TextDelta("[Mock"), TextDelta(" small")]


def test_a_wait_that_is_asked_for_is_carried():
    provider = MockProvider(Endpoint("mock", "mock", "local", settings={"script": ["429 retry-after=2.5"]}))
    with pytest.raises(CallFailed) as caught:
        run_virtual(collect(provider, HELLO))
    assert (caught.value.retry_after, caught.value.status) == (2.5, 429)


@pytest.mark.parametrize(
    "script", ["ok", [None], ["okay"], [True], [200], ["429 soon"], [{"say": 3}], [{"shout": "x"}]]
)
def test_a_script_with_a_wrong_step_is_refused(script):
    with pytest.raises(ValueError, match=r"step|outcome"):
        MockProvider(Endpoint("mock", "mock", "local", settings={"script": script}))


def test_an_outcome_is_its_own_spelling():
    outcome = Outcome("silence")
    assert parse_outcome(outcome) is outcome
