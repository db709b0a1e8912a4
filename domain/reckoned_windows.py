"""Which five-hour windows did an account go through, where no header tells? Reckoned from the tokens it used.

A window begins with the first request after the last window's end. How many tokens fill one is not published; it is
inferred from windows of the same account whose headers told how full the tokens had made them, and given as a range.
A weekly window cannot be reckoned: nothing in the traffic tells when it begins.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from domain.moments import micros_at, micros_in, moment_at
from domain.windows import FIVE_HOURS, Window

HEADER_STEP = 0.01
"""Headers round to hundredths: what they say may be off by half of it."""
LEAST_SHARE = 0.05
"""Of a window that tells how many tokens fill it; below, rounding says more than use."""
_LENGTH = micros_in(FIVE_HOURS)


class Use(NamedTuple):
    """What requests of one moment used."""

    at: datetime
    tokens: int
    """Input, output and both kinds of cache tokens."""


@dataclass(frozen=True, slots=True)
class ReckonedWindow:
    """A five-hour window as tokens tell of it."""

    starts_at: datetime
    ends_at: datetime
    tokens: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many tokens fill a window."""

    low: float
    likely: float
    high: float
    windows: int
    """On how many it rests."""


@dataclass(frozen=True, slots=True)
class Share:
    """How full so many tokens make a window."""

    likely: float
    low: float
    high: float


class TokenUse:
    """What an account used, moment by moment."""

    def __init__(self, uses: Iterable[Use] = (), *, columns: tuple[Sequence[int], Sequence[int]] = ((), ())) -> None:
        """``columns``: many uses at once, microseconds (``domain.moments``) in order and their tokens."""
        ordered = sorted((micros_at(use.at), use.tokens) for use in uses)
        self._times = [*columns[0], *(at for at, _ in ordered)]
        self._sums = [0, *accumulate((*columns[1], *(tokens for _, tokens in ordered)))]

    @property
    def begins(self) -> int | None:
        """In microseconds. None: nothing was used."""
        return self._times[0] if self._times else None

    @property
    def begins_at(self) -> datetime | None:
        """None: nothing was used."""
        return moment_at(self._times[0]) if self._times else None

    def between(self, start: datetime, end: datetime) -> int:
        """Tokens used at ``start`` or later, and before ``end``."""
        return self._sum(bisect_left(self._times, micros_at(start)), bisect_left(self._times, micros_at(end)))

    def after(self, start: datetime, until: datetime) -> int:
        """Tokens used later than ``start``, up to ``until``."""
        return self._sum(bisect_right(self._times, micros_at(start)), bisect_right(self._times, micros_at(until)))

    def _sum(self, first: int, last: int) -> int:
        return max(0, self._sums[last] - self._sums[first])

    def windows(self, since: datetime, until: datetime | None = None) -> list[ReckonedWindow]:
        """One after the other, from ``since`` on; ``until``: there another one began, and the last one ended.

        None where ``until`` is no later than ``since``.
        """
        found, times = list[ReckonedWindow](), self._times
        index, past = bisect_left(times, micros_at(since)), len(times)
        if until is not None:
            past = bisect_left(times, micros_at(until))
        while index < past:
            end = times[index] + _LENGTH if until is None else min(times[index] + _LENGTH, micros_at(until))
            following = bisect_left(times, end)
            found.append(ReckonedWindow(moment_at(times[index]), moment_at(end), self._sum(index, following)))
            index = following
        return found


def capacity_of(windows: Sequence[Window], use: TokenUse) -> Capacity | None:
    """What these windows' headers, set against the tokens used by then, tell. None: nothing."""
    found = [one for window in windows if (one := _capacity(window, use)) is not None]
    if not found:
        return None
    return Capacity(
        low=min(low for low, _, _ in found),
        likely=median(likely for _, likely, _ in found),
        high=max(high for _, _, high in found),
        windows=len(found),
    )


def share_of(tokens: int, capacity: Capacity) -> Share:
    return Share(likely=tokens / capacity.likely, low=tokens / capacity.high, high=tokens / capacity.low)


def _capacity(window: Window, use: TokenUse) -> tuple[float, float, float] | None:
    start, known_since = window.start, use.begins
    if start is None or known_since is None or start < known_since or not window.shares:
        return None
    share = max(window.shares)
    until = window.seen[window.shares.index(share)] + 1
    tokens = use.between(moment_at(start), moment_at(until))
    if tokens == 0 or not LEAST_SHARE <= share < 1:
        return None
    half = HEADER_STEP / 2
    return tokens / (share + half), tokens / share, tokens / (share - half)
