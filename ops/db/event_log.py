"""How is the event store read in order of position?

Works on a read replica too. Events of a topic or version that this Nexus has no class for, written by a newer one,
are given as ``UnknownEvent``, so that readers skip them and keep their position.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import asyncpg
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from domain.errors import UnknownEventError
from domain.ids import Position
from domain.ports import AggregateFact, Recorded, UnreadableEvent
from ops.db.borrowing import borrowed
from ops.db.codec import EventCodec
from ops.db.notifications import POLL_S, wakeups
from ops.db.pool import Pool
from schemas.stored.events import EXCHANGE_EVENTS, ExchangeEvent

DEADLINE_S = 30.0
_EVENTS_REMEMBERED = 5_000
_LARGE_BYTES = 4096
_EXCHANGE_TOPICS = frozenset(event.TOPIC for event in EXCHANGE_EVENTS)

# Positions are scattered over all partitions, so to read on means to look into each of them. But the seals of what lies
# ahead say between which streams it is: where there are few of them, and they cover every position, only the partitions
# in between are touched. The upper bound takes nothing away; it tells the planner that this index is the right one.
_AHEAD = """
WITH ahead AS MATERIALIZED (
    SELECT first_position, last_position, lowest, highest FROM event_seals
    WHERE last_position > $1::bigint ORDER BY last_position LIMIT 100
), covered AS MATERIALIZED (
    SELECT max(last_position) AS upto, count(*) < 100 AND bool_and(lowest IS NOT NULL)
        AND sum(last_position - greatest(first_position, $1 + 1) + 1) = max(last_position) - $1 AS wholly
    FROM ahead
), reach AS MATERIALIZED (
    SELECT CASE WHEN wholly THEN upto ELSE 9223372036854775807 END AS upto,
        CASE WHEN wholly THEN (SELECT lowest FROM ahead ORDER BY lowest LIMIT 1)
            ELSE '00000000-0000-0000-0000-000000000000'::uuid END AS lowest,
        CASE WHEN wholly THEN (SELECT highest FROM ahead ORDER BY highest DESC LIMIT 1)
            ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid END AS highest
    FROM covered
)
SELECT notification_id, originator_id, originator_version, topic, state
FROM nexus_events
WHERE notification_id > $1 AND notification_id <= (SELECT upto FROM reach)
    AND originator_id >= (SELECT lowest FROM reach) AND originator_id <= (SELECT highest FROM reach)
"""
_OF_TOPICS = "AND topic = ANY($3) "
_IN_ORDER = "ORDER BY notification_id LIMIT $2"
_SELECT_AFTER = _AHEAD + _IN_ORDER
_SELECT_TOPICS_AFTER = _AHEAD + _OF_TOPICS + _IN_ORDER
_SELECT_AGGREGATES_AFTER = """
SELECT notification_id, originator_id, originator_version, topic, state
FROM nexus_events WHERE notification_id > $1 AND topic = ANY($3)
AND topic NOT IN (
    'request-received', 'response-started', 'chunk-streamed', 'response-completed', 'response-aborted', 'recording-gap'
)
ORDER BY notification_id LIMIT $2
"""
_SELECT_STREAM = """
SELECT notification_id, originator_id, originator_version, topic, state
FROM nexus_events WHERE originator_id = $1 ORDER BY originator_version
"""
# OFFSET keeps the other conditions out of the lateral join: for them, plans would read through another index, in which
# they hold for nearly every event.
_SELECT_STREAMS = """
SELECT event.*
FROM (SELECT DISTINCT unnest($1::uuid[]) AS id) AS wanted
CROSS JOIN LATERAL (
    SELECT notification_id, originator_id, originator_version, topic, state
    FROM nexus_events WHERE originator_id = wanted.id ORDER BY originator_version OFFSET 0
) AS event
WHERE event.notification_id <= $2 AND event.topic = ANY($3)
"""
# Who appends seals: the newest event is where the newest seal ends. In a store from before there were seals, the events
# themselves are asked.
_SELECT_NEWEST = """
SELECT coalesce((SELECT max(last_position) FROM event_seals), (SELECT max(notification_id) FROM nexus_events))
"""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event that a newer Nexus wrote."""

    originator_id: UUID
    originator_version: int
    topic: str


