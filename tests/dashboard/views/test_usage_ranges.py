"""Spans begin and end at the reader's midnight, and a brush covers whole buckets."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.usage_ranges import DAYS, bucket_end, bucket_of, bucket_start, span_of

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
PARIS = "Europe/Paris"


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


@pytest.mark.parametrize(
    ("name", "days", "ends"), [("today", 1, 23), ("yesterday", 1, 22), ("7d", 7, 23), ("30d", 30, 23)]
)
def test_a_named_span_is_of_whole_days(name: str, days: int, ends: int) -> None:
    found = span_of({"range": name}, NOW)
    assert found.until == datetime(2026, 11, ends, tzinfo=UTC)
    assert found.until - found.since == timedelta(days=days)
    assert found.name == name


def test_every_named_span_was_looked_at() -> None:
    assert set(DAYS) == {"today", "yesterday", "7d", "30d"}


def test_today_is_the_readers() -> None:
    found = span_of({"range": "today", "tz": PARIS}, NOW)
    assert found.since == datetime(2026, 11, 23, tzinfo=ZoneInfo(PARIS))
    assert found.bucket == "hour"


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../etc/passwd", "\0"])
def test_without_a_zone_it_is_utc(zone: str) -> None:
    assert span_of({"tz": zone}, NOW).zone is UTC


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ({"since": "2026-10-01", "until": "2026-10-03"}, (2026, 10, 1), (2026, 10, 4)),
        ({"since": "2026-11-20"}, (2026, 11, 20), (2026, 11, 23)),
        ({"until": "2026-11-10"}, (2026, 11, 4), (2026, 11, 11)),
        ({}, (2026, 11, 16), (2026, 11, 23)),
        ({"since": "2026-10-05", "until": "2026-10-01"}, (2026, 10, 5), (2026, 10, 6)),
        ({"since": "0001-01-01", "until": "x"}, (2026, 11, 16), (2026, 11, 23)),
        ({"since": "2000-01-01", "until": "2200-01-01"}, (2000, 1, 1), (2010, 1, 9)),
    ],
)
def test_a_custom_span_takes_in_its_last_day(
    asked: dict[str, str], first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    found = span_of({"range": "custom", **asked}, NOW)
    assert (found.since.date(), found.until.date()) == (date(*first), date(*last))


@pytest.mark.parametrize(
    ("length", "bucket"),
    [
        (timedelta(hours=2), "minute"),
        (timedelta(days=1), "hour"),
        (timedelta(days=3), "hour"),
        (timedelta(days=4), "day"),
        (timedelta(days=100), "day"),
        (timedelta(days=101), "month"),
    ],
)
def test_buckets_are_few_enough_to_tell_apart(length: timedelta, bucket: str) -> None:
    assert bucket_of(length) == bucket


@given(
    st.integers(1_577_836_800, 1_893_456_000).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from(["minute", "hour", "day", "month"]),
    st.sampled_from(["UTC", PARIS, "Asia/Kolkata", "America/New_York"]),
)
def test_every_moment_lies_in_its_bucket(moment: datetime, bucket: Any, zone: str) -> None:
    start = bucket_start(moment, bucket, ZoneInfo(zone))
    end = bucket_end(start, bucket, ZoneInfo(zone))
    assert start.timestamp() <= moment.timestamp()
    if bucket != "hour":  # an hour that comes twice in autumn begins twice
        assert moment.timestamp() < end.timestamp()
    assert start < end


def test_a_day_of_changing_clocks_has_25_hours() -> None:
    start = datetime(2026, 10, 25, tzinfo=ZoneInfo(PARIS))
    assert bucket_end(start, "day", ZoneInfo(PARIS)).timestamp() - start.timestamp() == 25 * 3600
    assert bucket_end(datetime(2026, 12, 1, tzinfo=UTC), "month", UTC) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_brush_covers_the_buckets_it_touches() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    found = span_of({"from": seconds(noon), "to": seconds(noon + timedelta(days=1))}, NOW)
    assert found.brush == (datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
    assert found.shown == found.brush


def test_a_brush_never_leaves_the_span_and_ends_where_a_bucket_ends() -> None:
    first, last = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    wide = span_of({"from": seconds(first - timedelta(days=3)), "to": seconds(last + timedelta(days=3))}, NOW)
    assert wide.brush == (first, last)
    exact = span_of({"from": seconds(first), "to": seconds(first + timedelta(days=1))}, NOW)
    assert exact.brush == (first, first + timedelta(days=1))


@pytest.mark.parametrize(
    "brush",
    [("", ""), ("x", "y"), ("1", "2"), ("99999999998", "99999999999"), ("9" * 12, "9" * 13), ("5", "5"), ("-1", "3")],
)
def test_what_is_no_brush_here_is_none(brush: tuple[str, str]) -> None:
    found = span_of({"from": brush[0], "to": brush[1]}, NOW)
    assert found.brush is None
    assert found.shown == (found.since, found.until)
