"""When will a window be full? The past of the same account, asked how it went on from moments like this one.

Theory of operation. What headers said is a *climb*: how much of the window was used up, moment by moment, across
resets. A forecast looks at *cases*, earlier moments of the same climb, and at how long each of them took to use up
what is left now.

* At the usual pace the cases are this hour of this weekday in the weeks before, as they were.
* At the present pace they are all earlier moments, stretched so that their pace is the present one: a case that went on
  half as fast as it had begun gives twice the time. So a pace that seldom lasts gives a late answer.

The answer is the middle case, and a range between two cases so that one more case would fall into it with the stated
probability, if it is like them. A case that does not get there before the reset counts as never: "not before reset" is
an answer. Too few cases are none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import floor
from operator import lt
from typing import Literal

from domain.moments import micros_at, micros_in, moment_at, span_of
from domain.windows import Window

Pace = Literal["present", "usual"]
LEVEL = 0.8
"""How often the truth is to lie in the range, or a little more often; few cases give less, and the answer says so."""
WEEKS = 8
"""Of the past that count."""
LEAST_WEEKS, LEAST_CASES = 3, 12
LOOK_BACKS = (1 / 21, 2 / 21, 3 / 21)
"""Of the window's length: the present pace is the median of the paces over these."""
_CASES_PER_WINDOW = 10
_ALIKE = 3.0
"""Cases whose pace differs by no more than this factor come first."""
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a window will be full. A moment that is None: not before its reset."""

    pace: Pace
    likely: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    level: float | None = None
    """Probability of the range; None: there is no forecast."""
    cases: int = 0
    """On how many it rests."""
    full: int = 0
    """How many of them were full before the reset."""
    per_hour: float | None = None
    """The present pace, as a share of the window; None: not asked."""
    reason: str = ""
    """Why there is no forecast; empty: there is one."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is asked: an open window, now."""

    now: datetime
    resets_at: datetime
    length: timedelta
    utilization: float

    @property
    def left(self) -> float:
        return 1 - self.utilization

    @property
    def horizon(self) -> timedelta:
        return self.resets_at - self.now


class Climb:
    """How much of a window an account used up, moment by moment, all its windows one after the other."""

    def __init__(self, windows: Sequence[Window]) -> None:
        times = [at for window in windows for at in window.seen]
        rises = [rise for window in windows for rise in _rises(window.shares)]
        if not all(map(lt, times, times[1:])):  # windows cross seldom
            steps = sorted(zip(times, rises, strict=True))
            times, rises = [at for at, _ in steps], [rise for _, rise in steps]
        self._times, self._levels = times, [0.0, *accumulate(rises)]

    @property
    def begins_at(self) -> datetime | None:
        """None: nothing is known."""
        return moment_at(self._times[0]) if self._times else None

    def level(self, at: datetime) -> float:
        """All that was used up by then."""
        return self._levels[bisect_right(self._times, micros_at(at))]

    def paces(self, moments: Sequence[datetime], length: timedelta) -> list[float]:
        """Share an hour, lately, at each: one burst alone makes none, one pause alone ends none."""
        return self.paces_at([micros_at(moment) for moment in moments], length)

    def paces_at(self, moments: Sequence[int], length: timedelta) -> list[float]:
        """The same of moments in microseconds."""
        levels = [self._levels[bisect_right(self._times, at)] for at in moments]
        looks = [self._rates(moments, levels, part * length) for part in LOOK_BACKS]
        return [sorted(rates)[1] for rates in zip(*looks, strict=True)]

    def _rates(self, moments: Sequence[int], levels: Sequence[float], span: timedelta) -> list[float]:
        times, sums, hours, back = self._times, self._levels, _hours(span), micros_in(span)
        return [
            (level - sums[bisect_right(times, at - back)]) / hours for at, level in zip(moments, levels, strict=True)
        ]

    def busy(self, first: int, last: int, step: int, span: int) -> list[int]:
        """Of the moments ``last``, a step before it and so on back to ``first``: those with a step of the climb in the
        span before them. The others are stepped over: most of a week nobody works."""
        times, most, number, found = self._times, (last - first) // step, 0, list[int]()
        while number <= most:
            at = last - number * step
            place = bisect_right(times, at)
            if place == 0:
                break
            if times[place - 1] > at - span:
                found.append(at)
                number += 1
            else:
                number = (last - times[place - 1] - span) // step + 1
        return found

    def times_from(self, cases: Iterable[tuple[int, float]], horizon: timedelta) -> list[int | None]:
        """How long it took from each moment on to use up so much, in microseconds; None: longer than ``horizon``."""
        times, levels, most, found = self._times, self._levels, micros_in(horizon), list[int | None]()
        for start, rise in cases:
            index = bisect_right(levels, levels[bisect_right(times, start)] + rise - 1e-9) - 1
            took = times[index] - start if index < len(times) else most + 1
            found.append(max(0, took) if took <= most else None)
        return found


