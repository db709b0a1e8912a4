"""How is a batch of the shipper appended? Payload, events and the journal's cursor, in one transaction.

The order matters:

1. parts, sorted by key. They may wait for another shipper's transaction, so they come before the append lock: nobody
   who holds it waits for a row.
2. chunk runs. No two journals share them.
3. the append lock, until commit. From here on positions are drawn; they become visible in this order.
4. the events and their seal (``ops.db.seals``), one statement.
5. the journal's cursor, which must stand where the shipper thinks it stands. So a batch counts once, however often it
   is sent.

Readers are told after the commit, never inside it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg
from eventsourcing.persistence import StoredEvent

from domain.errors import AppendConflictError, UnknownEventError
from domain.ids import JournalId
from domain.ports import Batch, ChunkRun, JournalCursor, JournalState, StreamTail
from ops.db.borrowing import borrowed
from ops.db.codec import EventCodec
from ops.db.compression import pack
from ops.db.locks import APPEND_LOCK, TAKE_LOCK
from ops.db.part_writer import ScopedCut, insert_parts
from ops.db.payloads import SELECT_ANSWERS, answers_of
from ops.db.pool import Connection, Pool
from ops.db.scopes import Scopes
from ops.db.sealing import INSERT_SEALED_EVENTS
from ops.db.seals import contents_of
from ops.db.tails import tail_of
from schemas.stored.events import TERMINAL, ExchangeEvent

DEADLINE_S = 5.0
"""Longer without an end, and the connection is cut."""
SLOWEST_BYTES_PER_S = 2 * 1024 * 1024
"""A batch with large bodies gets more time, or a slow disk would never take it."""

_INSERT_CHUNKS = """
INSERT INTO chunks (request_id, "offset", codec, raw_length, data)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::integer[], $5::bytea[])
"""
_MOVE_CURSOR = """
UPDATE journals SET segment = $4, "offset" = $5, updated_at = now()
WHERE journal_id = $1 AND segment = $2 AND "offset" = $3
RETURNING journal_id
"""
_OPEN_JOURNAL = 'INSERT INTO journals (journal_id, segment, "offset") VALUES ($1, 1, 0) ON CONFLICT DO NOTHING'
_SELECT_CURSOR = 'SELECT segment, "offset" FROM journals WHERE journal_id = $1'
_CLOSE_JOURNAL = "DELETE FROM journals WHERE journal_id = $1"
_SELECT_OPEN = "SELECT request_id FROM open_exchanges WHERE journal_id = $1"
_INSERT_OPEN = "INSERT INTO open_exchanges (journal_id, request_id) SELECT $1, unnest($2::uuid[])"
_DELETE_OPEN = "DELETE FROM open_exchanges WHERE journal_id = $1 AND request_id = ANY($2)"
_CLOSE_OPEN = "DELETE FROM open_exchanges WHERE journal_id = $1"
_SELECT_STREAMS = """
SELECT event.originator_id, event.originator_version, event.topic, event.state
FROM (SELECT DISTINCT unnest($1::uuid[]) AS id) AS wanted
CROSS JOIN LATERAL (
    SELECT * FROM nexus_events WHERE originator_id = wanted.id ORDER BY originator_version
) AS event
"""


@dataclass(frozen=True, slots=True)
class _Rows:
    """A batch as rows, made before a connection is taken."""

    bodies: list[ScopedCut]
    runs: list[ChunkRun]
    events: list[StoredEvent]
    begun: list[UUID]
    """Exchanges that this batch begins and does not end."""
    ended: list[UUID]
    before: JournalCursor
    after: JournalCursor

    @property
    def size(self) -> int:
        parts = (part for _, body in self.bodies for part in body.parts.values())
        return sum(len(part.data) for part in parts) + sum(len(run.data) for run in self.runs)


class PostgresShipStore:
    """``ShipStore`` on PostgreSQL. One shipper's calls come one after the other; any number of shippers may write."""

    def __init__(
        self,
        pool: Pool,
        *,
        announce: Callable[[], None],
        random_bytes: Callable[[int], bytes],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """``announce`` is called after every commit that brought events (``ops.db.notifications``)."""
        self._pool = pool
        self._announce = announce
        self._random_bytes = random_bytes
        self._deadline_s = deadline_s
        self._codec = EventCodec()
        self._scopes = Scopes(pool, deadline_s)

    async def open_journal(self, journal: JournalId) -> JournalState:
        """How far it is shipped, and which exchanges it has begun and not ended."""
        async with borrowed(self._pool, self._deadline_s) as connection, connection.transaction():
            await connection.execute(_OPEN_JOURNAL, journal)
            row = await connection.fetchrow(_SELECT_CURSOR, journal)
            open_rows = await connection.fetch(_SELECT_OPEN, journal)
        assert row is not None
        cursor = JournalCursor(journal, row["segment"], row["offset"])
        return JournalState(cursor, frozenset(row["request_id"] for row in open_rows))

    async def close_journal(self, journal: JournalId) -> None:
        """Forget the journal."""
        async with borrowed(self._pool, self._deadline_s) as connection, connection.transaction():
            await connection.execute(_CLOSE_OPEN, journal)
            await connection.execute(_CLOSE_JOURNAL, journal)

    async def scope_key(self, scope: str) -> bytes:
        """The scope's HMAC key; made and kept when the scope is new."""
        return (await self._scopes.find_or_make(scope, self._random_bytes)).key

    async def tails(self, request_ids: Collection[UUID]) -> Mapping[UUID, StreamTail]:
        """What is stored of these exchanges; an answer is shorter than promised if its payload was erased since."""
        wanted = list(request_ids)
        async with borrowed(self._pool, self._deadline_s) as connection:
            rows = await connection.fetch(_SELECT_STREAMS, wanted)
            answers = answers_of(await connection.fetch(SELECT_ANSWERS, wanted))
        streams, versions = defaultdict[UUID, list[ExchangeEvent]](list), dict[UUID, int]()
        for row in rows:
            versions[row["originator_id"]] = row["originator_version"]
            with suppress(UnknownEventError):  # a newer Nexus wrote it: skipped, but its version is taken
                event = self._codec.to_domain_event(StoredEvent(**row))
                if isinstance(event, ExchangeEvent):
                    streams[event.originator_id].append(event)
        return {
            one: replace(tail_of(stream, answers.get(one, b"")), version=versions[one])
            for one, stream in streams.items()
        }

    async def append(self, batch: Batch) -> None:
        """All or nothing. Raises AppendConflictError or StoreUnavailableError."""
        rows = await self._rows(batch)
        deadline_s = self._deadline_s + rows.size / SLOWEST_BYTES_PER_S
        try:
            async with (
                borrowed(self._pool, deadline_s) as connection,
                connection.transaction(isolation="read_committed"),
            ):
                await _append(connection, rows)
        except asyncpg.UniqueViolationError as error:
            raise AppendConflictError(f"Already in the store: {error.detail or error}") from error
        if rows.events:
            self._announce()

    async def _rows(self, batch: Batch) -> _Rows:
        ended = {event.originator_id for event in batch.events if isinstance(event, TERMINAL)}
        begun = {event.originator_id for event in batch.events if event.originator_version == 1}
        scopes = {body.scope: await self._scopes.find_or_make(body.scope, self._random_bytes) for body in batch.bodies}
        return _Rows(
            bodies=[(scopes[body.scope].id, body.body) for body in batch.bodies],
            runs=sorted(batch.runs, key=lambda run: (run.request_id, run.offset)),
            events=[self._codec.to_stored_event(event) for event in batch.events],
            begun=sorted(begun - ended),
            ended=sorted(ended - begun),
            before=batch.before,
            after=batch.after,
        )


async def _append(connection: Connection, rows: _Rows) -> None:
    await insert_parts(connection, rows.bodies)
    await _insert_chunks(connection, rows.runs)
    if rows.events:
        await connection.execute(TAKE_LOCK, APPEND_LOCK)
        await _insert_events(connection, rows.events)
    await _note_open(connection, rows)
    await _move_cursor(connection, rows.before, rows.after)


async def _insert_chunks(connection: Connection, runs: Sequence[ChunkRun]) -> None:
    if not runs:
        return
    packed = [pack(run.data) for run in runs]
    await connection.execute(
        _INSERT_CHUNKS,
        [run.request_id for run in runs],
        [run.offset for run in runs],
        [int(codec) for codec, _ in packed],
        [len(run.data) for run in runs],
        [data for _, data in packed],
    )


async def _insert_events(connection: Connection, events: Sequence[StoredEvent]) -> None:
    rows = [(event.originator_id, event.originator_version, event.topic, event.state) for event in events]
    columns = [list(column) for column in zip(*rows, strict=True)]
    contents = contents_of(events)
    await connection.execute(INSERT_SEALED_EVENTS, *columns, contents.marks, contents.digest)


async def _note_open(connection: Connection, rows: _Rows) -> None:
    if rows.begun:
        await connection.execute(_INSERT_OPEN, rows.before.journal, rows.begun)
    if rows.ended:
        await connection.execute(_DELETE_OPEN, rows.before.journal, rows.ended)


async def _move_cursor(connection: Connection, before: JournalCursor, after: JournalCursor) -> None:
    moved = await connection.fetchval(
        _MOVE_CURSOR, before.journal, before.segment, before.offset, after.segment, after.offset
    )
    if moved is None:
        raise AppendConflictError("The journal was shipped further by somebody else; read its cursor again.")
