"""Which message, or turn, of one run answers to which of another, and is it the same? Two runs in, pairs out; pure.

Theory of operation. A run is a sequence of units, each with parts. What is the same on both sides is found first, as
long a part of both as there is (``domain/alignment.py``). Between, units that begin alike are held against each other,
such as the same prompt with another answer; then those of one shape, in order: a call of a tool against a call of that
tool. What is left stands on one side alone. Inside of two units that are not the same, their parts are paired so too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

from domain.alignment import Gap, align, gaps

Kind = Literal["same", "changed", "left", "right"]


@dataclass(frozen=True, slots=True)
class Item:
    """By what something is known. All three are digests."""

    key: bytes
    """Equal for what is the same;"""
    head: bytes
    """for what begins alike;"""
    shape: bytes
    """for what is of one kind."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A message or a turn."""

    item: Item
    parts: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """What stands side by side: places in either run; None: nothing does."""

    kind: Kind
    left: int | None
    right: int | None
    parts: tuple["Pairing", ...] = ()
    """Of two units that are not the same."""


def compared(left: Sequence[Unit], right: Sequence[Unit]) -> tuple[Pairing, ...]:
    """In order; where several stand on one side alone, the left ones first."""
    pairs = paired([unit.item for unit in left], [unit.item for unit in right])
    return tuple(_with_parts(pair, left, right) for pair in pairs)


def paired(left: Sequence[Item], right: Sequence[Item]) -> tuple[Pairing, ...]:
    """The same without parts."""
    return tuple(_paired(left, right, Gap(range(len(left)), range(len(right))), _LEVELS))


_LEVELS = ("key", "head", "shape")


def _with_parts(pair: Pairing, left: Sequence[Unit], right: Sequence[Unit]) -> Pairing:
    if pair.kind != "changed" or pair.left is None or pair.right is None:
        return pair
    return replace(pair, parts=paired(left[pair.left].parts, right[pair.right].parts))


def _paired(left: Sequence[Item], right: Sequence[Item], gap: Gap, levels: Sequence[str]) -> Iterator[Pairing]:
    """``levels``: by what is still to be looked for; those before found nothing in this gap."""
    if not levels or not gap.left or not gap.right:
        yield from (Pairing("left", place, None) for place in gap.left)
        yield from (Pairing("right", None, place) for place in gap.right)
        return
    here, there = ([getattr(run[place], levels[0]) for place in places] for run, places in _sides(left, right, gap))
    found = align(here, there)
    kind: Kind = "same" if levels[0] == "key" else "changed"
    for between, place in zip_longest(gaps(found, len(here), len(there)), found):
        if between.left or between.right:
            yield from _paired(left, right, _inside(gap, between), levels[1:])
        if place is not None:
            yield Pairing(kind, gap.left[place[0]], gap.right[place[1]])


def _inside(gap: Gap, between: Gap) -> Gap:
    """``between``: places in the gap."""
    return Gap(
        gap.left[between.left.start : between.left.stop],
        gap.right[between.right.start : between.right.stop],
    )


def _sides(left: Sequence[Item], right: Sequence[Item], gap: Gap) -> tuple[tuple[Sequence[Item], range], ...]:
    return (left, gap.left), (right, gap.right)
