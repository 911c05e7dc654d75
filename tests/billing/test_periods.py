"""Monthly periods: half-open, anchored, safe at the ends of months."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.periods import period_at

moments = st.timedeltas(timedelta(0), timedelta(days=36_500)).map(lambda age: datetime(2000, 1, 1, tzinfo=UTC) + age)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "at", "start", "end"),
    [
        ("2026-01-31T10:00", "2026-01-31T10:00", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", "2026-02-28T09:59:59", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("2026-01-31T10:00", "2026-02-28T10:00", "2026-02-28T10:00", "2026-03-31T10:00"),
        ("2026-01-31T10:00", "2026-04-01T00:00", "2026-03-31T10:00", "2026-04-30T10:00"),
        ("2028-01-31T10:00", "2028-02-29T10:00", "2028-02-29T10:00", "2028-03-31T10:00"),
        ("2028-02-29T00:00", "2029-02-28T00:00", "2029-02-28T00:00", "2029-03-29T00:00"),
        ("2026-12-15T23:30", "2027-01-15T23:30", "2027-01-15T23:30", "2027-02-15T23:30"),
        # Clocks that go forward in Berlin on this night move nothing in UTC.
        ("2026-02-28T01:30", "2026-03-29T02:00", "2026-03-28T01:30", "2026-04-28T01:30"),
    ],
)
def test_periods_begin_on_the_anchors_day(anchor, at, start, end):
    # when
    period = period_at(utc(anchor), utc(at))

    # then
    assert (period.start, period.end) == (utc(start), utc(end))


@given(anchor=moments, after=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4_000)))
def test_periods_follow_each_other_without_gap_or_overlap(anchor, after):
    # when
    period = period_at(anchor, anchor + after)
    following = period_at(anchor, period.end)

    # then
    assert period.start <= anchor + after < period.end
    assert following.start == period.end
    assert period_at(anchor, period.start) == period


def test_an_anchor_in_another_zone_is_the_same_instant():
    # given
    tokyo = datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=9)))

    # when
    period = period_at(tokyo, utc("2026-02-28T00:00"))

    # then
    assert period.start == utc("2026-01-30T23:00")


def test_there_is_no_period_before_the_anchor():
    with pytest.raises(ValueError, match="before the anchor"):
        period_at(utc("2026-01-31T10:00"), utc("2026-01-31T09:59:59"))
