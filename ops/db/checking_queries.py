"""How does the checker read the tables? In one snapshot, page by page in the order of their keys, so memory stays flat.

Only rows as they are: what their bytes mean is opened by ``ops/checking/stored_format.py``, which shares nothing with
the writers.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from ops.db.borrowing import cut_off
from ops.db.pool import OwnConnection, open_connection

DEADLINE_S = 60.0
EVENTS_PAGE, CHUNKS_PAGE = 1000, 100
Row = asyncpg.Record
FIRST = UUID(int=0)

_EVENTS_PAGE = """
SELECT originator_id AS id, originator_version, topic, state, notification_id
FROM nexus_events
WHERE originator_id >= $1 AND (originator_id, originator_version) > ($1, $2)
ORDER BY originator_id, originator_version LIMIT $3
"""
_CHUNKS_PAGE = """
SELECT request_id AS id, "offset", codec, raw_length, data
FROM chunks
WHERE request_id >= $1 AND (request_id, "offset") > ($1, $2)
ORDER BY request_id, "offset" LIMIT $3
"""
_EVENTS_OF = """
SELECT event.originator_id AS id, event.originator_version, event.topic, event.state, event.notification_id
FROM (SELECT DISTINCT unnest($1::uuid[]) AS id ORDER BY id) AS wanted
CROSS JOIN LATERAL (
    SELECT * FROM nexus_events WHERE originator_id = wanted.id ORDER BY originator_version
) AS event
ORDER BY event.originator_id, event.originator_version
"""
_CHUNKS_OF = """
SELECT request_id AS id, "offset", codec, raw_length, data
FROM chunks WHERE request_id = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3
"""
_COUNT = "SELECT count(*) FROM nexus_events WHERE originator_id >= $1"
_CURSORS = 'SELECT journal_id, segment, "offset" FROM journals'
_OPEN = "SELECT journal_id, request_id FROM open_exchanges"
_SCOPES = "SELECT id, scope, key FROM scopes WHERE scope = ANY($1::text[])"
_PARTS = """
SELECT parts.key, parts.codec, parts.raw_length, parts.data
FROM (SELECT DISTINCT unnest($2::bytea[]) AS key) AS wanted
JOIN parts ON parts.scope_id = $1 AND parts.key = wanted.key
"""
_SAME_POSITIONS = """
SELECT position FROM (
    SELECT notification_id AS position, lag(notification_id) OVER (ORDER BY notification_id) AS before
    FROM nexus_events
) AS in_order
WHERE position = before LIMIT 100
"""
_AHEAD = """
SELECT application_name, notification_id, (SELECT max(notification_id) FROM nexus_events) AS newest
FROM nexus_tracking
WHERE application_name <> '__migration__'
AND notification_id > (SELECT coalesce(max(notification_id), 0) FROM nexus_events)
"""


class Snapshot:
    """The store at one moment."""

    def __init__(self, connection: OwnConnection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[OwnConnection]:
        """For who reads by statements of its own. Raises StoreUnavailableError, also after a page's deadline."""
        with cut_off(self._connection, DEADLINE_S):
            yield self._connection

    async def count(self, first: UUID) -> int:
        (row,) = await self._fetch(_COUNT, first)
        return int(row["count"])

    async def cursors(self) -> Sequence[Row]:
        return await self._fetch(_CURSORS)

    async def open_exchanges(self) -> Sequence[Row]:
        return await self._fetch(_OPEN)

    async def events(self, first: UUID) -> AsyncIterator[Row]:
        """By stream and version, from stream ``first`` on."""
        place = (first, 0)
        while rows := await self._fetch(_EVENTS_PAGE, *place, EVENTS_PAGE):
            for row in rows:
                yield row
            place = rows[-1]["id"], rows[-1]["originator_version"]

    async def chunks(self, first: UUID) -> AsyncIterator[Row]:
        """By exchange and offset, from exchange ``first`` on."""
        place = (first, -1)
        while rows := await self._fetch(_CHUNKS_PAGE, *place, CHUNKS_PAGE):
            for row in rows:
                yield row
            place = rows[-1]["id"], rows[-1]["offset"]

    async def events_of(self, ids: Collection[UUID]) -> AsyncIterator[Row]:
        for row in await self._fetch(_EVENTS_OF, list(ids)):
            yield row

    async def chunks_of(self, ids: Collection[UUID]) -> AsyncIterator[Row]:
        for one in sorted(ids):
            offset = -1
            while rows := await self._fetch(_CHUNKS_OF, one, offset, CHUNKS_PAGE):
                for row in rows:
                    yield row
                offset = rows[-1]["offset"]

    async def scopes(self, names: Collection[str]) -> Sequence[Row]:
        return await self._fetch(_SCOPES, list(names))

    async def parts(self, scope_id: int, keys: Collection[bytes]) -> Sequence[Row]:
        return await self._fetch(_PARTS, scope_id, list(keys))

    async def same_positions(self) -> Sequence[Row]:
        """Positions that more than one event has."""
        return await self._fetch(_SAME_POSITIONS)

    async def ahead(self) -> Sequence[Row]:
        """Projections whose checkpoint lies above the newest event."""
        return await self._fetch(_AHEAD)

    async def _fetch(self, query: str, *arguments: object) -> Sequence[Row]:
        with cut_off(self._connection, DEADLINE_S):
            return await self._connection.fetch(query, *arguments)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[OwnConnection]:
    """A connection for the checker alone. Raises SetupError or StoreUnavailableError."""
    connection = await open_connection(dsn, application_name="nexus-verify")
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def snapshot(connection: OwnConnection) -> AsyncIterator[Snapshot]:
    """Nothing moves in it, and nothing can be changed through it."""
    with cut_off(connection, DEADLINE_S):
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
    try:
        yield Snapshot(connection)
    finally:
        with cut_off(connection, DEADLINE_S):
            await transaction.rollback()


async def cursors_now(connection: OwnConnection) -> Sequence[Row]:
    """How far each journal is shipped at this moment."""
    return await Snapshot(connection).cursors()
