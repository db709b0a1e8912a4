"""Which words of a line are not those of the other one? Two lines in, both cut into what stays and what does not.

Lines that have little in common are marked as a whole: to mark every second word would say nothing. Of lines that are
very long only what lies between their equal beginnings and their equal ends is marked.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from domain.alignment import align

Stretch = tuple[str, bool]
"""Text, and whether it is marked."""
Stretches = tuple[Stretch, ...]
MOST_CHARS = 8_000
"""Of a line that is taken apart into words."""
MOST_MATCHES = 40_000
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LEAST_ALIKE = 0.35
"""How much of the longer line has to be in the other."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown of a line."""

    stretches: Stretches
    before: int
    """Characters that are left out in front of it, and behind."""
    after: int


def marked(left: str, right: str) -> tuple[Stretches, Stretches]:
    """Joined again, each is its line; what is not marked is the same in both."""
    if len(left) > MOST_CHARS or len(right) > MOST_CHARS:
        return _between(left, right)
    here, there = _WORDS.findall(left), _WORDS.findall(right)
    found = align(here, there, MOST_MATCHES)
    alike = sum(len(here[place]) for place, _ in found if not here[place].isspace())
    if alike < _LEAST_ALIKE * max(_length(here), _length(there)):
        return _whole(left), _whole(right)
    return (
        _stretches(here, frozenset(place for place, _ in found)),
        _stretches(there, frozenset(place for _, place in found)),
    )


def windowed(stretches: Stretches, most: int) -> Window:
    """At most so many characters, a quarter of them before the first mark."""
    length = sum(len(text) for text, _ in stretches)
    if length <= most:
        return Window(stretches, 0, 0)
    start = max(0, min(_first_mark(stretches) - most // 4, length - most))
    return Window(tuple(_cut(stretches, start, start + most)), start, length - start - most)


def _first_mark(stretches: Stretches) -> int:
    at = 0
    for text, is_marked in stretches:
        if is_marked:
            return at
        at += len(text)
    return 0


def _cut(stretches: Stretches, start: int, end: int) -> Iterator[Stretch]:
    at = 0
    for text, is_marked in stretches:
        kept = text[max(0, start - at) : max(0, end - at)]
        if kept:
            yield kept, is_marked
        at += len(text)


def _length(words: Iterable[str]) -> int:
    return sum(len(word) for word in words if not word.isspace())


def _whole(text: str) -> Stretches:
    return ((text, True),) if text else ()


def _stretches(words: Sequence[str], kept: frozenset[int]) -> Stretches:
    runs = groupby(enumerate(words), key=lambda one: one[0] not in kept)
    return tuple(("".join(word for _, word in run), is_marked) for is_marked, run in runs)


def _between(left: str, right: str) -> tuple[Stretches, Stretches]:
    start = _same_start(left, right)
    end = _same_start(left[start:][::-1], right[start:][::-1])
    return _middle(left, start, end), _middle(right, start, end)


def _middle(text: str, start: int, end: int) -> Stretches:
    stop = len(text) - end
    pieces = ((text[:start], False), (text[start:stop], True), (text[stop:], False))
    return tuple(piece for piece in pieces if piece[0])


def _same_start(left: str, right: str) -> int:
    """How many characters both begin with; halving, as comparing stretches is quick and going through them is not."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
