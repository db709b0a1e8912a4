"""How do two runs stand side by side? Pairs in, rows out: what is the same folded, what differs taken apart, bounded.

So many differences are shown, and not too much text; the others are counted, and come when they are asked for.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from uuid import UUID

from dashboard.comparing import Aligned, Member
from dashboard.views.blocks import Shown, raw_input, shown_block
from dashboard.views.prose import verbatim
from dashboard.views.reading import DETAILS, MARKS
from domain.comparable import Piece, words_of_block, words_of_piece
from domain.comparing import Kind, Pairing
from domain.passages import Passage, passage

DIFFERENCES = 40
"""At first, and each time that more are asked for."""
MOST_CHARS = 600_000
"""Of all that differs on a page; one difference is shown in any case."""
MOST_SAME = 40
"""Of a run that is the same: its last ones."""
MOST_PARTS = 60
"""Of one message or turn."""
_KINDS = MappingProxyType(
    {
        "prompt": "Prompt", "text": "Text", "thinking": "Thinking", "call": "Call", "result": "Result",
        "image": "Image", "summary": "Summary", "note": "Note of the client", "system": "System prompt", "mark": "Mark",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What a message or a turn is called on its side."""

    number: int
    role: str
    request_id: UUID
    edge: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Texts that differ."""

    what: str
    """Empty: there is only one."""
    passage: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPart:
    """A block or an entry, beside another one."""

    kind: Kind
    label: str
    name: str
    """Of a tool."""
    left: Shown | None = None
    right: Shown | None = None
    passages: tuple[Compared, ...] = ()
    """Of what changed: then neither side is shown whole."""
    count: int = 1
    """Parts that are the same and not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A message or a turn, beside another one."""

    kind: Kind
    number: int
    """Of the difference, from 1; 0: it is the same."""
    left: Head | None
    right: Head | None
    parts: tuple[ShownPart, ...]
    hidden: int
    """Parts beyond those."""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """What is the same, folded or not; or one difference."""

    start: int
    """Place of its first pair, which names it."""
    same: int
    """How many are the same; 0: it is a difference."""
    hidden: int
    """Of these, how many are not shown."""
    rows: tuple[ShownRow, ...]


@dataclass(frozen=True, slots=True)
class ShownRuns:
    """All that a page shows of two runs."""

    runs: tuple[ShownRun, ...]
    differences: int
    more: int
    """Differences beyond those that are shown."""


def shown_runs(it: Aligned, most: int, opened: Container[int], *, first: int = 0) -> ShownRuns:
    """``opened``: starts of runs of what is the same that are shown; ``first``: differences that stand before."""
    runs, shown, room = list[ShownRun](), 0, MOST_CHARS
    for start, pairs in _runs(it.pairs):
        if pairs[0].kind == "same":
            runs.append(_same(it, start, pairs, is_open=start in opened))
            continue
        if shown >= most or (room < 0 and shown):
            break
        shown += 1
        runs.append(ShownRun(start, 0, 0, (_row(it, pairs[0], first + shown),)))
        room -= _weight(it, pairs[0])
    return ShownRuns(tuple(runs), it.differences, it.differences - shown)


def shown_pieces(pieces: Sequence[Piece]) -> tuple[Shown, ...]:
    return tuple(shown_piece(piece) for piece in pieces)


def shown_piece(piece: Piece) -> Shown:
    """Without the name by which a call is linked to: both sides may have it."""
    if piece.kind == "mark":
        words = DETAILS.get(piece.text or "", piece.text or "")
        return Shown(
            kind="other",
            title=next((MARKS[one] for one in MARKS if one == piece.name), piece.name),
            body=verbatim(words),
        )
    if piece.kind == "system":
        return Shown(kind="other", title="System prompt", body=verbatim(piece.text or ""))
    block = replace(shown_block(piece.block), tool_use_id="")
    if piece.text is not None:
        block = replace(block, arguments=raw_input(piece.text))
    return block if piece.result is None else replace(block, result=shown_block(piece.result))


def _runs(pairs: Sequence[Pairing]) -> Iterator[tuple[int, Sequence[Pairing]]]:
    """What is the same together, differences one by one."""
    for is_same, group in groupby(enumerate(pairs), key=lambda one: one[1].kind == "same"):
        found = list(group)
        if is_same:
            yield found[0][0], [pair for _, pair in found]
        else:
            yield from ((place, [pair]) for place, pair in found)


def _same(it: Aligned, start: int, pairs: Sequence[Pairing], *, is_open: bool) -> ShownRun:
    shown = pairs[-MOST_SAME:] if is_open else ()
    return ShownRun(start, len(pairs), len(pairs) - len(shown), tuple(_row(it, pair, 0) for pair in shown))


def _row(it: Aligned, pair: Pairing, number: int) -> ShownRow:
    left, right = _sides(it, pair)
    parts = list(_parts(pair, left, right))
    return ShownRow(
        kind=pair.kind,
        number=number,
        left=_head(left),
        right=_head(right),
        parts=tuple(parts[:MOST_PARTS]),
        hidden=max(0, len(parts) - MOST_PARTS),
    )


def _sides(it: Aligned, pair: Pairing) -> tuple[Member | None, Member | None]:
    return (
        None if pair.left is None else it.left[pair.left],
        None if pair.right is None else it.right[pair.right],
    )


def _head(member: Member | None) -> Head | None:
    return None if member is None else Head(member.number, member.role, member.request_id, member.edge)


def _parts(pair: Pairing, left: Member | None, right: Member | None) -> Iterator[ShownPart]:
    """Of what changed, what stayed in it is counted; of all else everything is shown where it stands."""
    if left is not None and right is not None and pair.kind == "changed":
        for is_same, group in groupby(pair.parts, key=lambda part: part.kind == "same"):
            if is_same:
                yield _counted(list(group), left)
            else:
                yield from (_part(part, left, right) for part in group)
        return
    for place in range(max(len(one.pieces) for one in (left, right) if one is not None)):
        yield _beside(pair.kind, *(None if one is None else one.pieces[place] for one in (left, right)))


def _counted(parts: Sequence[Pairing], left: Member) -> ShownPart:
    first = left.pieces[parts[0].left or 0]
    return ShownPart(kind="same", label=_label(first), name=first.name, count=len(parts))


def _part(part: Pairing, left: Member, right: Member) -> ShownPart:
    one = None if part.left is None else left.pieces[part.left]
    other = None if part.right is None else right.pieces[part.right]
    return _beside(part.kind, one, other)


def _beside(kind: Kind, one: Piece | None, other: Piece | None) -> ShownPart:
    known = one or other
    assert known is not None  # a pair has at least one side
    plain = ShownPart(kind=kind, label=_label(known), name=known.name)
    if kind == "changed" and one is not None and other is not None:
        passages = tuple(_passages(one, other))
        if any(each.passage.differs for each in passages):
            return replace(plain, passages=passages)
    return replace(plain, left=shown_piece(one) if one else None, right=shown_piece(other) if other else None)


def _passages(one: Piece, other: Piece) -> Iterator[Compared]:
    said = passage(words_of_piece(one), words_of_piece(other))
    if one.result is None and other.result is None:
        yield Compared("", said)
        return
    if said.differs:
        yield Compared("Called with", said)
    came = passage(*("" if each.result is None else words_of_block(each.result) for each in (one, other)))
    if came.differs:
        yield Compared("What came back", came)


def _label(piece: Piece) -> str:
    return _KINDS.get(piece.kind, "Block")


def _weight(it: Aligned, pair: Pairing) -> int:
    """Characters of what is shown of it, about."""
    sides = [one for one in _sides(it, pair) if one is not None]
    return sum(_chars(piece) for one in sides for piece in one.pieces)


def _chars(piece: Piece) -> int:
    blocks = [block for block in (piece.block, piece.result) if block is not None]
    return len(piece.text or "") + sum(
        len(value) if isinstance(value, str) else 64 for block in blocks for value in block.values()
    )
