"""What a benchmark measures: each place by itself, one call at a time, exact on a virtual clock."""

from __future__ import annotations

from contextlib import aclosing
from decimal import Decimal

import pytest
from support.played import DONE, OK, Part, config, played, says

from router import InvalidCall, TextDelta
from router.bench import Prompt, as_mapping, benchmark, measure, planned, summed
from router.core.errors import ModelLoading, ServerError, StreamInterrupted
from router.core.events import Done

BROKEN = ServerError("broken", status=500)
FIVE = says(
    "a", "b", "c", "d", "e", first=0.5, pace=0.1
)  # five tokens in a second, the first after half of it
ONE = "one"


def measured(folder, text, *names, parts, **options):
    """Return what a benchmark of these models finds, all of them without names."""

    async def work(it):
        return await benchmark(it.router, names or None, **{"prompts": [ONE], **options})

    return played(folder, text, work, **parts)


def by_place(found):
    return {(each.model, each.endpoint): each for each in found.measured}


def test_the_figures_of_a_place_are_exact(tmp_path):
    found = measured(tmp_path, config("a"), parts={"a": Part(FIVE)}, prompts=["x", "y"], repeat=2)
    [place] = found.measured
    assert (place.model, place.endpoint, place.kind, place.locality, place.id) == (
        *("ma", "a", "openai", "local", "ma"),
    )
    assert place.first == pytest.approx(0.5)
    assert place.seconds == pytest.approx(1.0)
    assert place.rate == pytest.approx(5.0)
    assert (place.input_tokens, place.output_tokens, place.estimated) == (40, 20, False)
    assert [(run.prompt, run.number, run.text) for run in place.runs] == [
        ("1", 0, "abcde"),
        *((prompt, number, "abcde") for number in (1, 2) for prompt in ("1", "2")),
    ]
    assert (found.prompts, found.repeat, found.warm_up, found.finished) == (("1", "2"), 2, True, True)


def test_a_time_is_the_median_and_a_rate_is_of_all_answers_together(tmp_path):
    turns = [[second, TextDelta("x"), second, DONE] for second in (1, 5, 2)]
    found = measured(tmp_path, config("a"), parts={"a": Part(*turns)}, warm_up=False)
    [place] = found.measured
    assert (place.first, place.seconds) == (2, 4)
    assert place.rate == pytest.approx(15 / 16)


def test_the_warm_up_counts_in_no_figure(tmp_path):
    part = Part(says("slow", first=30), FIVE)
    [place] = measured(tmp_path, config("a"), parts={"a": part}).measured
    assert place.first == pytest.approx(0.5)
    assert place.runs[0].warm_up
    assert place.runs[0].first == pytest.approx(30)
    assert part.calls == 4


def test_without_a_warm_up_the_first_call_counts_too(tmp_path):
    part = Part(says("slow", first=30), FIVE)
    [place] = measured(tmp_path, config("a"), parts={"a": part}, repeat=2, warm_up=False).measured
    assert place.first == pytest.approx(15.25)
    assert part.calls == 2


def test_loading_a_model_is_in_no_time_but_that_of_the_whole_call(tmp_path):
    loading = ModelLoading("it is loading", retry_after=2.0)
    [place] = measured(tmp_path, config("a"), parts={"a": Part(loading, loading, FIVE)}).measured
    assert place.runs[0].seconds == pytest.approx(1.0)
    assert place.runs[0].whole == pytest.approx(5.0)
    assert not place.failed


def test_no_two_calls_run_at_a_time_and_no_two_places_in_turn(tmp_path):
    parts = {name: Part(FIVE) for name in "ab"}
    measured(tmp_path, config("ab"), parts=parts)
    assert parts["a"].times == pytest.approx([0, 1, 2, 3])
    assert parts["b"].times == pytest.approx([4, 5, 6, 7])


def test_the_fastest_comes_first_and_what_never_answered_last(tmp_path):
    slow = says("a", "b", "c", "d", "e", first=2.5, pace=0.5)
    found = measured(
        tmp_path, config("abc"), parts={"a": Part(BROKEN), "b": Part(slow), "c": Part(FIVE)}, warm_up=False
    )
    assert [each.endpoint for each in found.measured] == ["c", "b", "a"]
    last = found.measured[-1]
    assert (last.rate, last.first, last.seconds) == (None, None, None)
    assert [(run.kind, run.error) for run in last.failed] == [("server_error", "broken")] * 3


def test_every_place_of_a_model_is_measured_by_itself(tmp_path):
    text = config("ab", models="{m: {at: [a, b]}, other: {at: b}}", rules="[{use: [m, other]}]")
    slow = says("a", "b", "c", "d", "e", first=2.5, pace=0.5)
    found = by_place(measured(tmp_path, text, "m", parts={"a": Part(slow), "b": Part(FIVE)}))
    assert {key: each.first for key, each in found.items()} == {("m", "a"): 2.5, ("m", "b"): 0.5}