def at_usual_pace(climb: Climb, outlook: Outlook) -> Forecast:
    """As it went on from this hour of this weekday in the weeks before."""
    begins = climb.begins_at
    starts = [outlook.now - week * _WEEK for week in range(1, WEEKS + 1)]
    known = [
        (micros_at(start), outlook.left)
        for start in starts
        if begins is not None and start >= begins and start + outlook.horizon <= outlook.now
    ]
    if len(known) < LEAST_WEEKS:
        return Forecast(pace="usual", reason=f"{len(known)} earlier weeks are known of; {LEAST_WEEKS} are needed")
    return _forecast("usual", outlook, climb.times_from(known, outlook.horizon))


def at_present_pace(climb: Climb, outlook: Outlook) -> Forecast:
    """As moments of such a pace went on before."""
    (pace,) = climb.paces([outlook.now], outlook.length)
    if pace <= 0:
        lately = _words(LOOK_BACKS[1] * outlook.length)
        return Forecast(
            pace="present", per_hour=0.0, reason=f"nothing was used in the last {lately}, as far as headers tell"
        )
    moments = _moments(climb, outlook)
    past = [
        (found, at) for found, at in zip(climb.paces_at(moments, outlook.length), moments, strict=True) if found > 0
    ]
    alike = [(found, at) for found, at in past if pace / _ALIKE <= found <= pace * _ALIKE]
    chosen = alike if len(alike) >= LEAST_CASES else past
    if len(chosen) < LEAST_CASES:
        reason = f"{len(chosen)} earlier moments with a pace are known of; {LEAST_CASES} are needed"
        return Forecast(pace="present", per_hour=pace, reason=reason)
    left = outlook.left
    cases = climb.times_from([(at, left * found / pace) for found, at in chosen], outlook.horizon)
    return _forecast("present", outlook, cases, per_hour=pace)


def _moments(climb: Climb, outlook: Outlook) -> list[int]:
    """Those that can be compared: what came before them and after them, as far as it matters, is known.

    Left out are those that have no pace, as nothing was used in the middle one of the looks back.
    """
    begins, length = climb.begins_at, outlook.length
    if begins is None:
        return []
    first = max(begins + LOOK_BACKS[-1] * length, outlook.now - WEEKS * _WEEK)
    last = outlook.now - outlook.horizon
    step, look = length / _CASES_PER_WINDOW, LOOK_BACKS[1] * length
    return climb.busy(micros_at(first), micros_at(last), micros_in(step), micros_in(look))


def _forecast(pace: Pace, outlook: Outlook, cases: Sequence[int | None], per_hour: float | None = None) -> Forecast:
    """``cases``: how long each took, in microseconds; None: not before the reset."""
    ordered = sorted(case for case in cases if case is not None) + [None] * cases.count(None)
    low, high, level = _ranks(len(ordered))
    likely, earliest, latest = (
        None if (took := ordered[place]) is None else outlook.now + span_of(took)
        for place in ((len(ordered) - 1) // 2, low, high)
    )
    return Forecast(
        pace=pace,
        likely=likely,
        earliest=earliest,
        latest=latest,
        level=level,
        cases=len(ordered),
        full=len(ordered) - cases.count(None),
        per_hour=per_hour,
    )


def _ranks(count: int) -> tuple[int, int, float]:
    """Which of so many cases in order bound the range, and how probable it is that one more lies within."""
    cut = max(1, floor((count + 1) * (1 - LEVEL) / 2 + 1e-9))
    return cut - 1, count - cut, (count + 1 - 2 * cut) / (count + 1)


def _rises(shares: Sequence[float]) -> list[float]:
    """What each adds to the fullest before it: crossing answers and roundings take nothing back."""
    return [later - before for before, later in pairwise([0.0, *accumulate(shares, max)])]


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)


def _words(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"
