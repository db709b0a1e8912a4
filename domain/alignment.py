"""What stands in both of two sequences, in the same order? The longest such part, within bounds; pure.

Theory of operation. What both begin and end with is set aside. Of the rest, the longest rising part of all places at
which the two agree is the answer (Hunt and Szymanski): exact, and quick where little repeats, as in talk. Where so much
repeats that there are too many such places, the nth of a kind is held against the nth of the other side alone. Which of
several longest parts is taken depends on what is compared and not on which side it stands on.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TypeVar

MOST_MATCHES = 200_000
"""Places at which both agree that are looked at."""
K = TypeVar("K", bytes, str)
Places = tuple[tuple[int, int], ...]
"""What is in both: where it stands in the left one, and where in the right one."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands between two places that agree: from where to before where, on either side."""

    left: range
    right: range


def align(left: Sequence[K], right: Sequence[K], most: int = MOST_MATCHES) -> Places:
    start: int = common_start(left, right)
    end: int = common_start(left[start:][::-1], right[start:][::-1])
    here, there = left[start : len(left) - end], right[start : len(right) - end]
    middle: list[tuple[int, int]]
    if here and there and there[0] < here[0]:
        middle = [(ours, theirs) for theirs, ours in _longest(there, here, most)]
    else:
        middle = _longest(here, there, most)
    return (
        *((place, place) for place in range(start)),
        *((start + ours, start + theirs) for ours, theirs in middle),
        *((len(left) - place, len(right) - place) for place in range(end, 0, -1)),
    )


def gaps(places: Places, left: int, right: int) -> Iterator[Gap]:
    """Before, between and behind; empty ones among them, so that there is one more than there are places."""
    for (here, there), (next_here, next_there) in pairwise([(-1, -1), *places, (left, right)]):
        yield Gap(range(here + 1, next_here), range(there + 1, next_there))


def common_start(one: Sequence[object], other: Sequence[object]) -> int:
    """How many both begin with."""
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(one, other, strict=False)))


def rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of it in which the second number rises too."""
    ends: list[int] = []
    """Of the rising parts of each length, the one that ends lowest: its last second number,"""
    lasts: list[int] = []
    """and the number of its last pair."""
    before: list[int] = []
    for number, (_, there) in enumerate(pairs):
        length = bisect_left(ends, there)
        before.append(lasts[length - 1] if length else -1)
        ends[length : length + 1] = [there]
        lasts[length : length + 1] = [number]
    found: list[tuple[int, int]] = []
    at = lasts[-1] if lasts else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


def _longest(left: Sequence[K], right: Sequence[K], most: int) -> list[tuple[int, int]]:
    times, others = Counter(left), Counter(right)
    if sum(count * others[key] for key, count in times.items()) > most:
        return rising(_matches(_numbered(left), _numbered(right)))
    return rising(_matches(left, right))


def _matches(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """From each place on the left the last one on the right first, so that no rising part has a place twice."""
    places: dict[Hashable, list[int]] = {}
    for there, key in enumerate(right):
        places.setdefault(key, []).append(there)
    return [(here, there) for here, key in enumerate(left) for there in reversed(places.get(key, ()))]


def _numbered(keys: Sequence[K]) -> list[tuple[K, int]]:
    """Each with how many of its kind stand before it."""
    seen = Counter[K]()
    found: list[tuple[K, int]] = []
    for key in keys:
        found.append((key, seen[key]))
        seen[key] += 1
    return found
