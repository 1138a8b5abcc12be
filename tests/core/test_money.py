"""Prices, sums and the periods of budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.calendar import period_of, zone_of
from router.core.usage import FREE, Price, Usage, from_nano, to_nano


def test_a_price_counts_cached_tokens_once_and_at_their_own_rate():
    price = Price(Decimal(3), Decimal(15), Decimal("0.30"))
    assert price.cost(Usage(1000, 100, cached_input_tokens=400)) == Decimal("0.00342")


def test_cached_tokens_cost_as_much_as_others_where_nothing_is_said():
    assert Price(Decimal(3), Decimal(15)).cost(Usage(1000, 0, 400)) == Decimal("0.003")


def test_a_machine_by_the_hour_is_paid_for_the_time_of_the_attempt():
    price = Price(Decimal(0), Decimal(0), None, Decimal("0.40"))
    assert price.cost(Usage(5000, 5000), 90.0) == Decimal("0.01")


def test_a_cost_is_rounded_once_to_whole_billionths_half_to_even():
    assert Price(Decimal("0.0005"), Decimal(0)).cost(Usage(1)) == 0
    assert Price(Decimal("0.0015"), Decimal(0)).cost(Usage(1)) == Decimal("2e-9")


def test_free_is_free_and_anything_that_costs_is_not():
    assert FREE.free
    assert not Price(Decimal(0), Decimal(0), None, Decimal("0.01")).free


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30), st.integers(1, 10**11))
def test_the_sum_of_written_billionths_is_the_sum_of_the_costs_exactly(tokens, nano):
    price = Price(Decimal(nano).scaleb(-9), Decimal(nano).scaleb(-8))
    costs = [price.cost(Usage(given, made)) for given, made in tokens]
    assert from_nano(sum(map(to_nano, costs))) == sum(costs)


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("per", "key", "start", "end"),
    [
        ("hour", "2026-12-31T23", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("day", "2026-12-31", "2026-12-31T00:00", "2027-01-01T00:00"),
        ("month", "2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_period_ends_where_the_next_begins_even_at_the_end_of_a_year(per, key, start, end):
    found = period_of(at("2026-12-31T23:59:59"), per)
    assert found == (key, at(start), at(end))
    assert period_of(found.end, per).start == found.end


def test_a_total_has_no_end():
    assert period_of(0.0, "total") == ("total", 0.0, float("inf"))


def test_a_day_is_the_one_of_the_zone_and_lasts_as_long_as_it_does_there():
    paris = ZoneInfo("Europe/Paris")
    found = period_of(at("2026-03-29T12:00", paris), "day", "Europe/Paris")
    assert (found.key, found.end - found.start) == ("2026-03-29", 23 * 3600)
    assert period_of(at("2026-03-28T23:30"), "day", "Europe/Paris").key == "2026-03-29"


def test_an_hour_that_the_clocks_live_twice_is_two_periods():
    first = period_of(at("2026-10-25T00:30"), "hour", "Europe/Paris")
    second = period_of(at("2026-10-25T01:30"), "hour", "Europe/Paris")
    assert (first.key, second.key, second.start) == ("2026-10-25T02", "2026-10-25T02+", first.end)


@given(st.floats(0, 4e9), st.sampled_from(["hour", "day", "month"]))
def test_every_moment_lies_in_its_own_period(wall, per):
    found = period_of(wall, per, "Asia/Kathmandu")
    assert found.start <= wall < found.end + 1e-6


def test_a_zone_that_nobody_knows_is_refused_by_name():
    with pytest.raises(ValueError, match="no time zone is called 'Mars/Olympus'"):
        zone_of("Mars/Olympus")
