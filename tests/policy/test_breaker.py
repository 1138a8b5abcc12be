"""When a breaker opens, for how long, and what lets it close."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from router.policy.breaker import CLOSED, HALF, OPEN, PANIC, POLL, Breaker, BreakerPolicy, Pass

MIDDLE = 0.5  # dice that change no length: the spread is 0.8 to 1.2


def fail(breaker, now=0.0, times=1, dice=MIDDLE):
    for _ in range(times):
        given = breaker.admit(now)
        assert given is not None
        breaker.failed(given, now, dice)


def succeed(breaker, now=0.0, times=1):
    for _ in range(times):
        given = breaker.admit(now)
        assert given is not None
        breaker.succeeded(given, now)


def opened(policy=None, now=0.0, dice=MIDDLE):
    breaker = Breaker(policy or BreakerPolicy())
    fail(breaker, now, (policy or BreakerPolicy()).failures, dice)
    assert breaker.state == OPEN
    return breaker


def test_a_new_one_lets_everybody_through():
    breaker = Breaker(BreakerPolicy())
    assert breaker.opens(0.0) <= 0.0
    assert breaker.opens(7.0) <= 7.0
    assert [breaker.admit(0.0) for _ in range(100)] == [Pass(0, probe=False)] * 100


def test_three_failures_in_a_row_open_it():
    breaker = Breaker(BreakerPolicy())
    fail(breaker, times=2)
    assert breaker.state == CLOSED
    fail(breaker)
    assert breaker.state == OPEN
    assert breaker.admit(4.999) is None
    assert breaker.opens(1.0) == 5.0
    assert breaker.opens(1.0) > 1.0


def test_a_success_between_breaks_the_row():
    breaker = Breaker(BreakerPolicy(failures=2))
    for _ in range(4):
        fail(breaker)
        succeed(breaker)
    assert breaker.state == CLOSED


def test_half_of_ten_in_the_window_open_it_without_a_row():
    breaker = Breaker(BreakerPolicy(failures=100))
    succeed(breaker, times=5)
    fail(breaker, 10.0, 4)
    assert breaker.state == CLOSED
    fail(breaker, 10.0)
    assert breaker.state == OPEN


def test_results_older_than_the_window_are_forgotten():
    breaker = Breaker(BreakerPolicy(failures=100, window=30.0))
    fail(breaker, 0.0, 9)
    succeed(breaker, 30.1)
    fail(breaker, 30.1)
    assert breaker.state == CLOSED  # two results, one of them good
    breaker = Breaker(BreakerPolicy(failures=100, window=30.0))
    fail(breaker, 0.0, 9)
    fail(breaker, 30.0)
    assert breaker.state == OPEN


def test_few_results_open_nothing_by_their_share():
    breaker = Breaker(BreakerPolicy(failures=100, minimum=20, ratio=0.1))
    fail(breaker, times=19)
    assert breaker.state == CLOSED
    fail(breaker)
    assert breaker.state == OPEN


def test_the_window_remembers_a_bounded_number_and_still_counts_right():
    breaker = Breaker(BreakerPolicy(failures=10**9, ratio=0.5, window=1e9))
    succeed(breaker, times=2048)
    fail(breaker, times=2047)
    assert breaker.state == CLOSED  # 2047 of 4095
    succeed(breaker, times=1)
    fail(breaker, times=1)  # 2048 of 4096: the oldest success has just made room
    assert breaker.state == OPEN
    breaker = Breaker(BreakerPolicy(failures=10**9, ratio=0.5, window=1e9))
    given = breaker.admit(0.0)
    succeed(breaker, times=100)
    fail(breaker, times=50)
    succeed(breaker, times=4096 - 150)
    succeed(breaker, times=4096)  # every failure has been pushed out
    fail(breaker, times=2047)
    assert breaker.state == CLOSED
    breaker.failed(given, 0.0, MIDDLE)
    assert breaker.state == OPEN


def test_one_probe_at_a_time_and_two_good_ones_close_it():
    breaker = opened()
    first = breaker.admit(5.0)
    assert first == Pass(breaker.generation, probe=True)
    assert breaker.state == HALF
    assert breaker.admit(5.0) is None
    assert breaker.opens(5.0) == 5.0 + POLL
    breaker.succeeded(first, 5.1)
    assert breaker.state == HALF
    second = breaker.admit(5.1)
    breaker.succeeded(second, 5.2)
    assert breaker.state == CLOSED
    fail(breaker, 5.3, 2)
    assert breaker.state == CLOSED  # the old failures are forgotten


def test_a_probe_given_back_leaves_room_for_the_next():
    breaker = opened()
    for now in (5.0, 6.0, 7.0):
        given = breaker.admit(now)
        assert given.probe
        breaker.released(given)
    assert breaker.state == HALF


def test_a_pass_given_back_says_nothing():
    breaker = Breaker(BreakerPolicy(failures=1, minimum=1))
    for _ in range(10):
        breaker.released(breaker.admit(0.0))
    assert breaker.state == CLOSED
    fail(breaker)
    assert breaker.state == OPEN


def test_each_failed_probe_doubles_the_time_up_to_the_most():
    breaker, now, lengths = opened(), 0.0, []
    for _ in range(6):
        until = breaker.opens(now)
        lengths.append(until - now)
        now = until
        fail(breaker, now)
    assert lengths == [5.0, 10.0, 20.0, 30.0, 30.0, 30.0]
    succeed(breaker, breaker.opens(now), 2)
    fail(breaker, 1000.0, 3)
    assert breaker.opens(1000.0) == 1005.0  # a close forgets how often it reopened


def test_a_thousand_failed_probes_overflow_nothing():
    breaker = opened(BreakerPolicy(max_open=1e9))
    now = 0.0
    for _ in range(1000):
        now = breaker.opens(now)
        fail(breaker, now)
    assert breaker.opens(now) - now == 5.0 * 2**16
    for _ in range(100):
        now = breaker.opens(now)
        breaker.tripped(breaker.admit(now), now, MIDDLE)
    assert breaker.opens(now) - now == 3600.0


@pytest.mark.parametrize(("dice", "expected"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_dice_spread_the_time_by_a_fifth(dice, expected):
    assert opened(dice=dice).opens(0.0) == pytest.approx(expected)


def test_dice_never_pass_the_most():
    policy = BreakerPolicy(open=30.0, max_open=30.0)
    assert opened(policy, dice=1.0).opens(0.0) == 30.0


def test_a_trip_opens_at_once_and_for_minutes():
    breaker = Breaker(BreakerPolicy())
    breaker.tripped(breaker.admit(0.0), 0.0, MIDDLE)
    assert breaker.opens(0.0) == 300.0
    assert breaker.panics(100.0) == inf
    assert breaker.admit(100.0, panic=True) is None


def test_a_trip_at_the_probe_doubles_up_to_an_hour():
    breaker, now, lengths = Breaker(BreakerPolicy()), 0.0, []
    for _ in range(6):
        breaker.tripped(breaker.admit(now), now, MIDDLE)
        lengths.append(breaker.opens(now) - now)
        now = breaker.opens(now)
    assert lengths == [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0]


@pytest.mark.parametrize(("asked", "expected"), [(None, 240.0), (10.0, 300.0), (900.0, 900.0), (1e9, 3600.0)])
def test_a_trip_lasts_as_long_as_the_other_side_says(asked, expected):
    breaker = Breaker(BreakerPolicy())
    breaker.tripped(breaker.admit(0.0), 0.0, 0.0, asked)
    assert breaker.opens(0.0) == expected


def test_what_was_asked_for_is_kept_whatever_the_state():
    breaker = Breaker(BreakerPolicy())
    breaker.cool(10.0)
    breaker.cool(3.0)
    assert breaker.cooled(9.9)
    assert breaker.cooled(9.9)
    assert breaker.opens(1.0) == 10.0
    assert breaker.panics(1.0) == inf
    assert breaker.admit(9.9) is None
    assert breaker.admit(9.9, panic=True) is None
    assert breaker.admit(10.0) == Pass(0, probe=False)
    breaker = opened()
    breaker.cool(8.0)
    assert breaker.opens(0.0) == 8.0
    assert breaker.admit(7.9) is None
    assert breaker.admit(8.0).probe


def test_what_merely_failed_may_be_asked_every_two_seconds_when_nothing_else_is_left():
    breaker = opened()
    assert breaker.panics(0.0) == PANIC
    assert breaker.admit(1.9, panic=True) is None
    probe = breaker.admit(2.0, panic=True)
    assert probe.probe
    assert breaker.panics(2.0) == 2.0 + POLL  # one at a time
    breaker.failed(probe, 3.0, MIDDLE)
    assert breaker.panics(3.0) == 3.0 + PANIC
    assert breaker.opens(3.0) == 13.0


def test_a_closed_one_panics_like_it_opens():
    breaker = Breaker(BreakerPolicy())
    assert breaker.panics(1.0) <= 1.0
    assert breaker.admit(1.0, panic=True) == Pass(0, probe=False)


def test_results_of_an_older_generation_are_not_counted():
    breaker = Breaker(BreakerPolicy())
    old = [breaker.admit(0.0) for _ in range(9)]
    for given in old[:3]:
        breaker.failed(given, 0.0, MIDDLE)
    until = breaker.opens(0.0)
    breaker.failed(old[3], 1.0, MIDDLE)
    breaker.succeeded(old[4], 1.0)
    breaker.tripped(old[5], 1.0, MIDDLE)
    breaker.released(old[6])
    assert (breaker.state, breaker.opens(1.0)) == (OPEN, until)
    probe = breaker.admit(until)
    breaker.succeeded(old[7], until)
    breaker.failed(old[8], until, MIDDLE)
    assert breaker.state == HALF
    assert breaker.admit(until) is None  # the probe is still under way
    breaker.failed(probe, until, MIDDLE)
    late = Pass(probe.generation, probe=True)
    breaker.released(late)
    breaker.succeeded(late, until)
    assert breaker.state == OPEN


def test_a_health_check_may_open_it_from_outside():
    breaker = Breaker(BreakerPolicy())
    breaker.isolate(0.0, 8.0)
    assert (breaker.state, breaker.opens(0.0)) == (OPEN, 8.0)
    breaker.isolate(4.0, 8.0)
    breaker.isolate(5.0, 1.0)
    assert breaker.opens(5.0) == 12.0
    assert breaker.panics(5.0) == PANIC  # it merely failed
    breaker.close()
    assert breaker.opens(5.0) <= 5.0


class Machine(RuleBasedStateMachine):
    """Random callers; what must hold is kept beside the breaker."""

    @initialize(
        failures=st.integers(1, 4),
        ratio=st.floats(0.1, 1),
        minimum=st.integers(1, 12),
        length=st.floats(0.5, 10),
        longest=st.floats(10, 60),
    )
    def begin(self, failures, ratio, minimum, length, longest):
        self.policy = BreakerPolicy(failures, ratio, 30.0, minimum, length, longest)
        self.breaker = Breaker(self.policy)
        self.now = 0.0
        self.passes: list[Pass] = []
        self.probing: Pass | None = None
        self.row = 0
        self.tripped = False
        self.asked = 0.0
        self.last_panic = -inf

    def take(self, data):
        given = data.draw(st.sampled_from(self.passes))
        self.passes.remove(given)
        current = given.generation == self.breaker.generation
        if given is self.probing:
            self.probing = None
        return given, current

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds):
        self.now += seconds

    @rule(panic=st.booleans())
    def admit(self, panic):
        before, opens = self.breaker.state, self.breaker.opens(self.now)
        panics = self.breaker.panics(self.now)
        given = self.breaker.admit(self.now, panic=panic)
        assert (given is not None) == ((panics if panic and before != CLOSED else opens) <= self.now)
        if given is None:
            return
        assert self.asked <= self.now
        assert given.generation == self.breaker.generation
        assert given.probe == (before != CLOSED)
        if given.probe:
            assert self.probing is None or self.probing.generation != given.generation
            assert not (panic and before == OPEN and self.tripped)
            self.probing = given
        self.passes.append(given)

    @precondition(lambda self: self.passes)
    @rule(data=st.data())
    def succeed(self, data):
        given, current = self.take(data)
        before = self.breaker.state
        self.breaker.succeeded(given, self.now)
        if current and not given.probe:
            self.row = 0
        assert (before, self.breaker.state) in {(each, each) for each in (CLOSED, OPEN, HALF)} | {
            (HALF, CLOSED)
        }
        if self.breaker.state != before:
            self.row = 0
            self.tripped = False

    @precondition(lambda self: self.passes)
    @rule(data=st.data(), dice=st.floats(0, 1))
    def fail(self, data, dice):
        given, current = self.take(data)
        before, until = self.breaker.state, self.breaker.opens(self.now)
        self.breaker.failed(given, self.now, dice)
        if not current:
            assert (self.breaker.state, self.breaker.opens(self.now)) == (before, until)
            return
        self.row += 1
        if given.probe or self.row >= self.policy.failures:
            assert self.breaker.state == OPEN
        if self.breaker.state == OPEN:
            self.row, self.tripped = 0, False
            shortest = 0.8 * min(self.policy.open, self.policy.max_open)
            assert (
                shortest - 1e-6
                <= self.breaker.opens(self.now) - self.now
                <= max(self.policy.max_open, self.asked - self.now) + 1e-6
            )

    @precondition(lambda self: self.passes)
    @rule(data=st.data(), dice=st.floats(0, 1), asked=st.none() | st.floats(0, 1e6))
    def trip(self, data, dice, asked):
        given, current = self.take(data)
        self.breaker.tripped(given, self.now, dice, asked)
        if current:
            self.tripped, self.row = True, 0
            assert self.breaker.state == OPEN
            assert 240 - 1e-6 <= self.breaker.opens(self.now) - self.now <= 3600 * 1.2 + 1e-6
            assert self.breaker.panics(self.now) == inf

    @precondition(lambda self: self.passes)
    @rule(data=st.data())
    def release(self, data):
        given, _ = self.take(data)
        before = self.breaker.state
        self.breaker.released(given)
        assert self.breaker.state == before

    @rule(seconds=st.floats(0, 20))
    def cool(self, seconds):
        self.breaker.cool(self.now + seconds)
        self.asked = max(self.asked, self.now + seconds)

    @invariant()
    def whoever_asks_is_told_a_finite_time(self):
        if not hasattr(self, "breaker"):
            return
        assert self.breaker.opens(self.now) < inf
        closed = self.breaker.state == CLOSED and not self.breaker.cooled(self.now)
        assert closed == (self.breaker.state == CLOSED and self.asked <= self.now)
        assert 0 <= self.breaker._seen_failed <= len(self.breaker._seen)

    def teardown(self):
        """From whatever state, patience and good answers close it."""
        if not hasattr(self, "breaker"):
            return
        for given in self.passes:
            self.breaker.released(given)
        for _ in range(4):
            self.now = max(self.now, self.breaker.opens(self.now))
            succeed(self.breaker, self.now)
        assert self.breaker.state == CLOSED


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
