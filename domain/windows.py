"""Which windows did an account go through, and how full were they? Sightings of headers, put in order.

A window is told from the next one by its reset. Sightings cross on their way, and the server's clock is not ours: the
window that was *first seen* last is the present one, whatever the newest sighting belongs to. A window whose reset has
passed on our clock is over; that nothing of the next one is used yet is then reckoned, not said.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from domain.rate_limits import Gauge

JITTER = timedelta(seconds=60)
"""Resets so close are one and the same."""
FIVE_HOURS = timedelta(hours=5)
_LENGTH = re.compile(r"([1-9][0-9]{0,3})([mhdw])(?:_(.+))?")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_WARNINGS = {"allowed_warning", "rejected"}


class Sighting(NamedTuple):
    """A gauge as one answer told of it."""

    seen_at: datetime
    """When the answer's headers came, on our clock."""
    request_id: UUID
    gauge: Gauge


by_place = itemgetter(0, 1)
"""What orders sightings, as a key for sorting."""


class Point(NamedTuple):
    """How full a window was."""

    at: datetime
    utilization: float
    request_id: UUID
    """Evidence: whose answer said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window from its start to its reset, as headers told of it."""

    name: str
    starts_at: datetime | None
    """Its reset less its length. None: its name tells no length."""
    resets_at: datetime
    ended_at: datetime
    """Its reset, or earlier: when the next window was seen."""
    points: tuple[Point, ...]
    """In the order of time; empty: its utilization was never said."""
    newest: Sighting

    @property
    def warned(self) -> bool:
        """Its newest sighting warns or refuses."""
        return self.newest.gauge.surpassed or self.newest.gauge.status in _WARNINGS

    def is_over(self, now: datetime) -> bool:
        return self.ended_at <= now


def length_of(name: str) -> timedelta | None:
    """``5h``: five hours. None: the name tells no length."""
    match = _LENGTH.fullmatch(name)
    return int(match[1]) * _UNITS[match[2]] if match else None


def model_scope_of(name: str) -> str | None:
    """``7d_oi``: ``oi``, a window for some models alone. None: for all."""
    match = _LENGTH.fullmatch(name)
    return match[3] if match else None


def windows_of(sightings: Iterable[Sighting]) -> dict[str, tuple[Window, ...]]:
    """By name, each in the order in which they were first seen: the last one is the present one.

    Sightings without a reset belong to no window; the same sighting twice counts once.
    """
    return windows_in_order(sorted(sightings, key=by_place))


def windows_in_order(sightings: Iterable[Sighting]) -> dict[str, tuple[Window, ...]]:
    """The same of sightings that are in order."""
    by_name = dict[str, list[Sighting]]()
    for one in sightings:
        gauge = one.gauge
        if gauge.kind == "window" and gauge.resets_at is not None:
            known = by_name.setdefault(gauge.name, [])
            if not known or known[-1].request_id != one.request_id:
                known.append(one)
    return {name: _windows(name, found) for name, found in sorted(by_name.items())}


def _windows(name: str, sightings: Sequence[Sighting]) -> tuple[Window, ...]:
    groups = _grouped(sightings)
    firsts = [group[0].seen_at for _, group in groups]
    ends = [*firsts[1:], datetime.max.replace(tzinfo=firsts[0].tzinfo)]
    return tuple(
        _window(name, reset, group, min(reset, following))
        for (reset, group), following in zip(groups, ends, strict=True)
    )


def _grouped(sightings: Sequence[Sighting]) -> list[tuple[datetime, list[Sighting]]]:
    """By their resets: of those groups whose first reset is close enough, the one that began last takes it."""
    groups = list[tuple[datetime, list[Sighting]]]()
    known = list[tuple[datetime, int]]()
    """First resets in order, each with its group's number."""
    before, number = None, 0
    for one in sightings:
        reset = one.gauge.resets_at
        assert reset is not None  # the others are left out
        if reset != before:
            close = known[bisect_left(known, (reset - JITTER, 0)) : bisect_right(known, (reset + JITTER, len(groups)))]
            number = max((each for _, each in close), default=len(groups))
            before = reset
        if number == len(groups):
            groups.append((reset, []))
            insort(known, (reset, number))
        groups[number][1].append(one)
    return groups


def _window(name: str, resets_at: datetime, sightings: Sequence[Sighting], ended_at: datetime) -> Window:
    length = length_of(name)
    points = tuple(
        [Point(at, gauge.utilization, whose) for at, whose, gauge in sightings if gauge.utilization is not None]
    )
    return Window(
        name=name,
        starts_at=resets_at - length if length is not None else None,
        resets_at=resets_at,
        ended_at=ended_at,
        points=points,
        newest=sightings[-1],
    )
