"""Which events do the frames of one exchange make? A fold, pure.

A run of chunks closes at 64 KiB, when a record's time is 500 ms after its first chunk, at a hole, or at the end. Only
record times decide, so reading the same frames again makes the same events. Pieces say their offset: a damaged or
missing frame shows as a hole and becomes a RecordingGap. What the store already has (``StreamTail``) is passed over.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypedDict
from uuid import UUID

import msgspec

from domain.ids import JournalId
from domain.parts import CutBody
from domain.ports import ChunkRun, StreamTail
from gateway.frames import Frame, decode_piece
from gateway.records import EndRecord, ForwardedRecord, GapRecord, HeaderLine, RequestRecord, ResponseRecord
from schemas.stored.events import (
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RecordingGap,
    RequestReceived,
    ResponseAborted,
    ResponseCompleted,
    ResponseStarted,
)

RUN_BYTES = 64 * 1024
RUN_US = 500_000
_HEADERS_REMEMBERED = 2_000
_HEAD_LOST = GapRecord("response", "the head of the answer is lost", 0, 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A RequestReceived that still lacks its scope and its cut body."""

    request_id: UUID
    version: int
    record: RequestRecord
    journal: JournalId
    journal_us: int
    body: bytes | None
    """None: there was none, or it was not kept whole."""
    deferred: bool

    @property
    def headers(self) -> tuple[HeaderFact, ...]:
        return header_facts(self.record.headers)

    def event(self, scope: str, account: str | None, cut: CutBody | None) -> RequestReceived:
        """``account``: the one the client names, if its key has none."""
        return RequestReceived(
            originator_id=self.request_id,
            originator_version=self.version,
            timestamp=time_of(self.record.wall_ns),
            journal_id=self.journal,
            journal_us=self.journal_us,
            mode=self.record.mode,
            method=self.record.method,
            target=self.record.target,
            headers=self.headers,
            client_domain=self.record.client_domain,
            scope=scope,
            key_id=self.record.key_id,
            account=self.record.account or account,
            byte_count=self.record.byte_count,
            body=cut.reference if cut else None,
            deferred=self.deferred,
        )


Draft = RequestDraft | ExchangeEvent


@dataclass(slots=True)
class Made:
    """What a fold has made: events in order, and the bytes that go with them."""

    drafts: list[Draft] = field(default_factory=list)
    runs: list[ChunkRun] = field(default_factory=list)
    size: int = 0
    """Bytes of payload."""

    def take(self) -> "Made":
        """What is here; nothing is left."""
        taken = Made(self.drafts, self.runs, self.size)
        self.drafts, self.runs, self.size = [], [], 0
        return taken


@dataclass(slots=True)
class _Run:
    position: int
    """Of the first chunk's frame in the journal."""
    offset: int
    first_us: int
    pieces: list[bytes] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    size: int = 0


class _Place(TypedDict):
    originator_id: UUID
    originator_version: int
    timestamp: datetime


