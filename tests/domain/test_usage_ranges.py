"""A range is read exactly once, from sums that lie inside one bucket, on every clock of the world."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import usage_ranges
from domain.usage_ranges import DAY, QUARTER, Bucket, Plan, Span, TooManyBucketsError, plan

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "America/Havana", "Asia/Beirut", "Africa/Casablanca",
)  # fmt: skip
"""With halves and quarters of hours, changes at midnight, half-hour changes, and a date that was left out."""
BUCKETS: tuple[Bucket, ...] = ("minute", "hour", "day", "month", "none")
WIDTH = {"quarters": QUARTER, "days": DAY}
BEGIN = datetime(2026, 11, 22, 9, 7, 3, tzinfo=UTC)

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.datetimes(datetime(2011, 12, 20), datetime(2012, 1, 10), timezones=st.just(UTC)) | st.datetimes(
    datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)
)
lengths = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=100)),
    st.integers(1, 400).map(lambda quarters: quarters * QUARTER),
)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, datetime, datetime, Bucket, ZoneInfo]:
    since, length, bucket, zone = draw(moments), draw(lengths), draw(st.sampled_from(BUCKETS)), draw(zones)
    if bucket == "minute":
        length = min(length, timedelta(days=2))
    return plan(since, since + length, bucket, zone), since, since + length, bucket, zone


Drawn = tuple[Plan, datetime, datetime, Bucket, ZoneInfo]


@given(plans())
def test_the_spans_are_the_range_and_no_sum_reaches_over_an_edge(drawn: Drawn) -> None:
    found, since, until, _, _ = drawn
    assert (found.spans[0].since, found.spans[-1].until) == (since, until)
    assert all(one.until == other.since and one.table != other.table for one, other in pairwise(found.spans))
    assert all(one < other for one, other in pairwise(found.starts))
    for span in found.spans:
        if span.table == "lines":
            continue
        width = WIDTH[span.table]
        assert (span.since - usage_ranges._EPOCH) % width == (span.until - usage_ranges._EPOCH) % width == timedelta()
        inside = found.starts[bisect_right(found.starts, span.since) : bisect_right(found.starts, span.until)]
        assert all((start - span.since) % width == timedelta() for start in inside), "a bucket begins inside a sum"


@given(plans(), st.data())
def test_two_moments_share_a_bucket_where_the_wall_says_the_same(drawn: Drawn, data: st.DataObject) -> None:
    """An hour of another offset is another hour; an hour during which the offset changes is one."""
    found, since, until, bucket, zone = drawn
    inside = st.datetimes(since.replace(tzinfo=None), until.replace(tzinfo=None), timezones=st.just(UTC))
    one, other = sorted(min(data.draw(inside), until - timedelta(microseconds=1)) for _ in range(2))
    places = [bisect_right(found.starts, each) for each in (one, other)]
    if bucket == "none":
        assert found.starts == ()
        return
    assert 1 <= places[0] <= places[1] <= len(found.starts)
    if bucket == "hour" and str(zone) == "Australia/Lord_Howe":
        return
    assert (places[0] == places[1]) == (label(one, bucket, zone) == label(other, bucket, zone))


def label(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> object:
    local = moment.astimezone(zone)
    by_date = {"day": local.date(), "month": (local.year, local.month)}
    exact = (local.date(), local.hour, local.utcoffset())
    return by_date.get(bucket, exact if bucket == "hour" else (*exact, local.minute))


@given(moments, zones)
def test_an_hour_begins_when_the_wall_shows_a_full_hour(since: datetime, zone: ZoneInfo) -> None:
    starts = plan(since, since + timedelta(days=2), "hour", zone).starts
    assert all(start.astimezone(zone).minute == 0 for start in starts)
    assert all(timedelta(0) < other - one <= timedelta(hours=1.5) for one, other in pairwise(starts))
    assert starts[0] <= since < starts[1]


def test_days_of_utc_are_read_from_days() -> None:
    found = plan(BEGIN, BEGIN + 3 * DAY, "day", UTC)
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert found.spans == (
        Span("lines", BEGIN, datetime(2026, 11, 22, 9, 15, tzinfo=UTC)),
        Span("quarters", datetime(2026, 11, 22, 9, 15, tzinfo=UTC), midnight),
        Span("days", midnight, midnight + 2 * DAY),
        Span("quarters", midnight + 2 * DAY, datetime(2026, 11, 25, 9, 0, tzinfo=UTC)),
        Span("lines", datetime(2026, 11, 25, 9, 0, tzinfo=UTC), BEGIN + 3 * DAY),
    )
    assert found.starts == tuple(midnight + n * DAY for n in range(-1, 3))


def test_a_month_in_kathmandu_has_quarters_at_its_edges_only() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    since, until = datetime(2026, 3, 1, tzinfo=zone), datetime(2026, 5, 1, tzinfo=zone)
    assert [span.table for span in plan(since, until, "month", zone).spans] == [
        "quarters", "days", "quarters", "days", "quarters",
    ]  # fmt: skip
    assert [span.table for span in plan(since, until, "day", zone).spans] == ["quarters"]


def test_a_date_that_was_left_out_is_no_bucket() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    starts = plan(datetime(2011, 12, 28, tzinfo=zone), datetime(2012, 1, 2, tzinfo=zone), "day", zone).starts
    dates = [start.astimezone(zone).date() for start in starts]
    assert dates == [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def test_lines_alone_when_they_are_asked_for() -> None:
    found = plan(BEGIN, BEGIN + 40 * DAY, "month", UTC, only_lines=True)
    assert [span.table for span in found.spans] == ["lines"]
    assert len(found.starts) == 3


@pytest.mark.parametrize("until", [BEGIN, BEGIN - DAY])
def test_nothing_lies_between_a_moment_and_an_earlier_one(until: datetime) -> None:
    assert plan(BEGIN, until, "day", UTC) == Plan((), ())


def test_there_is_an_end_to_what_may_be_asked() -> None:
    with pytest.raises(TooManyBucketsError):
        plan(BEGIN, BEGIN + 100 * DAY, "minute", UTC)
