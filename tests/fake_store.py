"""An in-memory ShipStore that keeps the contract, and fails when it is told to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from domain.errors import AppendConflictError, StoreUnavailableError
from domain.ids import JournalId
from domain.parts import CutBody, put_together
from domain.ports import Batch, JournalCursor, JournalState, StreamTail
from schemas.stored.events import (
    TERMINAL,
    BodyReference,
    ChunkStreamed,
    ExchangeEvent,
    RecordingGap,
    RequestReceived,
    ResponseStarted,
)


@dataclass
class FakeStore:
    """Everything in dictionaries; one append at a time."""

    events: list[ExchangeEvent] = field(default_factory=list)
    chunks: dict[tuple[UUID, int], bytes] = field(default_factory=dict)
    parts: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    cursors: dict[JournalId, JournalCursor] = field(default_factory=dict)
    closed: list[JournalId] = field(default_factory=list)
    fail_before: list[bool] = field(default_factory=list)
    """For each coming append, whether it fails before anything is written."""
    fail_after: list[bool] = field(default_factory=list)
    """For each coming append, whether its answer is lost after it was committed."""
    appends: int = 0

    def stream(self, request_id: UUID) -> list[ExchangeEvent]:
        return [event for event in self.events if event.originator_id == request_id]

    def answer(self, request_id: UUID) -> bytes:
        runs = sorted((offset, data) for (one, offset), data in self.chunks.items() if one == request_id)
        return b"".join(data for _, data in runs)

    def body(self, scope: str, reference: BodyReference) -> bytes:
        return put_together(reference, _key(scope), lambda key: self.parts[scope, key])

    async def open_journal(self, journal: JournalId) -> JournalState:
        mine = {e.originator_id for e in self.events if isinstance(e, RequestReceived) and e.journal_id == journal}
        mine |= {e.originator_id for e in self.events if e.originator_version == 1 and isinstance(e, RecordingGap)}
        ended = {e.originator_id for e in self.events if isinstance(e, TERMINAL)}
        start = JournalCursor(journal, 1, 0)
        return JournalState(self.cursors.setdefault(journal, start), frozenset(mine - ended))

    async def tails(self, request_ids: Collection[UUID]) -> Mapping[UUID, StreamTail]:
        return {one: tail_of(stream, self.answer(one)) for one in request_ids if (stream := self.stream(one))}

    async def scope_key(self, scope: str) -> bytes:
        return _key(scope)

    async def append(self, batch: Batch) -> None:
        self.appends += 1
        if self.fail_before and self.fail_before.pop(0):
            raise StoreUnavailableError("before")
        if self.cursors[batch.before.journal] != batch.before:
            raise AppendConflictError("cursor")
        taken = {(event.originator_id, event.originator_version) for event in self.events}
        new = [(event.originator_id, event.originator_version) for event in batch.events]
        if len(set(new)) < len(new) or taken & set(new):
            raise AppendConflictError("version")
        self.events += batch.events
        for run in batch.runs:
            assert (run.request_id, run.offset) not in self.chunks
            self.chunks[run.request_id, run.offset] = run.data
        for body in batch.bodies:
            self._keep(body.scope, body.body)
        self.cursors[batch.after.journal] = batch.after
        if self.fail_after and self.fail_after.pop(0):
            raise StoreUnavailableError("after")

    async def close_journal(self, journal: JournalId) -> None:
        self.cursors.pop(journal, None)
        self.closed.append(journal)

    def _keep(self, scope: str, body: CutBody) -> None:
        self.parts.update({(scope, part.key): part.data for part in body.parts.values()})


def _key(scope: str) -> bytes:
    return scope.encode().ljust(32, b"-")[:32]


def tail_of(stream: list[ExchangeEvent], answer: bytes) -> StreamTail:
    gaps = tuple(event for event in stream if isinstance(event, RecordingGap))
    ends = [event.offset + sum(event.lengths) for event in stream if isinstance(event, ChunkStreamed)]
    ends += [gap.offset + gap.byte_count for gap in gaps if gap.part == "response"]
    return StreamTail(
        version=stream[-1].originator_version,
        newest_at=max(event.timestamp for event in stream),
        request=next((event for event in stream if isinstance(event, RequestReceived)), None),
        started=any(isinstance(event, ResponseStarted) for event in stream),
        ended=isinstance(stream[-1], TERMINAL),
        streamed=max(ends, default=0),
        gaps=gaps,
        answer=answer,
    )
