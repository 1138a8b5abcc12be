"""The network goes and comes back: who is skipped, who probes, and what is told, on a virtual clock."""

from __future__ import annotations

import asyncio

from support.played import OK, Part, config, now, played

from router.compile.compiler import compile_file
from router.core import errors

GONE = [errors.ConnectFailed("no route")]
REMOTE = "locality: remote"
REST = "offline: {replies: [{say: offline}]}\nretry: {same: 0}\nbreaker: off\n"


def told(it):
    return [(each.what, each.state) for each in it.seen.notices if each.what == "network"]


def adopt(it, text):
    it.file.write_text(text, encoding="utf-8")
    it.router._engine.adopt(compile_file(it.file, {})[0])


async def asks(it, count, pause=0.0, **options):
    found = []
    for _ in range(count):
        found.append((await it.ask(**options)).endpoint)
        await asyncio.sleep(pause)
    return found


def test_after_two_remote_hosts_fail_remote_candidates_are_skipped_for_a_while(tmp_path):
    async def work(it):
        assert await asks(it, 3) == ["c", "c", "c"]
        assert (it.a.calls, it.b.calls, it.c.calls) == (1, 1, 3)
        assert [each.state for each in it.router.models()] == ["offline", "offline", "up"]
        await asyncio.sleep(14.9)
        await it.ask()
        assert (it.a.calls, it.b.calls) == (1, 1)
        return told(it)

    text = config("abc", rest=REST, a=REMOTE, b=REMOTE)
    assert played(tmp_path, text, work, a=Part(GONE), b=Part(GONE), c=Part()) == [("network", "offline")]


def test_one_good_answer_brings_all_back(tmp_path):
    async def work(it):
        await it.ask()
        await asyncio.sleep(15.1)
        assert await asks(it, 2) == ["a", "a"]
        assert [each.state for each in it.router.models()] == ["up"] * 3
        return told(it)

    text = config("abc", rest=REST, a=REMOTE, b=REMOTE)
    found = played(tmp_path, text, work, a=Part(GONE, OK), b=Part(GONE), c=Part())
    assert found == [("network", "offline"), ("network", "online")]


def test_a_refusal_is_an_answer_too_but_a_redirect_may_be_a_login_page(tmp_path):
    async def work(it):
        await it.ask()
        await asyncio.sleep(15.1)
        await it.ask()
        first = told(it)
        await asyncio.sleep(15.1)
        await it.ask()
        return first, told(it)

    redirect, busy = errors.UpstreamRedirect("302", status=302), errors.Overloaded("busy", status=503)
    text = config("ac", rest=REST, a=REMOTE)
    first, last = played(tmp_path, text, work, a=Part(GONE, [redirect], [busy]), c=Part())
    assert (first, last) == ([("network", "offline")], [("network", "offline"), ("network", "online")])


def test_of_many_calls_one_probes(tmp_path):
    async def work(it):
        await it.ask()
        await asyncio.sleep(15.1)
        found = await it.many(20)
        return it.a.calls + it.b.calls, {each.endpoint for each in found}

    slow = [2.0, *GONE]
    text = config("abc", each="concurrency: 50", rest=REST, a=REMOTE, b=REMOTE)
    assert played(tmp_path, text, work, a=Part(GONE, slow), b=Part(GONE, slow), c=Part()) == (3, {"c"})


def test_hosts_take_turns_at_the_probe_so_that_one_that_is_down_hides_no_other(tmp_path):
    async def work(it):
        await it.ask()
        await asyncio.sleep(15.1)
        return (await it.ask()).endpoint, told(it)

    text = config("abc", rest=REST, a=REMOTE, b=REMOTE, c=REMOTE)
    found = played(tmp_path, text, work, a=Part(GONE), b=Part(GONE), c=Part())
    assert found == ("c", [("network", "offline"), ("network", "online")])


def test_the_turn_goes_to_one_whose_breaker_lets_it_through(tmp_path):
    async def work(it):
        await it.ask()
        await asyncio.sleep(15.1)
        return (await it.ask()).endpoint

    quota = [errors.QuotaExhausted("no money")]
    text = config("cab", rest=REST.replace("breaker: off\n", ""), a=REMOTE, b=REMOTE, c=REMOTE)
    assert played(tmp_path, text, work, c=Part(quota), a=Part(GONE, OK), b=Part(GONE)) == "a"


def test_while_it_is_gone_a_call_with_remote_candidates_alone_goes_to_the_ladder_at_once(tmp_path):
    async def work(it):
        await it.ask()
        began = now()
        answer = await it.ask()
        return answer.degraded, answer.attempts, now() - began, (await it.fails(no_degrade=True)).kind

    text = config("ab", rest=REST, each=REMOTE)
    found = played(tmp_path, text, work, a=Part(GONE), b=Part(GONE))
    assert found == ("canned reply", (), 0.0, "all_circuits_open")


def test_local_endpoints_tell_nothing_of_the_network(tmp_path):
    async def work(it):
        await it.ask()
        return told(it), (await it.ask()).endpoint, it.a.calls

    text = config("abc", rest=REST)
    assert played(tmp_path, text, work, a=Part(GONE), b=Part(GONE), c=Part()) == ([], "c", 2)


def test_without_the_key_nothing_is_recognised(tmp_path):
    async def work(it):
        await asks(it, 3)
        return told(it), it.a.calls

    text = config("abc", rest="retry: {same: 0}\nbreaker: off\n", a=REMOTE, b=REMOTE)
    assert played(tmp_path, text, work, a=Part(GONE), b=Part(GONE), c=Part()) == ([], 3)


def test_what_is_known_of_the_network_outlives_a_reload(tmp_path):
    async def work(it):
        await it.ask()
        adopt(it, text + "deadline: 50s\n")
        await it.ask()
        before = it.a.calls
        adopt(it, text.replace("offline: {replies: [{say: offline}]}", ""))
        return before, (await it.ask()).endpoint, it.a.calls

    text = config("abc", rest=REST, a=REMOTE, b=REMOTE)
    assert played(tmp_path, text, work, a=Part(GONE), b=Part(GONE), c=Part()) == (1, "c", 2)


def test_a_second_attempt_is_a_probe_like_any_other(tmp_path):
    async def work(it):
        await it.ask(model="mb")
        await it.ask(model="mc")
        await asyncio.sleep(15.1)
        before = it.b.calls
        await it.many(5)
        return it.b.calls - before

    rest = f"{REST}hedge: {{after: 1s, max: 100%}}\n"
    text = config("abc", each="concurrency: 9", rest=rest, rules="[{use: [ma, mb]}]", b=REMOTE, c=REMOTE)
    parts = {"a": Part([3.0, *OK]), "b": Part(GONE, [2.0, *GONE]), "c": Part(GONE)}
    assert played(tmp_path, text, work, **parts) == 1
