"""Projections over a real store, for tests: follow everything, read the rows."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from domain.corrections import LinkCorrection
from ops.db.borrowing import borrowed
from ops.db.codec import EventCodec
from ops.db.event_log import PostgresEventLog
from ops.db.event_store import PostgresShipStore
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from ops.db.sealing import INSERT_SEALED_EVENTS
from ops.db.seals import contents_of
from projections.exchanges import ExchangeReader
from projections.follower import Follower, Sources
from projections.projector import Projection
from projections.read_models import builds
from projections.read_models.connection import Connection
from projections.registry import PROJECTIONS
from tests import captures
from tests.recorded import append_all, recorded, request_ids


@dataclass(frozen=True)
class Store:
    """A store with its projections."""

    pool: Pool
    ship: PostgresShipStore
    sources: Sources

    @classmethod
    def over(cls, pool: Pool) -> "Store":
        @asynccontextmanager
        async def transactions() -> AsyncIterator[Connection]:
            async with borrowed(pool, 20.0) as connection, connection.transaction():
                yield connection

        log, payloads = PostgresEventLog(pool), PostgresPayloads(pool)
        ship = PostgresShipStore(pool, announce=lambda: None, random_bytes=secrets.token_bytes)
        return cls(pool, ship, Sources(log, ExchangeReader(log, payloads), transactions))

    async def append(self, capture: str) -> dict[int, UUID]:
        """Real traffic as events; the request ids by number."""
        listed = captures.exchanges(capture)
        ids = request_ids(listed)
        await append_all(self.ship, [await recorded(one, ids[one.n], self.ship) for one in listed])
        return ids

    async def follow(self, batch_events: int = 500) -> None:
        """Bring every projection up to date."""
        for projection in PROJECTIONS:
            await self.follow_one(projection, batch_events)

    async def follow_one(self, projection: Projection, batch_events: int = 500) -> Follower:
        async with self.sources.transactions() as tx:
            build = await builds.ensure_live(tx, projection)
        follower = Follower(projection, build, self.sources)
        await follower.load()
        while not (await follower.step(batch_events)).done:
            pass
        return follower

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]

    async def links(self) -> dict[UUID, dict[str, Any]]:
        return {row["request_id"]: row for row in await self.rows("SELECT * FROM read.links")}


async def append_stored(pool: Pool, *events: StoredEvent) -> None:
    """Events as they are, under one seal."""
    rows = [(event.originator_id, event.originator_version, event.topic, event.state) for event in events]
    contents = contents_of(events)
    await pool.execute(INSERT_SEALED_EVENTS, *map(list, zip(*rows, strict=True)), contents.marks, contents.digest)


async def append_word(pool: Pool, correction: LinkCorrection) -> None:
    """A person's word on a link, as its events are stored."""
    await append_stored(pool, *map(EventCodec().to_stored_event, correction.collect_events()))