def test_a_failed_call_is_tried_once_and_by_nobody_else(tmp_path):
    text = config(
        "ab", models="{m: {at: [a, b], failover: [n]}, n: {at: b}}", rules="[{use: m}, {use: n}]", each=""
    )
    text = text.replace("[{use: m}, {use: n}]", "[{use: [m, n]}]")
    parts = {"a": Part(OK, BROKEN, OK), "b": Part()}
    found = by_place(measured(tmp_path, text, "m", parts=parts))
    assert [run.kind for run in found["m", "a"].runs] == [None, "server_error", None, None]
    assert (parts["a"].calls, parts["b"].calls) == (4, 4)
    assert len(found["m", "b"].answered) == 3


def test_a_place_whose_warm_up_fails_is_asked_nothing_more(tmp_path):
    parts = {"a": Part(BROKEN), "b": Part()}
    found = measured(tmp_path, config("ab"), parts=parts)
    assert [(each.model, each.unavailable) for each in found.unavailable] == [("ma", "broken")]
    assert [each.model for each in found.measured] == ["mb"]
    assert parts["a"].calls == 1


def test_no_answer_is_taken_from_the_cache_nor_kept_there(tmp_path):
    part = Part(FIVE)

    async def work(it):
        before = await it.ask(ONE, temperature=0)
        found = await benchmark(it.router, prompts=[Prompt("x", ONE, {"temperature": 0})], repeat=5)
        return before, found

    _, found = played(tmp_path, config("a", rest="cache: {store: memory, ttl: 1h}"), work, a=part)
    assert part.calls == 7
    assert found.measured[0].rate == pytest.approx(5.0)


def test_no_second_attempt_runs_beside_a_slow_one(tmp_path):
    text = config(
        "ab", models="{m: {at: [a, b]}}", rules="[{use: m}]", rest="hedge: {after: 100ms, max: 100%}"
    )
    parts = {name: Part(FIVE) for name in "ab"}
    measured(tmp_path, text, parts=parts)
    assert (parts["a"].calls, parts["b"].calls) == (4, 4)
    assert parts["b"].times[0] == pytest.approx(4)


def test_the_offline_ladder_does_not_stand_in(tmp_path):
    ladder = "offline: {use: [mb], stale_cache: 1h, replies: [{say: I am offline.}]}"
    parts = {"a": Part(BROKEN), "b": Part()}
    found = measured(
        tmp_path,
        config("ab", rules="[{use: ma}]", rest=ladder),
        "ma",
        parts=parts,
        warm_up=False,
    )
    assert {run.kind for run in found.measured[0].runs} == {"server_error"}
    assert parts["b"].calls == 0


def test_the_model_that_answers_where_a_budget_is_spent_does_not_stand_in(tmp_path):
    text = config(
        "ab",
        models="{m: {at: a, price: {input: $10, output: $10}, options: {max_tokens: 10}}, free: {at: b}}",
        rules="[{use: [m, free]}]",
        rest="costs: {budgets: [{name: t, limit: $0.0006, per: day, then: {use: free}}]}",
    )
    parts = {"a": Part(), "b": Part()}
    found = measured(tmp_path, text, "m", parts=parts, repeat=9, warm_up=False)
    [place] = found.measured
    assert place.answered
    assert {run.kind for run in place.failed} == {"budget_exceeded"}
    assert len(place.runs) == 9
    assert parts["b"].calls == 0
    assert parts["a"].calls == len(place.answered)


def test_its_costs_are_the_routers(tmp_path):
    text = config("a", models="{m: {at: a, price: {input: $1, output: $2}}}", rules="[{use: m}]")

    async def work(it):
        found = await benchmark(it.router, prompts=[ONE])
        return found.measured[0].cost, it.router.usage().total.cost

    cost, spent = played(tmp_path, text, work, a=Part())
    assert cost == spent == Decimal("0.00008")  # four calls of 10 and 5 tokens, the warm-up one of them


def test_what_a_failed_call_cost_is_known_as_far_as_prices_are(tmp_path):
    text = config("ab", models="{m: {at: a}, n: {at: b}}", rules="[{use: [m, n]}]", b="locality: remote")
    found = by_place(
        measured(
            tmp_path,
            text,
            parts={"a": Part(BROKEN), "b": Part([TextDelta("x"), StreamInterrupted("cut")])},
            warm_up=False,
        )
    )
    assert found["m", "a"].cost == 0
    assert found["n", "b"].cost is None
    assert found["n", "b"].runs[0].text == "x"


def test_a_remote_place_is_not_asked_where_remote_ones_are_not_contacted(tmp_path):
    text = config("ab", b="locality: remote", rest="offline: {mode: only}")
    parts = {"a": Part(), "b": Part()}
    found = measured(tmp_path, text, parts=parts)
    assert [(each.model, each.unavailable) for each in found.unavailable] == [
        ("mb", "offline: remote endpoints are not contacted")
    ]
    assert parts["b"].calls == 0


