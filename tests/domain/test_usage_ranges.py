"""A range is read exactly once, from sums that lie inside one bucket, on every clock of the world."""

from bisect import bisect_left, bisect_right
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage_ranges import DAY, QUARTER, Bucket, Plan, Span, Table, TooManyBucketsError, plan

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "America/Havana", "Asia/Beirut", "Africa/Casablanca",
)  # fmt: skip
"""With halves and quarters of hours, changes at midnight, half-hour changes, and a date that was left out."""
BUCKETS: tuple[Bucket, ...] = ("minute", "hour", "day", "month", "none")
WIDTH = {"quarters": QUARTER, "days": DAY}
BEGIN = datetime(2026, 11, 22, 9, 7, 3, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

zones = st.sampled_from(ZONES).map(ZoneInfo)
YEARS = (datetime(2011, 12, 20, tzinfo=UTC), 20), (datetime(2026, 1, 1, tzinfo=UTC), 730)
"""And how many days of them."""
moments = st.one_of([st.timedeltas(timedelta(), timedelta(days=days)).map(begin.__add__) for begin, days in YEARS])
lengths = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=100)),
    st.integers(1, 400).map(lambda quarters: quarters * QUARTER),
)


days = moments.map(datetime.date)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, datetime, datetime, Bucket, ZoneInfo]:
    since, length, bucket, zone = draw(moments), draw(lengths), draw(st.sampled_from(BUCKETS)), draw(zones)
    if bucket == "minute":
        length = min(length, timedelta(days=2))
    found = plan(since, since + length, bucket, zone, price_days=draw(st.lists(days, max_size=3)))
    return found, since, since + length, bucket, zone


Drawn = tuple[Plan, datetime, datetime, Bucket, ZoneInfo]


@given(plans())
def test_every_moment_of_the_range_counts_once_in_its_bucket_and_no_other_counts(drawn: Drawn) -> None:
    """Looked at where anything begins or ends, and just before."""
    found, since, until, _, _ = drawn
    assert all(one < other for one, other in pairwise(found.starts))
    edges = {since, until, *found.starts, *(span.since for span in found.spans), *(span.until for span in found.spans)}
    looked_at = sorted({*edges, *(edge - timedelta(microseconds=1) for edge in edges)})
    counted = {moment: Counter[int]() for moment in looked_at}
    for span in found.spans:
        for moment in looked_at[bisect_left(looked_at, span.since) : bisect_left(looked_at, span.until)]:
            counted[moment][span.bucket] += span.sign
    for moment, buckets in counted.items():
        place = max(0, bisect_right(found.starts, moment) - 1)
        assert {number: times for number, times in buckets.items() if times} == (
            {place: 1} if since <= moment < until else {}
        )


@given(plans())
def test_sums_are_read_whole_and_what_is_corrected_lies_in_one_day(drawn: Drawn) -> None:
    """So what is taken off has the prices of what it is taken from."""
    for span in drawn[0].spans:
        assert span.since < span.until
        if span.table == "months":
            assert {(edge.day, edge.time()) for edge in (span.since, span.until)} == {(1, time())}
        elif span.table != "lines":
            width = WIDTH[span.table]
            assert (span.since - EPOCH) % width == (span.until - EPOCH) % width == timedelta()
        if span.sign < 0:
            assert span.table not in {"days", "months"}
            assert span.since.date() == (span.until - timedelta(microseconds=1)).date()


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
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert found.starts == tuple(midnight + n * DAY for n in range(4))
    assert found.spans == (
        Span("days", midnight, midnight + DAY, 0),
        Span("quarters", midnight, midnight + 36 * QUARTER, 0, -1),
        Span("lines", midnight + 36 * QUARTER, BEGIN, 0, -1),
        Span("days", midnight + DAY, midnight + 2 * DAY, 1),
        Span("days", midnight + 2 * DAY, midnight + 3 * DAY, 2),
        Span("quarters", midnight + 3 * DAY, midnight + 3 * DAY + 36 * QUARTER, 3),
        Span("lines", midnight + 3 * DAY + 36 * QUARTER, BEGIN + 3 * DAY, 3),
    )


def test_a_month_in_kathmandu_has_quarters_at_its_edges_only() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    since, until = datetime(2026, 3, 1, tzinfo=zone), datetime(2026, 5, 1, tzinfo=zone)
    spans = plan(since, until, "month", zone).spans
    assert [(span.table, span.bucket, span.sign) for span in spans] == [
        (table, bucket, sign) for bucket in (0, 1) for table, sign in (("months", 1), ("quarters", 1), ("quarters", -1))
    ]


