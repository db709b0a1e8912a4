"""How do numbers, times and names read on a page? Values in, short text out; a dash for what is not known."""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

NOTHING = "–"
_STEPS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))
_SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
_MINUTE_S, _HOUR_S, _DAY_S, _WEEK_S = 60, 3_600, 86_400, 7 * 86_400
_LEAST = Decimal("0.0001")
_JUST_NOW_S = 3
_MODEL = re.compile(
    r"^claude-(?:(?P<new>[a-z]+)-(?P<v1>\d+(?:-\d{1,2})?)|(?P<v2>\d(?:-\d)?)-(?P<old>[a-z]+))(?:-\d{8})?$"
)
_KNOWN_CHARS = 80
"""Longer names are not kept."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
"""Unicode categories that have no look of their own, or change the look of their neighbours (bidi overrides)."""


def number(value: int | None) -> str:
    """All digits, in groups of three."""
    return NOTHING if value is None else f"{value:,}"


def compact(value: int | None) -> str:
    """Three digits at most: ``998``, ``1.2k``, ``34k``, ``1.2M``."""
    if value is None:
        return NOTHING
    for size, unit in _STEPS:
        if value >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.1f}{unit}" if scaled < 9.95 else f"{scaled:.0f}{unit}"
    return str(value)


def size(byte_count: int | None) -> str:
    if byte_count is None:
        return NOTHING
    scaled, unit = float(byte_count), 0
    while scaled >= 1023.5 and unit < len(_SIZE_UNITS) - 1:
        scaled, unit = scaled / 1024, unit + 1
    return f"{byte_count} B" if unit == 0 else f"{scaled:.1f} {_SIZE_UNITS[unit]}"


def duration(ms: float | None) -> str:
    """Two units at most: ``480 ms``, ``2.4 s``, ``1 m 05 s``, ``2 h 03 m``, ``3 d 4 h``."""
    if ms is None:
        return NOTHING
    if ms < 999.5:
        return f"{max(0, ms):.0f} ms"
    if ms < 9_950:
        return f"{ms / _SECOND_MS:.1f} s"
    if ms < 59_500:
        return f"{ms / _SECOND_MS:.0f} s"
    seconds = round(ms / _SECOND_MS)
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S} m {seconds % _MINUTE_S:02} s"
    minutes = round(ms / _MINUTE_MS)
    if minutes < _DAY_S // _MINUTE_S:
        return f"{minutes // 60} h {minutes % 60:02} m"
    hours = round(ms / _HOUR_MS)
    return f"{hours // 24} d {hours % 24} h"


def between(start: datetime, end: datetime) -> str:
    return duration((end - start) / timedelta(milliseconds=1))


def relative(then: datetime, now: datetime) -> str:
    """How long ago; the date when it is more than a week. A clock that is ahead reads as now."""
    seconds = (now - then).total_seconds()
    if seconds < _JUST_NOW_S:
        return "just now"
    if seconds < _MINUTE_S:
        return f"{int(seconds)} s ago"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min ago"
    if seconds < _DAY_S:
        return f"{int(seconds // _HOUR_S)} h ago"
    if seconds < _WEEK_S:
        return f"{int(seconds // _DAY_S)} d ago"
    return f"{then:%Y-%m-%d}"


def until(then: datetime, now: datetime) -> str:
    """How long it takes, no finer than a minute: ``now``, ``in 17 min``, ``in 1 h 32 m``, ``in 6 d 10 h``."""
    minutes = int((then - now).total_seconds() // _MINUTE_S)
    if then <= now:
        return "now"
    if minutes < 1:
        return "in <1 min"
    if minutes < _HOUR_S // _MINUTE_S:
        return f"in {minutes} min"
    hours = minutes // 60
    return f"in {hours} h {minutes % 60:02} m" if hours < 24 else f"in {hours // 24} d {hours % 24} h"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def iso(moment: datetime) -> str:
    """For a machine."""
    return moment.isoformat(timespec="milliseconds")


def percent(part: float, whole: float) -> str:
    """A share; ``<1 %`` and ``>99 %`` never round to none or all."""
    if whole <= 0:
        return NOTHING
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1 %"
    if 99 < share < 100:
        return ">99 %"
    return f"{share:.0f} %"


def money(amount: Decimal | None) -> str:
    """US dollars: cents, or as many places as a smaller amount needs; a word for what has no price."""
    if amount is None:
        return "no price"
    if amount and abs(amount) < _LEAST:
        return "<$0.0001"
    places = 4 if amount and abs(amount) < 1 else 2
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{places}f}"


def exact_money(amount: Decimal) -> str:
    """US dollars with every digit there is, for a formula."""
    whole, _, places = f"{abs(amount):,f}".partition(".")
    kept = places.rstrip("0")
    return f"{'-' if amount < 0 else ''}${whole}{'.' + kept.ljust(2, '0') if kept else ''}"


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def model(name: str | None) -> str:
    """``claude-opus-4-5-20251101`` → ``opus 4.5``; a name of another build stays as it is."""
    if not name:
        return NOTHING
    return _short(name) if len(name) <= _KNOWN_CHARS else _short.__wrapped__(name)


@lru_cache(maxsize=256)
def _short(name: str) -> str:
    found = _MODEL.match(name)
    if found is None:
        return one_line(name, 40)
    family, version = found["new"] or found["old"], found["v1"] or found["v2"]
    return f"{family} {version.replace('-', '.')}"


def short_id(request_id: UUID) -> str:
    """The random end of the id: its beginning is the time, which neighbours share."""
    return request_id.hex[-8:]


def one_line(text: str, limit: int) -> str:
    """The text on one line, without characters that cannot be seen, cut at ``limit`` with an ellipsis."""
    if not text:
        return ""
    head = text[: 8 * limit + 64]
    if not head.isprintable():
        head = "".join(" " if char.isspace() else char for char in head if char.isspace() or is_seen(char))
    line = " ".join(head.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def is_seen(char: str) -> bool:
    """Has this character a look of its own?"""
    return unicodedata.category(char) not in _HIDDEN