def test_a_place_that_its_health_check_calls_down_is_not_asked(tmp_path):
    async def work(it):
        around = it.router._engine.gates.around(it.router._engine.program.endpoints["a"])
        around.health = "down"
        return await benchmark(it.router, prompts=[ONE])

    parts = {"a": Part(), "b": Part()}
    found = played(tmp_path, config("ab"), work, **parts)
    assert [(each.model, each.unavailable) for each in found.unavailable] == [
        ("ma", "its health check says that it is down")
    ]
    assert parts["a"].calls == 0


def test_options_go_with_every_call_and_a_prompts_own_before_them(tmp_path):
    part = Part()
    prompts = [Prompt("x", ONE), Prompt("y", [{"role": "user", "content": "two"}], {"max_tokens": 7})]
    measured(
        tmp_path,
        config("a"),
        parts={"a": part},
        prompts=prompts,
        repeat=1,
        options={"max_tokens": 5, "seed": 1},
    )
    assert [(each.messages[0].text, each.params["max_tokens"]) for _, each in part.asked] == [
        ("one", 5),
        ("one", 5),
        ("two", 7),
    ]
    assert {each.params["seed"] for _, each in part.asked} == {1}


def test_the_built_in_prompts_are_a_short_answer_a_text_and_code(tmp_path):
    part = Part()
    found = measured(tmp_path, config("a"), parts={"a": part}, prompts=None, repeat=1)
    assert found.prompts == ("short", "text", "code")
    assert [each.params["max_tokens"] for _, each in part.asked] == [64, 64, 256, 256]


def test_tokens_that_nobody_counted_are_marked_as_estimated(tmp_path):
    [place] = measured(
        tmp_path, config("a"), parts={"a": Part([TextDelta("abcd"), 1, Done("stop")])}
    ).measured
    assert place.estimated
    assert place.rate == pytest.approx(1.0)


def test_an_answer_in_no_time_has_no_rate(tmp_path):
    [place] = measured(tmp_path, config("a"), parts={"a": Part()}).measured
    assert (place.rate, place.first, place.seconds) == (None, 0, 0)


@pytest.mark.parametrize(
    ("models", "more", "why"),
    [
        (["nope"], {}, "there is no model 'nope'; the models are ma, mb"),
        ([], {"repeat": 0}, "`repeat` is '0'; it must be a whole number, 1 or more"),
        ([], {"options": {"colour": "red"}}, "colour"),
        ([], {"options": {"cache": "always"}}, "`cache` is given twice"),
    ],
)
def test_what_cannot_be_asked_is_a_malformed_call(tmp_path, models, more, why):
    with pytest.raises(InvalidCall, match=why.replace("(", r"\(")):
        measured(tmp_path, config("ab"), *models, parts={"a": Part(), "b": Part()}, **more)


def test_a_stream_at_a_place_wants_one_that_the_model_has(tmp_path):
    async def work(it):
        with pytest.raises(InvalidCall, match="model `ma` is not at an endpoint `b`"):
            it.router.stream_at("ma", "b", "hello")
        async with it.router.stream_at("ma", "a", "hello") as reply:
            return [each.text async for each in reply], reply.completion.endpoint

    assert played(tmp_path, config("ab"), work, a=Part(), b=Part()) == (["fine"], "a")


def test_what_an_interrupted_benchmark_did_not_come_to_is_told(tmp_path):
    async def work(it):
        plan = planned(it.router, prompts=[Prompt("x", ONE)], repeat=2)
        async with aclosing(measure(it.router, plan)) as found:
            runs = [run async for run, _ in zip_async(found, range(4))]
        return plan, summed(plan, runs, 0.0, finished=False)

    parts = {name: Part(FIVE) for name in "abc"}
    plan, found = played(tmp_path, config("abc"), work, **parts)
    assert (plan.each, plan.calls) == (3, 9)
    assert [(each.model, len(each.answered)) for each in found.measured] == [("ma", 2)]
    assert [(each.model, len(each.runs), each.unavailable) for each in found.unavailable] == [
        ("mb", 1, "not reached: the benchmark was interrupted"),
        ("mc", 0, "not reached: the benchmark was interrupted"),
    ]


async def zip_async(found, numbers):
    """Yield as many as there are numbers."""
    for number in numbers:
        yield await anext(found), number


def test_a_sum_with_an_unknown_price_in_it_is_unknown(tmp_path):
    found = measured(tmp_path, config("ab", b="locality: remote"), parts={"a": Part(), "b": Part()})
    report = as_mapping(found)
    assert report["usd"] is None
    assert {each["model"]: each["usd"] for each in report["places"]} == {"ma": "0", "mb": None}
