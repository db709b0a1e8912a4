"""A store, and what a projection that counts must have counted of it: everything, each once."""

import os
from dataclasses import dataclass
from uuid import UUID

from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from tests.shipping import TestJournal, new_request_id, received
from tests.tally import total_of
from tests.waiting import until_true

_COUNTED = "SELECT counted, total::text FROM read.tally"
_IS_THERE = "SELECT to_regclass('read.tally') IS NOT NULL"
_NOTIFY = "NOTIFY nexus_events"


@dataclass
class Counted:
    """Appends streams of one event."""

    pool: Pool
    store: PostgresShipStore
    journal: TestJournal
    ids: list[UUID]

    @classmethod
    async def over(cls, pool: Pool) -> "Counted":
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
        return cls(pool, store, await TestJournal.opened(store), [])

    async def append(self, count: int = 3) -> None:
        new = [new_request_id() for _ in range(count)]
        self.ids += new
        await self.journal.ship(self.store, [received(one) for one in new])
        await self.pool.execute(_NOTIFY)

    async def counted(self) -> tuple[int, int]:
        if not await self.pool.fetchval(_IS_THERE):
            return 0, 0
        row = await self.pool.fetchrow(_COUNTED)
        assert row is not None
        return row["counted"], int(row["total"])

    async def is_right(self) -> bool:
        """Everything, each once."""
        counted, total = await self.counted()
        assert counted <= len(self.ids), "something was counted twice"
        return (counted, total) == (len(self.ids), total_of(self.ids))

    async def until_right(self) -> None:
        await until_true(self.is_right, "every event to be counted once")
