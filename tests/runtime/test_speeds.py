"""`speeds`: what `balance: fastest` starts from is what a benchmark measured."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from support.played import Part, config, played, says

from router import ConfigError, load_router
from router.bench import as_mapping, benchmark
from router.core.clock import LoopClock

MODELS = "{m: {at: [a, b, c], balance: fastest}, n: {at: [a, b]}}"
RULES = "[{use: [m, n]}]"
WITH = "speeds: speeds.json"


def saved(folder, **seconds):
    """Write a file of speeds: seconds to the first content by endpoint."""
    places = [{"model": "m", "endpoint": name, "first_seconds": value} for name, value in seconds.items()]
    (folder / "speeds.json").write_text(json.dumps({"places": places}), encoding="utf-8")


def text(rest=WITH):
    return config("abc", each="concurrency: 100", models=MODELS, rules=RULES, rest=rest)


def parts(**first):
    return {name: Part(says("well", first=first.get(name, 0.0))) for name in "abc"}


async def first_choice(it):
    return (await it.ask()).endpoint


def test_without_figures_the_first_place_comes_first(tmp_path):
    assert played(tmp_path, text(rest=""), first_choice, **parts()) == "a"


@pytest.mark.parametrize("fastest", "abc")
def test_the_first_choice_follows_the_figures(tmp_path, fastest):
    saved(tmp_path, **{**dict.fromkeys("abc", 2.0), fastest: 0.5})
    assert played(tmp_path, text(), first_choice, **parts()) == fastest


def test_what_was_not_measured_is_tried_first(tmp_path):
    saved(tmp_path, a=0.5, b=0.1, c=None)
    assert played(tmp_path, text(), first_choice, **parts()) == "c"


def test_calls_at_once_are_spread_by_the_figures(tmp_path):
    async def work(it):
        return Counter(each.endpoint for each in await it.many(7))

    saved(tmp_path, a=4.0, b=2.0, c=1.0)
    assert played(tmp_path, text(), work, **parts(a=4, b=2, c=1)) == {"c": 4, "b": 2, "a": 1}


def test_the_figures_do_not_fade_before_the_first_call(tmp_path):
    async def work(it):
        await asyncio.sleep(100_000)
        return await first_choice(it)

    saved(tmp_path, a=2.0, b=1.0, c=0.5)
    assert played(tmp_path, text(), work, **parts()) == "c"


def test_what_a_place_does_itself_takes_the_place_of_its_figure(tmp_path):
    async def work(it):
        return [await first_choice(it) for _ in range(2)]

    saved(tmp_path, a=2.0, b=1.0, c=0.5)
    assert played(tmp_path, text(), work, **parts(c=30)) == ["c", "b"]


def test_a_figure_that_was_slow_is_forgotten_with_time(tmp_path):
    async def work(it):
        found = await first_choice(it)
        await asyncio.sleep(600)
        it.c.turns[:] = [says("well", first=1.0)]
        return [found, await first_choice(it), await first_choice(it)]

    saved(tmp_path, a=3.0, b=5.0, c=0.5)
    assert played(tmp_path, text(), work, **parts(a=0.4, b=0.4, c=0.5)) == ["c", "c", "a"]


def test_what_a_benchmark_writes_is_what_the_file_reads(tmp_path):
    async def work(it):
        return await benchmark(it.router, ["m"], ["one"])

    found = played(tmp_path, text(rest=""), work, **parts(a=3, b=1, c=2))
    (tmp_path / "speeds.json").write_text(json.dumps(as_mapping(found)), encoding="utf-8")
    assert played(tmp_path, text(), first_choice, **parts()) == "b"


def test_explain_tells_what_it_starts_from(tmp_path):
    async def work(it):
        return dict(it.router.explain().policies)["balance"]

    saved(tmp_path, a=2.0, c=0.25)
    assert played(tmp_path, text(), work, **parts()) == (
        "m: fastest of a, b, c; it starts from c 250ms, a 2s"
    )


MOCKS = """\
version: 1
endpoints: {a: {kind: mock}, b: {kind: mock}, c: {kind: mock}}
models: {m: {at: [a, b, c], balance: fastest}}
rules: [{use: m}]
speeds: speeds.json
"""


class HurriedClock(LoopClock):
    """The loop's clock, whose sleeps are a hundred times shorter."""

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 100)


def loaded(folder, **options):
    (folder / "router.yaml").write_text(MOCKS, encoding="utf-8")
    return load_router(folder / "router.yaml", env={}, clock=HurriedClock(), **options)


def test_a_reload_takes_new_figures_for_what_was_not_yet_seen(tmp_path):
    async def work():
        async with loaded(tmp_path) as router:
            saved(tmp_path, a=2.0, b=0.5, c=1.0)
            await router.reload()
            return (await router.complete("hello")).endpoint

    saved(tmp_path, a=2.0, b=1.0, c=0.5)
    assert asyncio.run(work()) == "b"


def test_a_reload_does_not_put_figures_over_what_was_seen(tmp_path):
    async def work():
        async with loaded(tmp_path) as router:
            assert (await router.complete("hello")).endpoint == "c"  # in less than a millisecond
            saved(tmp_path, a=60.0, b=50.0, c=100.0)
            await router.reload()
            return (await router.complete("hello")).endpoint

    saved(tmp_path, a=2.0, b=1.0, c=0.5)
    assert asyncio.run(work()) == "c"


def test_figures_that_change_take_effect_while_the_file_is_watched(tmp_path):
    async def work():
        async with loaded(tmp_path, watch=True) as router:
            saved(tmp_path, a=0.125, b=1.0, c=0.5)
            async with asyncio.timeout(20):
                while "a 125ms" not in dict(router.explain().policies)["balance"]:  # noqa: ASYNC110 - what is waited for happens in threads and files
                    await asyncio.sleep(0.005)
            return (await router.complete("hello")).endpoint

    saved(tmp_path, a=2.0, b=1.0, c=0.5)
    assert asyncio.run(work()) == "a"


def test_a_file_of_speeds_that_is_not_there_refuses_the_configuration(tmp_path):
    (tmp_path / "router.yaml").write_text(text(), encoding="utf-8")
    with pytest.raises(ConfigError, match="R313"):
        load_router(tmp_path / "router.yaml", env={})
