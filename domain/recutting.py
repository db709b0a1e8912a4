"""What of a body was cut before? The arrays that were cut lately, each with the places where its items begin.

A session sends with every turn what it sent with the turn before, and a little more. As far as the bytes are the same,
the cuts are the same: cutting then begins at the first item that is not. What comes out is what would have come out
without a memory; ``tests/domain/test_recutting.py`` compares.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from domain.recipes import Item, RunRef

MIN_BYTES = 4 * 1024
"""Shorter arrays are cut faster than they are looked for."""
MAX_BYTES = 16 * 1024 * 1024
"""Of all arrays that are remembered; their parts are about as much again."""
MAX_ARRAYS = 64
"""All of a scope are looked at."""
_FIRST_STEP = 1024


class Part(msgspec.Struct, frozen=True, gc=False):
    """Bytes to be stored once under their key."""

    key: bytes
    data: bytes
    children: tuple[bytes, ...] = ()
    """Keys of the parts a run refers to. Whoever has the run has them."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """How far cutting was when an item of an array began. Offsets count from the array's first byte."""

    at: int
    """Where the item begins."""
    cut: int
    """Everything before is in a unit."""
    units: int
    """So many were made."""
    values: int
    """So many were looked at."""


@dataclass(frozen=True, slots=True)
class CutArray:
    """An array as it was cut."""

    scope_key: bytes
    name: bytes
    """Of the member whose value it is."""
    text: bytes
    places: Sequence[Place]
    units: Sequence[list[Item]]
    """A block's reference each, after the structure that leads to it."""
    runs: Sequence[RunRef]
    """Of the first units, of the next ones, and so on."""
    parts: Mapping[bytes, Part]
    """What the units and the runs refer to, and perhaps more."""


class Memory:
    """The arrays that were cut last; the oldest go first. For one shipper, for all its journals."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._arrays = deque[CutArray]()
        self._bytes = 0

    def find(self, scope_key: bytes, name: bytes, body: bytes, start: int) -> tuple[CutArray, Place] | None:
        """The array that agrees furthest with the one at ``start`` of ``body``, and how far it may serve."""
        best: tuple[CutArray, Place] | None = None
        for array in self._arrays:
            if array.name != name or array.scope_key != scope_key:
                continue
            agreed = _agreed(body, start, array.text)
            found = bisect_left(array.places, agreed, key=attrgetter("at"))
            if found > 1 and (best is None or array.places[found - 1].at > best[1].at):
                best = array, array.places[found - 1]
        return best

    def takes(self, size: int) -> bool:
        """Is an array of so many bytes worth keeping?"""
        return MIN_BYTES <= size <= self._max_bytes

    def keep(self, array: CutArray, found: tuple[CutArray, Place] | None) -> None:
        """``found``: what it goes on from; gone if that was most of it, for a session has one newest turn."""
        if found is not None and found[1].at * 2 > len(found[0].text):
            self._arrays = deque(one for one in self._arrays if one is not found[0])
            self._bytes -= len(found[0].text)
        self._arrays.append(array)
        self._bytes += len(array.text)
        while self._bytes > self._max_bytes or len(self._arrays) > MAX_ARRAYS:
            self._bytes -= len(self._arrays.popleft().text)


def _agreed(body: bytes, start: int, text: bytes) -> int:
    """How many bytes are the same from ``start`` of ``body`` and from the beginning of ``text`` on."""
    agreed, step, most, growing = 0, _FIRST_STEP, min(len(body) - start, len(text)), True
    while step:
        at = start + agreed
        if agreed + step <= most and body[at : at + step] == text[agreed : agreed + step]:
            agreed, step = agreed + step, step << growing
        else:
            step, growing = step >> 1, False
    return agreed
