"""What is new in a request against the one before it? Its messages, compared as linking compares them; pure.

Theory of operation. A client sends its whole history each time, and reshapes it: cache marks move, reminders come and
go, an answer comes back in other pieces. So blocks are compared by the digests that linking rests on
(``domain/blocks.py``). What there was is the messages of the request before and then its answer, block by block. The
request's blocks are laid along that: as far as both begin alike, and behind it by the blocks that each holds once, with
what is alike around them. So a history that was cut back, summed up or edited further up still finds what it kept. A
message is carried over if all its blocks were there; what counts for nothing makes no message new.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, repeat, takewhile
from typing import Literal, Protocol

from domain.alignment import common_start, rising
from domain.blocks import BlockFacts, block_facts, counts
from domain.held_answers import text_of
from domain.said import without_reminders
from schemas.anthropic.stream import JsonObject, JsonValue

State = Literal["carried", "changed", "partly", "new"]
"""``changed``: carried over, but a tool's result reads otherwise; ``partly``: some of its blocks were there."""
AnswerState = Literal["held", "left_out", "none"]
_CARRIED = ("carried", "changed", "partly")


class Message(Protocol):
    """A message of a request."""

    @property
    def role(self) -> str: ...
    @property
    def blocks(self) -> Sequence[JsonObject]: ...


@dataclass(frozen=True, slots=True)
class News:
    """A request's messages against the request before."""

    states: tuple[State, ...]
    """Of each message, in order."""
    new_blocks: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Of a message that is new in part, by its place: the places of its blocks that are new."""
    gone: int = 0
    """Messages of the request before of which nothing is in this one."""
    answer: AnswerState = "none"
    """Whether the answer to the request before is in this one, or the beginning of it; ``none``: it said nothing."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block of a message."""

    block: JsonObject
    facts: BlockFacts
    by_assistant: bool
    counted: bool

    @property
    def key(self) -> tuple[bytes | None, bool]:
        return self.facts.digest, self.by_assistant


@dataclass(frozen=True, slots=True)
class _Placed:
    """A block that counts, and where it stands."""

    message: int
    block: int
    piece: _Piece


def nothing_before(messages: Sequence[Message]) -> News:
    """Of a request that has none before it: everything is new."""
    return News(tuple(repeat("new", len(messages))))


def whats_new(messages: Sequence[Message], before: Sequence[Message], answer: Sequence[JsonObject]) -> News:
    """``before``, ``answer``: of the request before."""
    same = _same(before, messages)
    old = [_read(one.role, one.blocks) for one in before[same:]]
    new = [_read(one.role, one.blocks) for one in messages[same:]]
    back = _read("assistant", answer)
    was, now = list(_counted([*old, back])), list(_counted(new))
    pairs = aligned([one.piece.key for one in was], [one.piece.key for one in now])
    cut = _cut_answer(was, now, pairs, len(old))
    altered = {now[here].message for here, there in pairs.items() if _differs(was[there].piece, now[here].piece)}
    held = {*pairs, *cut}
    states = list(_states(len(new), now, held, altered))
    known = {piece.key for message in (*old, back) for piece in message}
    kept = {was[there].message for there in pairs.values()}
    return News(
        states=(*_carried(same), *_with_asides(states, new, known)),
        new_blocks={same + number: places for number, places in _new_blocks(now, held, states)},
        gone=len({one.message for one in was} - kept - {len(old)}),
        answer=("held" if cut or len(old) in kept else "left_out") if _says_something(back) else "none",
    )


def aligned(before: Sequence[Hashable], now: Sequence[Hashable]) -> dict[int, int]:
    """What stands in both, in the same order: places in ``now``, and where it was."""
    start = common_start(before, now)
    anchors = _anchors(before, now, start)
    found = {place: place for place in range(start)} | dict(anchors)
    taken = set(found.values())
    for here, there in anchors:
        for step in (-1, 1):
            for place, was in _steps(here, there, step, len(now), len(before)):
                if place in found or was in taken or now[place] != before[was]:
                    break
                found[place] = was
                taken.add(was)
    return dict(sorted(found.items()))


def _steps(here: int, there: int, step: int, most_here: int, most_there: int) -> Iterator[tuple[int, int]]:
    """The neighbours of an anchor on one side; no other anchor is passed, each stands once in either."""
    here, there = here + step, there + step
    while 0 <= here < most_here and 0 <= there < most_there:
        yield here, there
        here, there = here + step, there + step


