"""Which sums give exactly what was used between two moments, hour by hour, day by day, on any clock of the world?

Whatever lies in whole days of UTC is read from the sums of days, what is left in whole quarters of an hour from those
of quarters, and the ragged rest from the lines. No sum is read that reaches over a bucket's edge, so the answer is
exact for every range and every time zone; where a zone's offset is no multiple of 15 minutes, it only reads more lines.

A bucket begins whenever the clock on the wall shows a full minute, a full hour, or a new date: an hour that comes
twice in autumn is two buckets, and a day may have 23 or 25 hours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Literal

from domain.errors import NexusError

Table = Literal["lines", "quarters", "days"]
Bucket = Literal["minute", "hour", "day", "month", "none"]
MAX_BUCKETS = 20_000
QUARTER, DAY, HOUR = timedelta(minutes=15), timedelta(days=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_HOUR = timedelta(hours=3)
"""Between two full hours on the wall, however clocks are changed."""


class TooManyBucketsError(NexusError):
    """Ask for a shorter time or for longer buckets."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is read from one table, in UTC: from ``since``, before ``until``."""

    table: Table
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """How a range is read."""

    starts: tuple[datetime, ...]
    """Of the buckets, ascending, in UTC; the first may begin before the range. Empty: there is only one bucket."""
    spans: tuple[Span, ...]
    """Without overlap, ascending; together the range."""


def plan(since: datetime, until: datetime, bucket: Bucket, zone: tzinfo, *, only_lines: bool = False) -> Plan:
    """``since`` and ``until`` aware. ``only_lines``: no sums are wanted. Raises TooManyBucketsError."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    if since >= until:
        return Plan((), ())
    starts = () if bucket == "none" else tuple(_starts(since, until, bucket, zone))
    if only_lines or bucket == "minute":
        return Plan(starts, (Span("lines", since, until),))
    edges = [since, *(start for start in starts if start > since), until]
    pieces = [piece for begin, end in pairwise(edges) for piece in _pieces(begin, end)]
    return Plan(starts, tuple(_joined(pieces)))


def _starts(since: datetime, until: datetime, bucket: Bucket, zone: tzinfo) -> Iterator[datetime]:
    found = _after_each(_first(since, bucket, zone), bucket, zone)
    before = next(found)
    count = 0
    for start in found:
        if start > since:
            count += 1
            if count > MAX_BUCKETS:
                raise TooManyBucketsError
            yield before
        before = start
        if start >= until:
            return


def _first(since: datetime, bucket: Bucket, zone: tzinfo) -> datetime:
    """Some bucket's beginning, not after ``since``."""
    match bucket:
        case "minute":
            return _floor(since, timedelta(minutes=1))
        case "hour":
            return _next_hour(since - _LONGEST_HOUR, zone)
        case _:
            day = since.astimezone(zone).date() - timedelta(days=2)
            return _midnight(day.replace(day=1) if bucket == "month" else day, zone)


def _after_each(first: datetime, bucket: Bucket, zone: tzinfo) -> Iterator[datetime]:
    """Beginnings of buckets, one after the other, without end."""
    step = _STEPS.get(bucket, _next_day)
    start = first
    while True:
        yield start
        start = step(start, zone)


def _next_minute(start: datetime, _zone: tzinfo) -> datetime:
    return start + timedelta(minutes=1)


def _next_hour(start: datetime, zone: tzinfo) -> datetime:
    """The next moment at which the clock on the wall shows a full hour."""
    past = _past_hour(start, zone)
    while True:
        start += HOUR - past
        past = _past_hour(start, zone)
        if not past:
            return start


def _past_hour(moment: datetime, zone: tzinfo) -> timedelta:
    local = moment.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _next_day(start: datetime, zone: tzinfo) -> datetime:
    return _next_midnight(start, zone, lambda day: day + timedelta(days=1))


def _next_month(start: datetime, zone: tzinfo) -> datetime:
    return _next_midnight(start, zone, lambda day: (day.replace(day=1) + timedelta(days=32)).replace(day=1))


def _next_midnight(start: datetime, zone: tzinfo, after: Callable[[date], date]) -> datetime:
    """A date that a place has left out, crossing the date line, is no bucket."""
    day = after(start.astimezone(zone).date())
    while _midnight(day, zone) <= start:
        day = after(day)
    return _midnight(day, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """When the date begins. A midnight that is left out in spring is the moment at which it is left out."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


_STEPS: dict[Bucket, Callable[[datetime, tzinfo], datetime]] = {
    "minute": _next_minute,
    "hour": _next_hour,
    "month": _next_month,
}


def _pieces(since: datetime, until: datetime) -> Iterator[Span]:
    """Of one bucket: lines, quarters, days, quarters, lines; those that are not empty."""
    inner = _ceil(since, QUARTER), _floor(until, QUARTER)
    if inner[0] >= inner[1]:
        yield Span("lines", since, until)
        return
    days = _ceil(inner[0], DAY), _floor(inner[1], DAY)
    if days[0] >= days[1]:
        days = (inner[1], inner[1])
    edges = (since, inner[0], days[0], days[1], inner[1], until)
    tables: tuple[Table, ...] = ("lines", "quarters", "days", "quarters", "lines")
    for table, (begin, end) in zip(tables, pairwise(edges), strict=True):
        if begin < end:
            yield Span(table, begin, end)


def _joined(pieces: list[Span]) -> Iterator[Span]:
    """Neighbours from one table are one."""
    current = pieces[0]
    for piece in pieces[1:]:
        if piece.table == current.table:
            current = Span(current.table, current.since, piece.until)
        else:
            yield current
            current = piece
    yield current


def _floor(moment: datetime, width: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % width


def _ceil(moment: datetime, width: timedelta) -> datetime:
    return moment + (_EPOCH - moment) % width
