"""Which span does a page of usage show, in which buckets, and what is brushed? Words of an address into moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo

from domain.usage_ranges import Bucket

DAYS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"today": (1, 0), "yesterday": (1, 1), "7d": (7, 0), "30d": (30, 0)}
)
"""How many days, and how many before today they end."""
USUAL, CUSTOM = "7d", "custom"
MAX_DAYS = 3660
_HOURLY, _DAILY = timedelta(days=3), timedelta(days=100)
_MINUTELY = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Span:
    """What is shown."""

    name: str
    """today, yesterday, 7d, 30d or custom."""
    since: datetime
    until: datetime
    zone: tzinfo
    brush: tuple[datetime, datetime] | None
    """The part that the tables show: whole buckets; None: all."""

    @property
    def bucket(self) -> Bucket:
        return bucket_of(self.until - self.since)

    @property
    def shown(self) -> tuple[datetime, datetime]:
        return self.brush or (self.since, self.until)


def span_of(asked: Mapping[str, str], now: datetime) -> Span:
    """``asked``: range, since, until, tz, from, to; what cannot be read is as if it was not asked."""
    zone = _zone(asked.get("tz", ""))
    name, (since, until) = _range(asked, zone, now)
    return Span(name, since, until, zone, _brush(asked, since, until, zone))


def bucket_of(length: timedelta) -> Bucket:
    """So that there are bars enough to see and few enough to tell apart."""
    if length <= _MINUTELY:
        return "minute"
    if length <= _HOURLY:
        return "hour"
    return "day" if length <= _DAILY else "month"


def bucket_end(start: datetime, bucket: Bucket, zone: tzinfo) -> datetime:
    """When the bucket ends that begins then, on the clock of the zone."""
    local = start.astimezone(zone)
    if bucket == "minute":
        return start + timedelta(minutes=1)
    if bucket == "hour":
        return start + timedelta(hours=1)
    if bucket == "day":
        return _midnight(local.date() + timedelta(days=1), zone)
    return _midnight((local.date().replace(day=1) + timedelta(days=32)).replace(day=1), zone)


def bucket_start(moment: datetime, bucket: Bucket, zone: tzinfo) -> datetime:
    """When the bucket begins that holds it."""
    local = moment.astimezone(zone)
    if bucket == "minute":
        return local.replace(second=0, microsecond=0)
    if bucket == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    return _midnight(local.date() if bucket == "day" else local.date().replace(day=1), zone)


def _range(asked: Mapping[str, str], zone: tzinfo, now: datetime) -> tuple[str, tuple[datetime, datetime]]:
    name = asked.get("range", USUAL)
    today = now.astimezone(zone).date()
    if name == CUSTOM:
        first, last = _day(asked.get("since", "")), _day(asked.get("until", ""))
        first = first or (last or today) - timedelta(days=6)
        last = max(first, last or today)
        last = min(last, first + timedelta(days=MAX_DAYS))
        return CUSTOM, (_midnight(first, zone), _midnight(last + timedelta(days=1), zone))
    name = name if name in DAYS else USUAL
    days, ago = DAYS[name]
    last = today - timedelta(days=ago)
    return name, (_midnight(last - timedelta(days=days - 1), zone), _midnight(last + timedelta(days=1), zone))


def _brush(
    asked: Mapping[str, str], since: datetime, until: datetime, zone: tzinfo
) -> tuple[datetime, datetime] | None:
    start, end = _moment(asked.get("from", "")), _moment(asked.get("to", ""))
    if start is None or end is None or start >= end or start >= until or end <= since:
        return None
    bucket = bucket_of(until - since)
    first = max(since, bucket_start(max(start, since), bucket, zone))
    last = bucket_start(min(end, until) - timedelta(microseconds=1), bucket, zone)
    return first, min(until, bucket_end(last, bucket, zone))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):  # no such name, or none that may be asked for
        return UTC


def _day(text: str) -> date | None:
    """Not so early or late that a zone could lead out of the calendar."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if date(2000, 1, 1) <= day <= date(2200, 1, 1) else None


def _moment(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return datetime.fromtimestamp(int(text), UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
