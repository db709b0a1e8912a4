"""Which sums give exactly what was used between two moments, hour by hour, day by day, on any clock of the world?

A bucket's edge is rounded to the nearest midnight of UTC. What lies between the two midnights is read from the sums of
days, and whole months of UTC from theirs, unless a list of prices begins within. What the rounding took in is read
again and taken off, what it left out is added: whole quarters of an hour from their sums, the ragged rest from the
lines. So a day in Berlin costs a day of UTC and two nights' hours. Hours and minutes are not rounded. A sum is exact
for every range and every time zone; where an offset is no multiple of 15 minutes, it only reads more lines.

A bucket begins whenever the clock on the wall shows a full minute, a full hour, or a new date: an hour that comes
twice in autumn is two buckets, and a day may have 23 or 25 hours.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby, pairwise
from typing import Literal

from domain.errors import NexusError

Table = Literal["lines", "quarters", "days", "months"]
Bucket = Literal["minute", "hour", "day", "month", "none"]
MAX_BUCKETS = 5_000
SUMS: tuple[Table, ...] = ("quarters", "days", "months")
_WITHIN: tuple[Table, ...] = ("lines", "quarters", "lines")
_SHORT = ("minute", "hour")
QUARTER, DAY, HOUR = timedelta(minutes=15), timedelta(days=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HALF_DAY = timedelta(hours=12)
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
    bucket: int = 0
    """Whose it is, from 0."""
    sign: int = 1
    """-1: it is taken off."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a range is read."""

    starts: tuple[datetime, ...]
    """Of the buckets, ascending, in UTC; the first may begin before the range. Empty: there is only one bucket."""
    spans: tuple[Span, ...]


def plan(
    since: datetime,
    until: datetime,
    bucket: Bucket,
    zone: tzinfo,
    sums: tuple[Table, ...] = SUMS,
    price_days: Collection[date] = (),
) -> Plan:
    """``since`` and ``until`` aware; ``sums``: what may be read besides lines; ``price_days``: of UTC, with which lists
    of prices begin. Raises TooManyBucketsError."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    if since >= until:
        return Plan((), ())
    starts = () if bucket == "none" else tuple(_starts(since, until, bucket, zone))
    edges = [since, *(start for start in starts if start > since), until]
    is_long = bucket not in _SHORT
    cuts = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in price_days]
    how = _Reading("quarters" in sums, "days" in sums and is_long, "months" in sums and is_long, cuts)
    return Plan(starts, tuple(span for number, edge in enumerate(pairwise(edges)) for span in how.spans(number, *edge)))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What may be read besides lines."""

    quarters: bool
    days: bool
    months: bool
    cuts: Sequence[datetime]
    """When lists of prices begin."""

    def spans(self, bucket: int, since: datetime, until: datetime) -> Iterator[Span]:
        """Of one bucket."""
        first, last = _round(since), _round(until)
        if not self.days or first >= last:
            yield from self._within(bucket, since, until, 1)
            return
        yield from self._between(bucket, first, last)
        yield from self._within(bucket, since, first, 1)
        yield from self._within(bucket, first, since, -1)
        yield from self._within(bucket, until, last, -1)
        yield from self._within(bucket, last, until, 1)

    def _between(self, bucket: int, first: datetime, last: datetime) -> Iterator[Span]:
        """Two midnights: days, whole months, days."""
        edges = [first, *_months(first, last), last]
        for table, pieces in groupby(pairwise(edges), lambda piece: self._table(*piece)):
            (begin, end), *others = pieces
            yield Span(table, begin, others[-1][1] if others else end, bucket)

    def _table(self, begin: datetime, end: datetime) -> Table:
        whole = self.months and begin.day == end.day == 1 and not any(begin < cut < end for cut in self.cuts)
        return "months" if whole else "days"

    def _within(self, bucket: int, since: datetime, until: datetime, sign: int) -> Iterator[Span]:
        """Lines, quarters, lines; those that are not empty. Nothing if ``until`` comes first."""
        inner = _ceil(since, QUARTER), _floor(until, QUARTER)
        if not self.quarters or inner[0] >= inner[1]:
            inner = until, until
        for table, (begin, end) in zip(_WITHIN, pairwise((since, *inner, until)), strict=True):
            if begin < end:
                yield Span(table, begin, end, bucket, sign)


def _starts(since: datetime, until: datetime, bucket: Bucket, zone: tzinfo) -> list[datetime]:
    """Of the buckets that reach into the range."""
    found, start = list[datetime](), _first(since, bucket, zone)
    step = _STEPS.get(bucket, _next_day)
    while start < until:
        following = step(start, zone)
        if following > since:
            found.append(start)
            if len(found) > MAX_BUCKETS:
                raise TooManyBucketsError
        start = following
    return found


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
    """A date that a place has left out, crossing the date line, is no bucket."""
    return _midnight(start.astimezone(zone).date() + DAY, zone)


def _next_month(start: datetime, zone: tzinfo) -> datetime:
    in_next = start.astimezone(zone).date().replace(day=1) + 32 * DAY
    return _midnight(in_next.replace(day=1), zone)


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    """Beginnings of months of UTC between two midnights."""
    start = _next_month(first, UTC)
    while start < last:
        yield start
        start = _next_month(start, UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """When the date begins. A midnight that is left out in spring is the moment at which it is left out."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


_STEPS: dict[Bucket, Callable[[datetime, tzinfo], datetime]] = {
    "minute": _next_minute,
    "hour": _next_hour,
    "month": _next_month,
}


def _round(moment: datetime) -> datetime:
    """To the nearest midnight of UTC."""
    return _floor(moment + _HALF_DAY, DAY)


def _floor(moment: datetime, width: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % width


def _ceil(moment: datetime, width: timedelta) -> datetime:
    return moment + (_EPOCH - moment) % width