class PostgresEventLog:
    """``EventLog`` on PostgreSQL. ``wakeups`` keeps one connection of the pool for itself.

    Every projection reads an event twice: as it comes, and with its exchange. It is decoded once: events that were
    read lately are remembered, by all that is stored of them.
    """

    def __init__(self, pool: Pool, *, poll_s: float = POLL_S, deadline_s: float = DEADLINE_S) -> None:
        self._pool = pool
        self._poll_s = poll_s
        self._deadline_s = deadline_s
        self._codec = EventCodec()
        self._decoded = lru_cache(_EVENTS_REMEMBERED)(self._event)

    async def read(self, after: Position, limit: int, topics: Sequence[str] = ()) -> Sequence[Recorded]:
        """At most ``limit`` events above ``after``; only ``topics`` if given.

        Where these are topics of aggregates, no event of an exchange is touched.
        """
        if topics and _EXCHANGE_TOPICS.isdisjoint(topics):
            return await self._fetch(_SELECT_AGGREGATES_AFTER, after, limit, list(topics))
        if topics:
            return await self._fetch(_SELECT_TOPICS_AFTER, after, limit, list(topics))
        return await self._fetch(_SELECT_AFTER, after, limit)

    async def stream(self, originator_id: UUID) -> Sequence[Recorded]:
        """All events of one stream, by version."""
        return await self._fetch(_SELECT_STREAM, originator_id)

    async def streams(
        self, originator_ids: Collection[UUID], upto: Position, topics: Sequence[str]
    ) -> Mapping[UUID, Sequence[Recorded]]:
        """The events of these streams with these topics, by version, none above ``upto``."""
        out = defaultdict[UUID, list[Recorded]](list)
        for recorded in await self._fetch(_SELECT_STREAMS, list(originator_ids), upto, list(topics)):
            out[recorded.event.originator_id].append(recorded)
        return out

    async def newest(self) -> Position:
        """Position of the newest event; 0: the store is empty."""
        async with borrowed(self._pool, self._deadline_s) as connection:
            newest: int | None = await connection.fetchval(_SELECT_NEWEST)
        return Position(newest or 0)

    def wakeups(self) -> AsyncIterator[None]:
        """Yields when there may be something new: after a notification, and at least every second."""
        return wakeups(self._pool, self._poll_s)

    async def _fetch(self, query: str, *arguments: object) -> list[Recorded]:
        async with borrowed(self._pool, self._deadline_s) as connection:
            rows = await connection.fetch(query, *arguments)
        return list(self._recorded(rows))

    def _recorded(self, rows: Iterable[asyncpg.Record]) -> Iterable[Recorded]:
        for row in rows:
            stored = StoredEvent(row["originator_id"], row["originator_version"], row["topic"], row["state"])
            yield Recorded(Position(row["notification_id"]), self._remembered(stored))

    def _remembered(self, stored: StoredEvent) -> ExchangeEvent | AggregateFact:
        """Only small ones are kept, which most are."""
        if len(stored.state) > _LARGE_BYTES:
            return self._event(stored)
        return self._decoded(stored)

    def _event(self, stored: StoredEvent) -> ExchangeEvent | AggregateFact:
        try:
            return self._codec.to_domain_event(stored)
        except UnknownEventError:
            assert isinstance(stored.originator_id, UUID)
            return UnknownEvent(stored.originator_id, stored.originator_version, stored.topic)
        except MapperDeserialisationError:
            assert isinstance(stored.originator_id, UUID)
            return UnreadableEvent(stored.originator_id, stored.originator_version, stored.topic)
