"""How do two long texts differ, line by line, side by side? Rows out, what is the same folded, all of it bounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from domain.alignment import align, gaps
from domain.comparing import Kind
from domain.marked_words import Window, marked, windowed

MOST_CHARS = 2_000_000
"""Of either text; what is behind is not compared."""
MOST_LINES = 20_000
MOST_MATCHES = 60_000
MOST_ROWS = 300
LINE_CHARS = 600
"""Of a line that are shown."""
CONTEXT = 2
"""Lines that stay on either side of what differs."""
MOST_MARKED = 400
"""Pairs of lines whose words are looked at."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one side."""

    number: int
    """From 1."""
    shown: Window


@dataclass(frozen=True, slots=True)
class Row:
    """Lines that stand side by side."""

    kind: Kind
    left: Line | None
    right: Line | None


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines that are the same and are not shown."""

    count: int


@dataclass(frozen=True, slots=True)
class Passage:
    """The difference of two texts."""

    rows: tuple[Row | Fold, ...]
    more: int
    """Rows beyond those."""
    uncompared: int
    """Characters of both that were not compared."""

    @property
    def differs(self) -> bool:
        """As far as they were compared."""
        return any(isinstance(row, Row) and row.kind != "same" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Pair:
    """Places of lines that stand side by side."""

    kind: Kind
    left: int | None
    right: int | None


def passage(left: str, right: str) -> Passage:
    here, rest_here = _lines(left)
    there, rest_there = _lines(right)
    folded = list(_folded(lines_paired(here, there)))
    shown = folded[:MOST_ROWS]
    budget = iter(range(MOST_MARKED))
    rows = tuple(one if isinstance(one, Fold) else _row(one, here, there, budget) for one in shown)
    return Passage(rows, more=len(folded) - len(shown), uncompared=rest_here + rest_there)


def lines_paired(left: Sequence[str], right: Sequence[str]) -> Iterator[Pair]:
    """Every line of both, in order. Lines that differ stand side by side as far as there are any to do so."""
    found = align(left, right, MOST_MATCHES)
    for gap, place in zip_longest(gaps(found, len(left), len(right)), found):
        for here, there in zip_longest(gap.left, gap.right):
            yield Pair("left" if there is None else "right" if here is None else "changed", here, there)
        if place is not None:
            yield Pair("same", *place)


def _lines(text: str) -> tuple[list[str], int]:
    """The lines that are compared, and how many characters are not."""
    lines = text[:MOST_CHARS].split("\n")
    kept = lines[:MOST_LINES]
    return kept, len(text) - (sum(map(len, kept)) + len(kept) - 1)


def _folded(pairs: Iterator[Pair]) -> Iterator[Pair | Fold]:
    waiting = list[Pair]()
    behind = 0
    """Lines that are still to be shown behind a difference."""
    for pair in pairs:
        if pair.kind != "same":
            yield from _before(waiting)
            waiting = []
            behind = CONTEXT
            yield pair
        elif behind:
            behind -= 1
            yield pair
        else:
            waiting.append(pair)
    if waiting:
        yield Fold(len(waiting))


def _before(waiting: Sequence[Pair]) -> Iterator[Pair | Fold]:
    """The last of what stayed; one line alone is not folded."""
    hidden = len(waiting) - CONTEXT
    if hidden > 1:
        yield Fold(hidden)
        yield from waiting[hidden:]
    else:
        yield from waiting


def _row(pair: Pair, left: Sequence[str], right: Sequence[str], budget: Iterator[int]) -> Row:
    here = "" if pair.left is None else left[pair.left]
    there = "" if pair.right is None else right[pair.right]
    if pair.kind == "changed" and next(budget, None) is not None:
        ours, theirs = marked(here, there)
    else:
        is_marked = pair.kind != "same"
        ours, theirs = (((text, is_marked),) if text else () for text in (here, there))
    return Row(
        pair.kind,
        None if pair.left is None else Line(pair.left + 1, windowed(ours, LINE_CHARS)),
        None if pair.right is None else Line(pair.right + 1, windowed(theirs, LINE_CHARS)),
    )
