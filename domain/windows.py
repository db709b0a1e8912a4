"""Which windows did an account go through, and how full were they? Sightings of headers, put in order.

A window is told from the next one by its reset. Sightings cross on their way, and the server's clock is not ours: the
window that was *first seen* last is the present one, whatever the newest sighting belongs to. A window whose reset has
passed on our clock is over; that nothing of the next one is used yet is then reckoned, not said.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import isnan, nan
from operator import attrgetter, itemgetter
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.moments import micros_at, micros_in, moment_at, moments_at
from domain.rate_limits import Gauge
from schemas.limits_api import PointItem

JITTER = timedelta(seconds=60)
"""Resets so close are one and the same."""
_JITTER = micros_in(JITTER)
_NEVER = micros_at(datetime.max.replace(tzinfo=UTC))
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


class Evidence(Protocol):
    """What is seldom asked of the sightings of a track, each by its place in it."""

    def whose(self, places: Sequence[int]) -> list[UUID]:
        """The requests whose answers said it."""

    def status(self, place: int) -> str | None: ...

    def sighting(self, place: int) -> Sighting: ...


@dataclass(frozen=True, slots=True)
class Sightings:
    """The evidence, in a list."""

    listed: Sequence[Sighting]

    def whose(self, places: Sequence[int]) -> list[UUID]:
        return [self.listed[place].request_id for place in places]

    def status(self, place: int) -> str | None:
        return self.listed[place].gauge.status

    def sighting(self, place: int) -> Sighting:
        return self.listed[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What answers told of the windows of one name, each sighting once and in order: in columns, as there are many.

    All have a reset. Moments are microseconds (``domain.moments``).
    """

    name: str
    seen: Sequence[int]
    shares: Sequence[float]
    """Not a number: none was said."""
    resets: Sequence[int]
    evidence: Evidence


class Window(NamedTuple):
    """One window from its start to its reset, as headers told of it. A tuple, as an account went through many."""

    track: Track
    start: int | None
    """Its reset less its length. None: its name tells no length."""
    reset: int
    end: int
    """Its reset, or earlier: when the next window was seen."""
    seen: Sequence[int]
    """When its utilization was said, in order; empty: never."""
    shares: Sequence[float]
    """What it was then."""
    places: Sequence[int]
    """Where in the track that stands."""
    newest_place: int

    @property
    def name(self) -> str:
        return self.track.name

    @property
    def starts_at(self) -> datetime | None:
        return None if self.start is None else moment_at(self.start)

    @property
    def resets_at(self) -> datetime:
        return moment_at(self.reset)

    @property
    def ended_at(self) -> datetime:
        return moment_at(self.end)

    @property
    def newest(self) -> Sighting:
        return self.track.evidence.sighting(self.newest_place)

    @property
    def status(self) -> str | None:
        """What the newest says."""
        return self.track.evidence.status(self.newest_place)

    @property
    def points(self) -> tuple[PointItem, ...]:
        """In the order of time; empty: its utilization was never said."""
        return tuple(points_of([self], 0))

    @property
    def warned(self) -> bool:
        """Its newest sighting warns or refuses."""
        gauge = self.newest.gauge
        return gauge.surpassed or gauge.status in _WARNINGS

    def is_over(self, now: datetime) -> bool:
        return self.ended_at <= now


def points_of(windows: Iterable[Window], since: int) -> list[PointItem]:
    """What these windows of one track said of this moment and later, in the order of time."""
    found = list[PointItem]()
    for window in windows:
        if window.seen and window.seen[-1] >= since:
            first = bisect_left(window.seen, since)
            ids = window.track.evidence.whose(window.places[first:])
            found += map(PointItem, moments_at(window.seen[first:]), window.shares[first:], ids)
    return sorted(found, key=attrgetter("at"))


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
    return {track.name: windows_on(track) for track in tracks_of(sightings)}


def tracks_of(sightings: Iterable[Sighting]) -> list[Track]:
    """Of windows alone, by name."""
    by_name = dict[str, list[Sighting]]()
    for one in sorted(sightings, key=by_place):
        if one.gauge.kind == "window" and one.gauge.resets_at is not None:
            known = by_name.setdefault(one.gauge.name, [])
            if not known or known[-1].request_id != one.request_id:
                known.append(one)
    return [_track(name, found) for name, found in sorted(by_name.items())]


def _track(name: str, sightings: Sequence[Sighting]) -> Track:
    gauges = [one.gauge for one in sightings]
    return Track(
        name=name,
        seen=[micros_at(one.seen_at) for one in sightings],
        shares=[nan if one.utilization is None else one.utilization for one in gauges],
        resets=[micros_at(one.resets_at) for one in gauges if one.resets_at is not None],
        evidence=Sightings(sightings),
    )


def windows_on(track: Track) -> tuple[Window, ...]:
    """In the order in which they were first seen."""
    length, groups = length_of(track.name), _grouped(track.resets)
    following = [*(track.seen[runs[0].start] for _, runs in groups[1:]), _NEVER]
    micros, whole = None if length is None else micros_in(length), not any(map(isnan, track.shares))
    found = list[Window]()
    for (reset, runs), seen in zip(groups, following, strict=False):
        start, newest = None if micros is None else reset - micros, runs[-1][-1]
        told = _told(track, runs) if whole else _told_in_part(track, runs)
        found.append(Window(track, start, reset, min(reset, seen), *told, newest))
    return tuple(found)


def _grouped(resets: Sequence[int]) -> list[tuple[int, list[range]]]:
    """Runs of one reset, by window: of those whose first reset is close enough, the one that began last takes it."""
    groups = list[tuple[int, list[range]]]()
    known = list[tuple[int, int]]()
    """First resets in order, each with its group's number."""
    start = 0
    for reset, equal in groupby(resets):
        run = range(start, start + len(list(equal)))
        start = run.stop
        close = known[bisect_left(known, (reset - _JITTER, 0)) : bisect_right(known, (reset + _JITTER, len(groups)))]
        number = max((each for _, each in close), default=len(groups))
        if number == len(groups):
            groups.append((reset, []))
            insort(known, (reset, number))
        groups[number][1].append(run)
    return groups


_Told = tuple[Sequence[int], Sequence[float], Sequence[int]]
"""When shares were said, the shares, and their places."""


def _told(track: Track, runs: Sequence[range]) -> _Told:
    """Where a share was said each time."""
    first = runs[0]
    if len(runs) == 1:
        return track.seen[first.start : first.stop], track.shares[first.start : first.stop], first
    return _at(track, [place for run in runs for place in run])


def _told_in_part(track: Track, runs: Sequence[range]) -> _Told:
    return _at(track, [place for run in runs for place in run if not isnan(track.shares[place])])


def _at(track: Track, places: Sequence[int]) -> _Told:
    return [track.seen[place] for place in places], [track.shares[place] for place in places], places