def _anchors(before: Sequence[Hashable], now: Sequence[Hashable], start: int) -> list[tuple[int, int]]:
    """What each holds once behind ``start``: the most of it that stands in the same order."""
    times_before, times_now = Counter(before[start:]), Counter(now[start:])
    there = {key: place for place, key in enumerate(before[start:], start) if times_before[key] == 1}
    return rising(
        [(place, there[key]) for place, key in enumerate(now[start:], start) if key in there and times_now[key] == 1]
    )


def _same(one: Sequence[Message], other: Sequence[Message]) -> int:
    """How many messages both begin with, to the letter: they need not be looked into."""
    return common_start(*([(message.role, message.blocks) for message in messages] for messages in (one, other)))


def _carried(number: int) -> Iterator[State]:
    yield from repeat("carried", number)


def _read(role: str, blocks: Sequence[JsonObject]) -> tuple[_Piece, ...]:
    by_assistant = role == "assistant"
    read = ((block, block_facts(block)) for block in blocks)
    return tuple(
        _Piece(block, facts, by_assistant, role != "system" and counts(facts, by_assistant=by_assistant))
        for block, facts in read
    )


def _counted(messages: Sequence[tuple[_Piece, ...]]) -> Iterator[_Placed]:
    for number, pieces in enumerate(messages):
        yield from (_Placed(number, place, piece) for place, piece in enumerate(pieces) if piece.counted)


def _says_something(pieces: Sequence[_Piece]) -> bool:
    return any(piece.counted for piece in pieces)


def _cut_answer(
    was: Sequence[_Placed], now: Sequence[_Placed], pairs: Mapping[int, int], answer: int
) -> Collection[int]:
    """Of an answer that was cut a client keeps what it had shown, so that its last text is the beginning of ours."""
    asked = sum(1 for one in was if one.message < answer)
    behind = {there: here for here, there in pairs.items()} | {-1: -1}
    if asked - 1 not in behind or all(place in behind for place in range(asked, len(was))):
        return ()
    start = behind[asked - 1] + 1
    run = list(takewhile(lambda one: one.piece.by_assistant, now[start:]))
    held = text_of(one.piece.facts for one in run)
    whole = text_of(one.piece.facts for one in was[asked:])
    if not held or not whole.startswith(held):
        return ()
    return [place for place, one in enumerate(run, start) if one.piece.facts.kind == "text"]


def _differs(was: _Piece, now: _Piece) -> bool:
    """A result is known by its call's id; a client may clear or shorten what it says."""
    return now.facts.kind.endswith("tool_result") and _said(was.block) != _said(now.block)


def _said(result: JsonObject) -> JsonValue:
    content = result.get("content")
    return unmarked([{"type": "text", "text": content}] if isinstance(content, str) else content)


def unmarked(value: JsonValue) -> JsonValue:
    """Without cache marks and reminders, which come and go."""
    match value:
        case str():
            return without_reminders(value)
        case list():
            return [unmarked(item) for item in value]
        case dict():
            return {name: unmarked(member) for name, member in value.items() if name != "cache_control"}
    return value


def _states(
    messages: int, now: Sequence[_Placed], held: Collection[int], altered: Collection[int]
) -> Iterator[State | None]:
    """Of each message; None: nothing in it counts."""
    pieces = Counter(one.message for one in now)
    kept = Counter(now[place].message for place in held)
    for number in range(messages):
        if not pieces[number]:
            yield None
        elif kept[number] < pieces[number]:
            yield "partly" if kept[number] else "new"
        else:
            yield "changed" if number in altered else "carried"


def _new_blocks(
    now: Sequence[_Placed], held: Collection[int], states: Sequence[State | None]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Of each message that is new in part, the blocks that count and were not there."""
    new = [one for place, one in enumerate(now) if place not in held and states[one.message] == "partly"]
    for number, placed in groupby(new, key=lambda one: one.message):
        yield number, frozenset(one.block for one in placed)


def _with_asides(
    states: Sequence[State | None],
    messages: Sequence[Sequence[_Piece]],
    known: Collection[tuple[bytes | None, bool]],
) -> Iterator[State]:
    """Where nothing counts, a message is new if it says what was not said before and stands behind what was kept."""
    newest = max((number for number, state in enumerate(states) if state in _CARRIED), default=-1)
    for number, (state, pieces) in enumerate(zip(states, messages, strict=True)):
        if state is not None:
            yield state
        elif number < newest or all(piece.facts.digest is None or piece.key in known for piece in pieces):
            yield "carried"
        else:
            yield "new"
