"""What does a journal say of each exchange? A fold over its records, into facts that can be held against the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from ops.checking.journal_format import (
    BODY,
    CHUNK,
    END,
    FORWARDED,
    GAP,
    REQUEST,
    RESPONSE,
    TICK,
    Damage,
    End,
    Gap,
    Record,
    Request,
    Response,
    piece_of,
)
from ops.checking.spans import Spans

_SEGMENT_SHIFT = 40
Differs = Callable[[UUID, int, bytes], bool]
"""(request id, offset, bytes): did the client receive something else there?"""


def place(segment: int, offset: int) -> int:
    """One number for a place in a journal."""
    return segment << _SEGMENT_SHIFT | offset


@dataclass(slots=True)
class ExchangeFrames:
    """One exchange, as far as the journal on disk tells of it. ``…_at``: the place of the record."""

    journal: UUID
    first_at: int
    request: Request | None = None
    request_at: int = 0
    request_us: int = 0
    body: Spans = field(default_factory=Spans)
    forwarded: bool = False
    response: Response | None = None
    response_at: int = 0
    answer: Spans = field(default_factory=Spans)
    gaps: list[tuple[int, Gap]] = field(default_factory=list)
    end: End | None = None
    end_at: int = 0
    ends: set[tuple[int, bytes]] = field(default_factory=set)
    """Different ones: a copied record counts once."""
    differs_from_client: bool = False


@dataclass(slots=True)
class JournalFacts:
    """One journal, read once from front to back."""

    journal: UUID
    living: bool
    """Its writer lived when the reading began."""
    shipped_to: int
    """The store's cursor before the reading began."""
    differs: Differs = lambda *_: False
    exchanges: dict[UUID, ExchangeFrames] = field(default_factory=dict)
    frames: int = 0
    last_us: int = -1
    read_to: int = 0
    from_the_start: bool = False
    """Nothing of it was deleted yet."""
    lowest_segment: int | None = None
    damage: list[tuple[int, Damage]] = field(default_factory=list)
    """By segment; a torn end of a segment is none."""
    damaged_bytes: int = 0
    unreadable: list[tuple[UUID, int]] = field(default_factory=list)
    """Records whose checksum is right and whose content is not."""
    _is_settled: bool = False

    def feed(self, segment: int, base: int, record: Record) -> None:
        """``base``: where in the segment the bytes begin that the record's places count from."""
        at = place(segment, base + record.start)
        if at >= self.shipped_to:
            self.settle()
        self.frames += 1
        self.last_us = max(self.last_us, record.time_us)
        self.read_to = place(segment, base + record.end)
        if record.kind == TICK:
            return
        exchange = self.exchanges.get(record.exchange)
        if exchange is None:
            exchange = self.exchanges[record.exchange] = ExchangeFrames(self.journal, at)
        try:
            self._take(exchange, at, record)
        except msgspec.MsgspecError:
            self.unreadable.append((record.exchange, record.kind))

    def settle(self) -> None:
        """All that was read so far lies before the cursor."""
        if not self._is_settled:
            self._is_settled = True
            for exchange in self.exchanges.values():
                exchange.answer.settle()

    def _take(self, exchange: ExchangeFrames, at: int, record: Record) -> None:
        match record.kind:
            case kind if kind in {BODY, CHUNK}:
                self._piece(exchange, record)
            case kind if kind == REQUEST and exchange.request is None:
                exchange.request = msgspec.json.decode(record.payload, type=Request)
                exchange.request_at, exchange.request_us = at, record.time_us
            case kind if kind == RESPONSE and exchange.response is None:
                exchange.response = msgspec.json.decode(record.payload, type=Response)
                exchange.response_at = at
            case kind if kind == END:
                exchange.ends.add((record.time_us, record.payload))
                if exchange.end is None:
                    exchange.end, exchange.end_at = msgspec.json.decode(record.payload, type=End), at
            case kind if kind == GAP:
                exchange.gaps.append((at, msgspec.json.decode(record.payload, type=Gap)))
            case kind if kind == FORWARDED:
                exchange.forwarded = True

    def _piece(self, exchange: ExchangeFrames, record: Record) -> None:
        piece = piece_of(record.payload)
        if piece is None:
            self.unreadable.append((record.exchange, record.kind))
        elif record.kind == BODY:
            exchange.body.add(*piece)
        else:
            exchange.answer.add(*piece)
            exchange.differs_from_client |= self.differs(record.exchange, *piece)
