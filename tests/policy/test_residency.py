"""What is decided about a model that is to be loaded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.policy.residency import Admit, Evict, Held, Never, Next, Room, Wait, decide, overtakes, rounded

MIB = 2**20


def key(name):
    return ("here", name, 0)


def held(name, memory, idle=1.0, **more):
    return Held(key(name), memory, idle, **more)


def room(*members, limit=10, need=4, **more):
    return Room("`here`", limit, need, members, **more)


def test_what_fits_is_admitted():
    assert decide([room(held("a", 6))], "evict") == Admit()
    assert decide([], "next") == Admit()


def test_the_one_not_used_for_longest_goes():
    found = decide([room(held("a", 5, 9.0), held("b", 5, 3.0))], "evict")
    assert found == Evict((key("a"),))


def test_a_dear_one_goes_later():
    found = decide([room(held("a", 5, 9.0, evict_cost=4.0), held("b", 5, 3.0))], "evict")
    assert found == Evict((key("b"),))


def test_one_that_costs_nothing_goes_first():
    found = decide([room(held("a", 5, 9.0), held("b", 5, 0.0, evict_cost=0.0))], "evict")
    assert found == Evict((key("b"),))


def test_none_goes_in_vain():
    found = decide([room(held("a", 1, 9.0), held("b", 6, 3.0), limit=10, need=10)], "evict")
    assert found == Evict((key("a"), key("b")))
    found = decide([room(held("a", 1, 9.0), held("b", 8, 3.0), limit=10, need=2)], "evict")
    assert found == Evict((key("a"),))
    found = decide([room(held("a", 1, 9.0), held("b", 8, 3.0), limit=10, need=5)], "evict")
    assert found == Evict((key("b"),))


def test_one_that_is_in_use_is_waited_for():
    found = decide([room(held("a", 8, None))], "evict")
    assert found == Wait("it needs 4B, and `here` has 2B left")


def test_wait_gives_nobody_up():
    assert isinstance(decide([room(held("a", 8))], "wait"), Wait)


def test_next_waits_for_nobody():
    assert decide([room(held("a", 8))], "next") == Next("it needs 4B, and `here` has 2B left")


def test_a_pinned_one_never_goes():
    assert decide([room(held("a", 8, pin=True))], "evict") == Never(
        "it needs 4B, and `here` has 10B, of which pinned models hold 8B"
    )


def test_what_is_larger_than_the_room_never_fits():
    assert decide([room(need=11)], "evict") == Never("it needs 11B, and `here` has 10B")


def test_what_others_take_is_waited_for_and_not_given_up():
    assert isinstance(decide([room(taken=8)], "evict"), Wait)


def test_each_room_has_to_have_place():
    both = held("a", 5, 1.0)
    here, machine = room(both, limit=8), Room("this machine", 8, 4, (both, held("b", 3, 9.0)))
    assert decide([here, machine], "evict") == Evict((key("a"),))
    machine = Room("this machine", 8, 4, (both, held("b", 4, 9.0)))
    assert decide([here, machine], "evict") == Evict((key("a"),))
    machine = Room("this machine", 6, 4, (both, held("b", 4, 9.0)))
    assert decide([here, machine], "evict") == Evict((key("b"), key("a")))


def test_what_a_machine_really_has_is_not_waited_for_where_nobody_can_give_it():
    real = Room("this machine really", 3, 4, (held("a", 1, None),), firm=False)
    assert isinstance(decide([real], "evict"), Next)
    real = Room("this machine really", 5, 4, (held("a", 2, None),), firm=False)
    assert isinstance(decide([real], "evict"), Wait)


def test_who_overtakes():
    now = {"urgency": 1, "other": 1, "waited": 1.0, "max_wait": 5.0}
    assert overtakes("warm", **now)
    assert not overtakes("ordered", **now)
    assert not overtakes("warm", **{**now, "waited": 5.0})
    assert not overtakes("warm", **{**now, "other": 0})
    assert overtakes("spillover", **{**now, "other": 2})


def test_bytes_are_rounded_for_people():
    assert [rounded(each) for each in (0, 12, 5 * MIB, 1536 * MIB, int(9.9 * 1024 * MIB))] == [
        "0B",
        "12B",
        "5MiB",
        "1.5GiB",
        "9.9GiB",
    ]


MEMBERS = st.lists(
    st.tuples(st.integers(1, 8), st.one_of(st.none(), st.floats(0, 100)), st.booleans(), st.floats(0, 5)),
    max_size=6,
)


@given(MEMBERS, st.integers(1, 20), st.integers(1, 30), st.integers(0, 5))
def test_whatever_is_decided_is_sound(members, need, limit, taken):
    found = [
        held(f"m{n}", memory, idle, pin=pin, evict_cost=cost)
        for n, (memory, idle, pin, cost) in enumerate(members)
    ]
    space = Room("`here`", limit, need, tuple(found), taken)
    decision = decide([space], "evict")
    left = limit - taken - sum(each.memory for each in found)
    by_key = {each.key: each for each in found}
    if isinstance(decision, Admit):
        assert need <= left
    elif isinstance(decision, Evict):
        gone = [by_key[each] for each in decision.keys]
        assert all(each.idle is not None and not each.pin for each in gone)
        assert need <= left + sum(each.memory for each in gone)
        for spared in gone:  # none of them in vain
            assert need > left + sum(each.memory for each in gone) - spared.memory
    elif isinstance(decision, Wait):
        assert need > left + sum(each.memory for each in found if each.idle is not None and not each.pin)
    else:
        assert isinstance(decision, Never)
        assert need + sum(each.memory for each in found if each.pin) > limit
