"""How are moments counted where there are thousands of them? As whole microseconds, and back without loss.

Microseconds are counted from the beginning of the year 2000, as the database does it too. A number is made, compared
and subtracted in a fraction of the time that a ``datetime`` takes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_at(moment: datetime) -> int:
    """From ``EPOCH`` to this moment, which has a time zone."""
    return (moment - EPOCH) // _MICROSECOND


def micros_in(span: timedelta) -> int:
    return span // _MICROSECOND


def moment_at(micros: int) -> datetime:
    """The moment again, in UTC."""
    return EPOCH + timedelta(0, 0, micros)


def moments_at(micros: Iterable[int]) -> list[datetime]:
    """Of many."""
    return [EPOCH + timedelta(0, 0, each) for each in micros]


def span_of(micros: int) -> timedelta:
    return timedelta(0, 0, micros)
