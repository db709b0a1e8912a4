"""Which moment does somebody mean who types ``90d`` or ``2027-01-31``, and how far off does a moment read?"""

import re
from datetime import UTC, date, datetime, time, timedelta

from domain.errors import SetupError

_SPAN = re.compile(r"(?P<count>[1-9]\d{0,5})(?P<unit>[mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_STEPS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_SLACK = 100
"""What was 90 days a moment ago still reads as 90 days: a hundredth of a unit short counts as the whole."""
_DAYS_BY_DATE = 100
"""Further off than that a date says more than a count of days."""


def moment_in(text: str, now: datetime) -> datetime | None:
    """``90d``, ``12h``, a date (to its end, UTC), a time with its zone, ``now``; None: ``never``. Raises SetupError."""
    word = text.strip().lower()
    if word == "never":
        return None
    if word == "now":
        return now
    try:
        if span := _SPAN.fullmatch(word):
            return now + int(span["count"]) * _UNITS[span["unit"]]
        if len(word) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(word), time(), UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(text.strip())
        if moment.utcoffset() is None:
            raise _no_moment(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_moment(text) from None


def told(moment: datetime, now: datetime) -> str:
    """``in 3 days``, ``2 hours ago``, ``now``, or the date when that is far off."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) > _DAYS_BY_DATE * 86_400:
        return moment.astimezone(UTC).date().isoformat()
    for size, unit in _STEPS:
        count = int((abs(seconds) + size / _SLACK) // size)
        if count:
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "now"


def _no_moment(text: str) -> SetupError:
    return SetupError(f"{text[:100]!r} is no moment; give 90d, 12h, 2027-01-31, 2027-01-31T12:00Z, never or now.")
