"""Moments and spans come back as they were counted, to the microsecond, whatever their time zone."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from domain.moments import EPOCH, micros_at, micros_in, moment_at, moments_at, span_of

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))])
SPANS = st.timedeltas(timedelta(days=-100_000), timedelta(days=100_000))
MOMENTS = st.builds(lambda span, zone: (EPOCH + span).astimezone(zone), SPANS, ZONES)


@given(MOMENTS, MOMENTS, SPANS)
def test_nothing_is_lost_and_order_and_distance_are_kept(one: datetime, other: datetime, span: timedelta) -> None:
    assert moment_at(micros_at(one)) == one
    assert moment_at(micros_at(one)).tzinfo is UTC
    assert (micros_at(one) < micros_at(other)) == (one < other)
    assert span_of(micros_at(one) - micros_at(other)) == one - other
    assert span_of(micros_in(span)) == span
    assert moment_at(micros_at(one) + micros_in(span)) == one + span
    assert moments_at([micros_at(one), micros_at(other)]) == [one, other]


def test_the_count_begins_where_the_database_begins() -> None:
    assert (micros_at(EPOCH), micros_at(datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC))) == (0, 1_000_000)
