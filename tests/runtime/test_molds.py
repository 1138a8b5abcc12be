"""Equal calls are made from what the first one was checked to be: nobody can tell, but by the time it takes."""

from __future__ import annotations

import asyncio

import pytest
from support.keeping import cache_of, config, keeping, play

from router import InvalidCall, Message
from router.runtime import molds as under_test

SPLIT = "rules:\n  - {name: drawn, use: {split: {ma: 1, mb: 1}}}\n"


def known(it):
    """Return how many calls are ready to be made again."""
    return len(cache_of(it).molds._known)


def test_an_equal_call_is_not_looked_at_anew(tmp_path, monkeypatch):
    async def work(it):
        await it.ask()
        monkeypatch.setattr(under_test, "make_call", None)
        assert (await it.ask()).cached
        with pytest.raises(TypeError):
            await it.ask("another text")

    play(tmp_path, config(), work)


def test_messages_options_and_how_it_is_handed_out_make_calls_differ(tmp_path):
    async def work(it):
        for count, ask in enumerate(
            (
                it.ask,
                lambda: it.ask("other"),
                lambda: it.ask(user="x"),
                lambda: it.ask([{"role": "user", "content": "hello"}]),
                it.streamed,
                lambda: it.router.complete("hello", temperature=0),
                lambda: it.router.complete("hello", temperature=0.0),
            ),
            start=1,
        ):
            await ask()
            assert known(it) == count

    play(tmp_path, config(), work)


def test_a_value_of_another_type_is_checked_although_it_is_equal(tmp_path):
    async def work(it):
        await it.ask(max_tokens=1)
        with pytest.raises(InvalidCall, match="max_tokens"):
            await it.ask(max_tokens=True)
        with pytest.raises(InvalidCall, match="max_tokens"):
            await it.ask(max_tokens=1.0)

    play(tmp_path, config(), work)


def test_a_call_has_its_own_id_time_and_mappings(tmp_path):
    async def work(it):
        await it.ask(task="code")
        it.seen.calls[0].dimensions["task"] = "chat"
        it.seen.calls[0].options["user"] = "eve"
        it.seen.calls[0].params["temperature"] = 2
        again = await it.ask(task="code")
        assert (again.cached, again.rule, it.last.user) == (True, "coding", None)
        assert (it.last.dimensions["task"], dict(it.last.params)) == ("code", {"temperature": 0})
        assert it.last.request_id != it.seen.calls[0].request_id
        assert it.last.began >= it.seen.calls[0].began

    play(tmp_path, config(), work)


@pytest.mark.parametrize(
    "said",
    [
        {"stop": ["x"]},
        {"extra": {"top_k": 1}},
        {"tools": [{"type": "function"}]},
        {"tags": {"team": "a"}},
    ],
)
def test_what_its_caller_can_change_later_is_looked_at_every_time(tmp_path, said):
    async def work(it):
        await it.ask(**said)
        assert known(it) == 0

    play(tmp_path, config(), work)


def test_own_types_are_taken_as_ever(tmp_path):
    async def work(it):
        await it.ask([Message.user("hello")])
        assert known(it) == 0
        assert (await it.ask([Message.user("hello")])).cached
        assert (await it.ask("hello")).cached

    play(tmp_path, config(), work)


def test_what_is_drawn_is_drawn_for_every_call(tmp_path):
    async def work(it):
        for _ in range(20):
            await it.ask()
        assert known(it) == 0
        assert {each.model for each in it.seen.calls} == {"ma", "mb"}

    text = config()
    play(tmp_path, text[: text.index("rules:")] + SPLIT + "cache: {}\n", work)


def test_an_answer_that_is_not_kept_leaves_nothing(tmp_path):
    async def work(it):
        await it.ask(temperature=0.9)
        await it.ask(cache="off")
        await it.ask("x" * under_test.LARGEST)
        assert known(it) == 0

    play(tmp_path, config(), work)


def test_another_configuration_begins_anew(tmp_path):
    async def main():
        async with keeping(tmp_path, config()) as it:
            await it.ask(task="code")
            assert it.last.rule == "coding"
            text = config().replace("name: coding", "name: programming")
            (tmp_path / "router.yaml").write_text(text, encoding="utf-8")
            await it.router.reload()
            await it.ask(task="code")
            assert (it.last.rule, it.last.cached) == ("programming", True)

    asyncio.run(main())


def test_they_do_not_grow_without_bound(tmp_path, monkeypatch):
    async def work(it):
        monkeypatch.setattr(under_test, "MANY", 3)
        for number in range(8):
            await it.ask(f"text {number}")
            assert known(it) <= 3

    play(tmp_path, config(), work)