@pytest.mark.parametrize(
    ("zone", "month", "hours"),
    [
        ("UTC", 3, 0), ("Europe/Berlin", 3, -1), ("Europe/Berlin", 4, -2), ("Europe/Berlin", 11, -1),
        ("America/Los_Angeles", 3, 8), ("America/Los_Angeles", 4, 7), ("America/Los_Angeles", 11, 7),
        ("America/Los_Angeles", 12, 8),
    ],
)  # fmt: skip
def test_a_month_begins_at_midnight_of_its_place(zone: str, month: int, hours: int) -> None:
    """Clocks are changed within March, October and, in the west, on the first of November. ``hours``: by hand."""
    middle = datetime(2026, month, 1, tzinfo=UTC)
    starts = plan(middle - 10 * DAY, middle + 10 * DAY, "month", ZoneInfo(zone)).starts
    assert starts[1:] == (middle + timedelta(hours=hours),)
    before = starts[0].astimezone(ZoneInfo(zone))
    assert (before.day, before.hour, before.minute) == (1, 0, 0)


@pytest.mark.parametrize(
    ("price_days", "tables"),
    [
        ([], ["days", "months", "days"]),
        ([date(2026, 3, 1)], ["days", "months", "days"]),
        ([date(2026, 3, 2), date(2026, 3, 31)], ["days", "months", "days", "months", "days"]),
        ([date(2026, 2, 20), date(2026, 5, 1), date(2026, 6, 1)], ["days", "months", "days"]),
        ([date(2026, 2, 2), date(2026, 3, 2), date(2026, 4, 2), date(2026, 5, 2)], ["days"]),
    ],
)
def test_months_are_read_whole_unless_a_list_of_prices_begins_within(
    price_days: list[date], tables: list[Table]
) -> None:
    since, until = datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    spans = plan(since, until, "none", UTC, price_days=price_days).spans
    assert [span.table for span in spans] == tables
    for span in spans:
        if span.table == "months":
            assert all(not span.since.date() < day < span.until.date() or day.day == 1 for day in price_days)


def test_buckets_of_hours_are_read_from_no_day_and_no_month() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    assert {span.table for span in plan(begin, begin + 59 * DAY, "hour", UTC).spans} == {"quarters"}
    assert {span.table for span in plan(begin, begin + 59 * DAY, "none", UTC, ("days",)).spans} == {"days"}
    assert {span.table for span in plan(begin, begin + 59 * DAY, "none", UTC, ("days", "months")).spans} == {"months"}


@pytest.mark.parametrize(
    ("sums", "tables"), [((), {"lines"}), (("quarters",), {"lines", "quarters"}), (("days",), {"lines", "days"})]
)
def test_only_what_may_be_read_is_read(sums: tuple[Table, ...], tables: set[str]) -> None:
    found = plan(BEGIN, BEGIN + 3 * DAY, "none", UTC, sums)
    assert {span.table for span in found.spans} == tables


def test_a_date_that_was_left_out_is_no_bucket() -> None:
    """Samoa went from the 29th to the 31st of December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    starts = plan(datetime(2011, 12, 28, tzinfo=zone), datetime(2012, 1, 2, tzinfo=zone), "day", zone).starts
    dates = [start.astimezone(zone).date() for start in starts]
    assert dates == [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


@pytest.mark.parametrize("until", [BEGIN, BEGIN - DAY])
def test_nothing_lies_between_a_moment_and_an_earlier_one(until: datetime) -> None:
    assert plan(BEGIN, until, "day", UTC) == Plan((), ())


def test_there_is_an_end_to_what_may_be_asked() -> None:
    with pytest.raises(TooManyBucketsError):
        plan(BEGIN, BEGIN + 100 * DAY, "minute", UTC)


def test_an_hour_in_which_half_an_hour_comes_twice_is_one_long_hour() -> None:
    """On Lord Howe Island clocks go back by 30 minutes, at two o'clock."""
    zone, turn = ZoneInfo("Australia/Lord_Howe"), datetime(2026, 4, 4, 15, tzinfo=UTC)
    starts = plan(turn - timedelta(hours=2), turn + timedelta(hours=2), "hour", zone).starts
    hours = [(start.astimezone(zone).hour, (start - turn) / timedelta(hours=1)) for start in starts]
    assert hours == [(0, -2), (1, -1), (2, 0.5), (3, 1.5)]