class ExchangeFold:
    """One exchange: frames in, events out into ``made``."""

    def __init__(self, request_id: UUID, journal: JournalId, first_us: int, started_ns: int, made: Made) -> None:
        self._id, self._journal = request_id, journal
        self._made = made
        self._version = 0
        self._received_us = first_us
        self._received_at = time_of(started_ns) + timedelta(microseconds=first_us)
        self._request: RequestRecord | None = None
        self._request_position = 0
        self._body = bytearray()
        self._announced = self._started = False
        self.ended = False
        self._run: _Run | None = None
        self._streamed = 0
        self._sha256 = hashlib.sha256()
        self._told_gaps: set[GapRecord] = set()
        """Gaps that are events already: a record may come again, from the store's past or a copied segment."""
        self._early_gaps: list[GapRecord] = []
        """Gaps of the request that wait for RequestReceived."""
        self._last_us = first_us
        """The last sign of life, on the journal's clock."""

    def resume(self, tail: StreamTail) -> None:
        """Go on from what the store has."""
        self._version = tail.version
        self._announced, self._started, self.ended = tail.version > 0, tail.started, tail.ended
        if tail.request is not None:
            self._received_at, self._received_us = tail.request.timestamp, tail.request.journal_us
        self._last_us = self._received_us + (tail.newest_at - self._received_at) // timedelta(microseconds=1)
        self._streamed = tail.streamed
        self._told_gaps = {GapRecord(gap.part, gap.reason, gap.offset, gap.byte_count) for gap in tail.gaps}
        self._sha256.update(tail.answer)

    @property
    def pending_since(self) -> int | None:
        """Position of the oldest frame that is not in an event yet."""
        if self._request is not None:
            return self._request_position
        return self._run.position if self._run is not None else None

    def request(self, position: int, frame: Frame) -> None:
        if self._announced:
            return
        record = msgspec.json.decode(frame.payload, type=RequestRecord)
        self._request, self._request_position = record, position
        self._received_us, self._received_at = frame.time_us, time_of(record.wall_ns)

    def request_body(self, frame: Frame) -> None:
        offset, data = decode_piece(frame.payload)
        if not self._announced and offset == len(self._body):
            self._body += data

    def forwarded(self, frame: Frame) -> None:
        self._announce(deferred=msgspec.json.decode(frame.payload, type=ForwardedRecord).deferred)

    def response(self, frame: Frame) -> None:
        self._announce()
        if self._started:
            return
        record = msgspec.json.decode(frame.payload, type=ResponseRecord)
        self._started = True
        self._make(
            ResponseStarted(
                **self._place(frame.time_us),
                origin=record.origin,
                status=record.status,
                headers=header_facts(record.headers),
                upstream_request_id=record.upstream_request_id,
                elapsed_us=self._elapsed(frame.time_us),
            )
        )

    def chunk(self, position: int, frame: Frame) -> None:
        offset, data = decode_piece(frame.payload)
        new = data[max(0, self._streamed - offset) :]
        if not new:
            return  # stored already
        self._announce()
        self._miss_head(frame.time_us)
        if self._run is not None and self._must_close(self._run, offset, len(new), frame.time_us):
            self._close_run()
        self._hole(offset, frame.time_us)
        run = self._run = self._run or _Run(position, self._streamed, frame.time_us)
        run.pieces.append(new)
        run.arrivals.append(self._elapsed(frame.time_us))
        run.size += len(new)
        self._streamed += len(new)
        if run.size >= RUN_BYTES:
            self._close_run()

    def _must_close(self, run: _Run, offset: int, size: int, time_us: int) -> bool:
        return run.size + size > RUN_BYTES or time_us - run.first_us >= RUN_US or offset > self._streamed

    def tick(self, time_us: int) -> None:
        self._last_us = time_us
        if self._run is not None and time_us - self._run.first_us >= RUN_US:
            self._close_run()

    def gap(self, frame: Frame) -> None:
        record = msgspec.json.decode(frame.payload, type=GapRecord)
        if self._request is not None and record.part == "request":
            self._early_gaps.append(record)
            return
        if record.part == "response":
            self._hole(record.offset, frame.time_us)
        self.lost(record, frame.time_us)

    def lost(self, record: GapRecord, time_us: int) -> None:
        """Bytes or facts that are not in the journal."""
        self._announce()
        self._close_run()
        if record.part == "response":
            self._streamed = max(self._streamed, record.offset + record.byte_count)
        if record in self._told_gaps:
            return
        self._told_gaps.add(record)
        self._make(
            RecordingGap(
                **self._place(time_us),
                part=record.part,
                reason=record.reason,
                offset=record.offset,
                byte_count=record.byte_count,
            )
        )

    def end(self, frame: Frame) -> None:
        record = msgspec.json.decode(frame.payload, type=EndRecord)
        self._announce()
        self._close_run()
        if record.outcome == "completed":
            self._miss_head(frame.time_us)
        self._hole(record.received, frame.time_us)
        place, elapsed = self._place(frame.time_us), self._elapsed(frame.time_us)
        if record.outcome == "completed":
            digest = self._sha256.hexdigest()
            self._finish(ResponseCompleted(**place, byte_count=self._streamed, sha256=digest, elapsed_us=elapsed))
            return
        self._finish(
            ResponseAborted(
                **place,
                ended_by=record.outcome,
                detail=record.detail,
                byte_count=self._streamed,
                delivered=record.delivered,
                elapsed_us=elapsed,
            )
        )

    def crash(self) -> None:
        """The journal ends here: the gateway died."""
        self._announce()
        self._close_run()
        place = self._place(self._last_us)
        self._finish(
            ResponseAborted(
                **place, ended_by="gateway_crash", byte_count=self._streamed, delivered=None, elapsed_us=None
            )
        )

    def _announce(self, *, deferred: bool = False) -> None:
        """Make RequestReceived, once."""
        if self._announced:
            return
        self._announced = True
        record, self._request = self._request, None
        if record is None:
            self.lost(GapRecord("request", "the request's record is lost", 0, 0), self._received_us)
            return
        body, self._body = bytes(self._body), bytearray()
        missing = record.byte_count - len(body)
        self._made.size += len(body)
        self._version += 1
        self._made.drafts.append(
            RequestDraft(
                request_id=self._id,
                version=self._version,
                record=record,
                journal=self._journal,
                journal_us=self._received_us,
                body=body if body and not missing else None,
                deferred=deferred,
            )
        )
        if missing and not self._early_gaps:
            self._early_gaps.append(GapRecord("request", "pieces of the body are lost", len(body), missing))
        for gap in self._early_gaps:
            self.lost(gap, self._received_us)

    def _hole(self, until: int, time_us: int) -> None:
        """Bytes of the answer before ``until`` that no frame brought."""
        missing = until - self._streamed
        if missing > 0:
            self.lost(GapRecord("response", "frames are lost", self._streamed, missing), time_us)

    def _miss_head(self, time_us: int) -> None:
        """An answer has a head; it may still come, copied to a later segment."""
        if not self._started and _HEAD_LOST not in self._told_gaps:
            self.lost(_HEAD_LOST, time_us)

    def _close_run(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        data = b"".join(run.pieces)
        self._sha256.update(data)
        self._made.runs.append(ChunkRun(self._id, run.offset, data))
        self._made.size += run.size
        self._make(
            ChunkStreamed(
                **self._place(run.first_us),
                offset=run.offset,
                lengths=tuple(len(piece) for piece in run.pieces),
                arrivals_us=tuple(run.arrivals),
            )
        )

    def _finish(self, event: ResponseCompleted | ResponseAborted) -> None:
        self._make(event)
        self.ended = True

    def _make(self, event: ExchangeEvent) -> None:
        self._version = event.originator_version
        self._made.drafts.append(event)

    def _place(self, time_us: int) -> _Place:
        self._last_us = max(self._last_us, time_us)
        at = self._received_at + timedelta(microseconds=self._elapsed(time_us))
        return {"originator_id": self._id, "originator_version": self._version + 1, "timestamp": at}

    def _elapsed(self, time_us: int) -> int:
        return max(0, time_us - self._received_us)


def header_facts(lines: tuple[HeaderLine, ...]) -> tuple[HeaderFact, ...]:
    return tuple(map(_header_fact, lines))


@lru_cache(_HEADERS_REMEMBERED)
def _header_fact(line: HeaderLine) -> HeaderFact:
    """A client sends the same lines with every request."""
    return HeaderFact(name=line.name, value=line.value, length=line.length, fingerprint=line.fingerprint)


def time_of(wall_ns: int) -> datetime:
    """UTC, whole microseconds."""
    return _EPOCH + timedelta(microseconds=wall_ns // 1000)
