"""Which events do a journal's frames make? Routes the frames of many exchanges to their folds, pure.

``cursor`` is the start of the oldest frame that is not yet in an event. A shipper that starts again reads from there
and tells the folds what the store already has (``resume``).
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from domain.errors import BrokenFrameError
from domain.ids import JournalId
from domain.ports import StreamTail
from gateway.exchange_fold import ExchangeFold, Made
from gateway.frames import Frame, Kind
from gateway.records import GapRecord

_REMEMBERED = 100_000
"""Ended exchanges that are still told apart from new ones."""


class Batcher:
    """The fold over one journal. Positions only grow from segment to segment."""

    def __init__(self, journal: JournalId, started_ns: int) -> None:
        """``started_ns``: wall clock at time 0 of the journal's frames."""
        self._journal, self._started_ns = journal, started_ns
        self._open: dict[UUID, ExchangeFold] = {}
        self._ended: OrderedDict[UUID, None] = OrderedDict()
        self._made = Made()

    def unknown(self, request_ids: Iterable[UUID]) -> set[UUID]:
        """Which of these the fold has never met."""
        return {one for one in request_ids if one not in self._open and one not in self._ended}

    def resume(self, tails: Mapping[UUID, StreamTail]) -> None:
        """Tell what the store has of exchanges whose frames may come again."""
        for request_id, tail in tails.items():
            fold = self._fold(request_id, 0)
            fold.resume(tail)
            self._drop_if_ended(request_id, fold)

    def feed(self, position: int, frame: Frame) -> None:
        """``position``: of the frame's first byte in the journal."""
        if frame.kind is Kind.TICK:
            for fold in self._open.values():
                fold.tick(frame.time_us)
            return
        if frame.exchange in self._ended:
            return
        fold = self._fold(frame.exchange, frame.time_us)
        try:
            _dispatch(fold, position, frame)
        except (msgspec.MsgspecError, BrokenFrameError):
            fold.lost(GapRecord("response", f"unreadable record {frame.kind.name}", 0, 0), frame.time_us)
        self._drop_if_ended(frame.exchange, fold)

    def close(self) -> None:
        """The journal will not grow: what is open was cut by the gateway's death."""
        for request_id, fold in list(self._open.items()):
            fold.crash()
            self._drop_if_ended(request_id, fold)

    def cursor(self, read_to: int) -> int:
        """Position to read from after a restart; ``read_to`` if every frame is in an event."""
        pending = (fold.pending_since for fold in self._open.values())
        return min((at for at in pending if at is not None), default=read_to)

    def is_full(self, max_events: int, max_bytes: int) -> bool:
        """Is what was made enough for a batch of its own?"""
        return len(self._made.drafts) >= max_events or self._made.size >= max_bytes

    def take(self) -> Made:
        """What was made since the last call."""
        return self._made.take()

    def _fold(self, request_id: UUID, first_us: int) -> ExchangeFold:
        fold = self._open.get(request_id)
        if fold is None:
            fold = ExchangeFold(request_id, self._journal, first_us, self._started_ns, self._made)
            self._open[request_id] = fold
        return fold

    def _drop_if_ended(self, request_id: UUID, fold: ExchangeFold) -> None:
        if not fold.ended:
            return
        del self._open[request_id]
        self._ended[request_id] = None
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)


def _dispatch(fold: ExchangeFold, position: int, frame: Frame) -> None:
    match frame.kind:
        case Kind.REQUEST:
            fold.request(position, frame)
        case Kind.REQUEST_BODY:
            fold.request_body(frame)
        case Kind.FORWARDED:
            fold.forwarded(frame)
        case Kind.RESPONSE:
            fold.response(frame)
        case Kind.CHUNK:
            fold.chunk(position, frame)
        case Kind.END:
            fold.end(frame)
        case _:
            fold.gap(frame)
