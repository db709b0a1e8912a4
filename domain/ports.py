"""What does the shell supply? Protocols between the services and the world; ``ops`` has the implementations.

No port method may be awaited on the gateway's request path.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.ids import JournalId, Position
from domain.parts import CutBody
from schemas.stored.events import BodyReference, ExchangeEvent, RecordingGap, RequestReceived


class Clock(Protocol):
    """The wall clock."""

    def __call__(self) -> datetime:
        """Now, aware, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class JournalCursor:
    """How far a journal is shipped: everything before ``offset`` of segment ``segment``."""

    journal: JournalId
    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """What the store knows of a journal."""

    cursor: JournalCursor
    open: frozenset[UUID]
    """Exchanges that this journal has begun and not ended: a first event is stored, no terminal one."""


@dataclass(frozen=True, slots=True)
class ScopedBody:
    """A request body, cut, in its tenant's scope."""

    scope: str
    body: CutBody


@dataclass(frozen=True, slots=True)
class ChunkRun:
    """The bytes of one ChunkStreamed event."""

    request_id: UUID
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of the shipper writes: payload, events and the journal's cursor."""

    events: Sequence[ExchangeEvent]
    bodies: Sequence[ScopedBody]
    runs: Sequence[ChunkRun]
    before: JournalCursor
    """Where the cursor must stand now; AppendConflictError if it does not."""
    after: JournalCursor


@dataclass(frozen=True, slots=True)
class StreamTail:
    """What the store already has of one exchange that a journal still mentions."""

    version: int
    """Newest version; 0: nothing."""
    newest_at: datetime
    """Timestamp of the newest event."""
    request: RequestReceived | None
    started: bool
    """ResponseStarted is there."""
    ended: bool
    """The terminal event is there."""
    streamed: int
    """Offset behind the last byte of the answer that a ChunkStreamed or a RecordingGap tells of."""
    gaps: tuple[RecordingGap, ...]
    answer: bytes
    """The recorded bytes of the answer."""


class ShipStore(Protocol):
    """Where the shipper puts what it ships."""

    async def open_journal(self, journal: JournalId) -> JournalState:
        """How far it is shipped; a new journal starts at segment 1, offset 0, with nothing open."""
        ...

    async def tails(self, request_ids: Collection[UUID]) -> Mapping[UUID, StreamTail]:
        """What is stored of these exchanges; unknown ones are left out."""
        ...

    async def scope_key(self, scope: str) -> bytes:
        """The scope's HMAC key, 32 bytes; made and kept when the scope is new."""
        ...

    async def append(self, batch: Batch) -> None:
        """All or nothing. Raises AppendConflictError or StoreUnavailableError."""
        ...

    async def close_journal(self, journal: JournalId) -> None:
        """Forget the cursor: the journal is shipped and deleted."""
        ...


class AggregateFact(Protocol):
    """An event of one of the low-rate aggregates (eventsourcing.domain)."""

    @property
    def originator_id(self) -> UUID: ...

    @property
    def originator_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """Stands for an event whose stored bytes are damaged: of its stream nothing certain can be said."""

    originator_id: UUID
    originator_version: int
    topic: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the store."""

    position: Position
    event: ExchangeEvent | AggregateFact


class Payloads(Protocol):
    """Reads payload tables. Raises PayloadMissingError where payload was erased, expired or never kept."""

    async def scoped_parts(self, wanted: Collection[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], bytes]:
        """Stored bytes by scope and key; missing ones are left out."""
        ...

    async def scope_key(self, scope: str) -> bytes: ...

    async def body(self, scope: str, reference: BodyReference) -> bytes:
        """A request body, checked against its digest."""
        ...

    async def answers(self, request_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        """The recorded bytes of these answers, as far as they are stored; no entry where there are none."""
        ...


class EventLog(Protocol):
    """Reads the event store in order of position."""

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        """At most ``limit`` events above ``after``; only ``topics`` if given."""
        ...

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        """All events of one stream, by version."""
        ...

    async def streams(
        self, originator_ids: Collection[UUID], upto: Position, topics: Sequence[str]
    ) -> Mapping[UUID, Sequence[Recorded]]:
        """The events of these streams with these topics, by version, none above ``upto``."""
        ...

    async def newest(self) -> Position:
        """Position of the newest event; 0: the store is empty."""
        ...

    def wakeups(self) -> AsyncIterator[None]:
        """Yields when there may be something new: after a notification, and at least every second."""
        ...
