"""How did the text of an answer grow? Its pieces with the times at which they came, for a browser to play; pure.

A piece is there when all of its frame is. Keys are hidden in each block's whole text, because one may have come in
pieces; that leaves the text as long as it was, so that it can be cut again where it was cut.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Literal

from dashboard.details import RequestDetails
from dashboard.formatting import one_line
from domain.assembly import frame_kind
from domain.secrets_in_text import hide
from domain.sse import Frame, SseParser
from domain.stream_forensics import Arrivals, Chunk
from schemas.anthropic.stream import JsonObject, read_object

MOST_CHARS = 2_000_000
"""Of all text; what comes behind is not played."""
LABEL_CHARS = 80
Kind = Literal["text", "thinking", "input", "other", "error"]
_DELTAS: dict[str, tuple[Kind, str]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("input", "partial_json"),
}
"""Of each type of delta: what it makes, and the member with its text."""
_ERROR = -1
"""In the place of an index."""
_STARTS: dict[str, tuple[Kind, str]] = {"text": ("text", "text"), "thinking": ("thinking", "thinking")}


@dataclass(frozen=True, slots=True)
class PlayedBlock:
    """A block of the answer, or an error in it."""

    kind: Kind
    label: str
    """The type, and the tool's name."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, and when it came."""

    at_ms: float
    """After the request was received; never less than that of the piece before."""
    block: int
    """Which of the blocks it belongs to."""
    text: str
    """Empty: the block began."""


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer as it came."""

    blocks: tuple[PlayedBlock, ...] = ()
    pieces: tuple[Piece, ...] = ()
    lasted_ms: float = 0.0
    """Until it ended, or until now."""
    hidden: int = 0
    """Characters that are not played."""


def replay_of(details: RequestDetails) -> Replay:
    """Without pieces: it was not streamed, or nothing of it can be read."""
    answer = details.answer
    arrivals = Arrivals([Chunk(each.arrival_us, each.length, each.opened_end) for each in answer.chunks])
    parser = SseParser()
    teller = _Teller(arrivals)
    for frame in (*parser.feed(answer.body.data), *parser.finish()):
        teller.hear(frame)
    pieces, hidden = _limited(teller.pieces())
    ended_us = details.ended.elapsed_us if details.ended else None
    lasted_us = max(ended_us or 0, *arrivals.times, 0)
    return Replay(tuple(teller.blocks), pieces, lasted_us / 1000, hidden)


class _Teller:
    """Frames in, pieces out."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self.blocks: list[PlayedBlock] = []
        self._told: list[Piece] = []
        """Keys are not hidden yet."""
        self._newest: dict[int, int] = {}
        """Number of the block that has an index in the stream."""

    def hear(self, frame: Frame) -> None:
        at_us = self._arrivals.when(frame.end - 1)
        value = read_object(frame.data)
        if at_us is None or value is None or not frame.finished:
            return
        match frame_kind(frame), value:
            case "content_block_start", {"index": int(index), "content_block": dict(block)}:
                self._begin(at_us, index, _played(block))
                self._say(at_us, index, _STARTS.get(_text(block, "type")), block)
            case "content_block_delta", {"index": int(index), "delta": dict(delta)}:
                self._say(at_us, index, _DELTAS.get(_text(delta, "type")), delta)
            case "error", {"error": dict(error)}:
                self._begin(at_us, _ERROR, PlayedBlock("error", one_line(_text(error, "type"), LABEL_CHARS)))
                self._say(at_us, _ERROR, ("error", "message"), error)

    def pieces(self) -> Iterator[Piece]:
        """In the order in which they came, keys hidden."""
        spoken = [list[str]() for _ in self.blocks]
        for piece in self._told:
            spoken[piece.block].append(piece.text)
        rests = [_cut(hide("".join(texts)), map(len, texts)) for texts in spoken]
        return (replace(piece, text=next(rests[piece.block])) for piece in self._told)

    def _begin(self, at_us: int, index: int, block: PlayedBlock) -> None:
        self._newest[index] = len(self.blocks)
        self.blocks.append(block)
        self._told.append(Piece(at_us / 1000, self._newest[index], ""))

    def _say(self, at_us: int, index: int, what: tuple[Kind, str] | None, source: JsonObject) -> None:
        """``what``: the kind, and the member with the text; None: nothing that is read. A lost start is no harm."""
        text = _text(source, what[1]) if what else ""
        if not what or not text:
            return
        if index not in self._newest:
            self._begin(at_us, index, PlayedBlock(what[0], ""))
        self._told.append(Piece(at_us / 1000, self._newest[index], text))


def _played(block: JsonObject) -> PlayedBlock:
    kind = _text(block, "type")
    label = one_line(" ".join(filter(None, [kind.replace("_", " "), _text(block, "name")])), LABEL_CHARS)
    if kind.endswith("tool_use"):
        return PlayedBlock("input", label)
    return PlayedBlock(_STARTS[kind][0] if kind in _STARTS else "other", label)


def _cut(text: str, lengths: Iterable[int]) -> Iterator[str]:
    return (text[start:end] for start, end in pairwise(accumulate(lengths, initial=0)))


def _limited(pieces: Iterable[Piece]) -> tuple[tuple[Piece, ...], int]:
    """As many as fit, and how many characters the others have."""
    shown, hidden, room = list[Piece](), 0, MOST_CHARS
    for piece in pieces:
        room -= len(piece.text)
        if room < 0:
            hidden += len(piece.text)
        else:
            shown.append(piece)
    return tuple(shown), hidden


def _text(value: JsonObject, name: str) -> str:
    member = value.get(name)
    return member if isinstance(member, str) else ""
