"""Batches for tests that append: events of invented exchanges, and a journal whose cursor moves on by itself."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from domain.ids import JournalId, RequestIds
from domain.parts import CutBody
from domain.ports import Batch, ChunkRun, JournalCursor, ScopedBody, ShipStore
from schemas.stored.events import (
    BodyReference,
    ChunkStreamed,
    ExchangeEvent,
    HeaderFact,
    RequestReceived,
    ResponseCompleted,
)

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
_AT_MS = int(AT.timestamp() * 1000)
_ids = RequestIds()
_numbers = itertools.count(1)


def new_request_id() -> UUID:
    """Ids of November 2026, growing."""
    return _ids.new(_AT_MS, next(_numbers))


def new_journal_id() -> JournalId:
    return JournalId(new_request_id())


def received(
    request_id: UUID, *, scope: str = "tenant", body: BodyReference | None = None, target: str = "/v1/messages"
) -> RequestReceived:
    return RequestReceived(
        originator_id=request_id,
        originator_version=1,
        timestamp=AT,
        journal_id=UUID(int=7),
        journal_us=0,
        mode="pass_through",
        method="POST",
        target=target,
        headers=(HeaderFact(name="User-Agent", value="test"),),
        client_domain="localhost",
        scope=scope,
        byte_count=0,
        body=body,
    )


def streamed(request_id: UUID, version: int, offset: int, data: bytes) -> tuple[ChunkStreamed, ChunkRun]:
    """A run with its bytes."""
    event = ChunkStreamed(
        originator_id=request_id,
        originator_version=version,
        timestamp=AT,
        offset=offset,
        lengths=(len(data),),
        arrivals_us=(version,),
    )
    return event, ChunkRun(request_id, offset, data)


def completed(request_id: UUID, version: int) -> ResponseCompleted:
    return ResponseCompleted(
        originator_id=request_id,
        originator_version=version,
        timestamp=AT,
        byte_count=0,
        sha256="0" * 64,
        elapsed_us=1,
    )


def exchange(length: int = 3) -> list[ExchangeEvent]:
    """An exchange of ``length`` events, without payload."""
    request_id = new_request_id()
    runs = [streamed(request_id, version, version, b"x")[0] for version in range(2, length)]
    return [received(request_id), *runs, completed(request_id, length)]


@dataclass
class TestJournal:
    """A journal that is shipped batch by batch."""

    __test__ = False
    cursor: JournalCursor
    step: int = field(default=10)

    @classmethod
    async def opened(cls, store: ShipStore) -> "TestJournal":
        return cls((await store.open_journal(new_journal_id())).cursor)

    def batch(
        self,
        events: Sequence[ExchangeEvent] = (),
        bodies: Sequence[tuple[str, CutBody]] = (),
        runs: Sequence[ChunkRun] = (),
    ) -> Batch:
        """What comes next in this journal; it does not move the cursor."""
        after = JournalCursor(self.cursor.journal, self.cursor.segment, self.cursor.offset + self.step)
        return Batch(events, [ScopedBody(scope, body) for scope, body in bodies], runs, self.cursor, after)

    async def ship(
        self,
        store: ShipStore,
        events: Sequence[ExchangeEvent] = (),
        bodies: Sequence[tuple[str, CutBody]] = (),
        runs: Sequence[ChunkRun] = (),
    ) -> None:
        batch = self.batch(events, bodies, runs)
        await store.append(batch)
        self.cursor = batch.after
