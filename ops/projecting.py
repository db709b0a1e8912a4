"""What do projections of this database stand on? Log, payloads and transactions as one value."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ops.db import lease
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from projections.exchanges import ExchangeReader
from projections.follower import Sources

if TYPE_CHECKING:
    from ops.db.pool import Connection, Pool

TRANSACTION_DEADLINE_S = 60.0
"""For one batch of a projection; then its connection is cut and the batch is tried again."""
READING_DEADLINE_S = 3600.0
"""For a command that looks at every row of every table in one snapshot."""


def sources(pool: "Pool", deadline_s: float = TRANSACTION_DEADLINE_S, epoch: int | None = None) -> Sources:
    """``epoch``: of the projector that leads; its transactions raise LostLeaseError as soon as another one does."""

    @asynccontextmanager
    async def transactions() -> AsyncIterator["Connection"]:
        async with borrowed(pool, deadline_s) as connection, connection.transaction():
            if epoch is not None:
                await lease.check(connection, epoch)
            yield connection

    log = PostgresEventLog(pool)
    return Sources(log, ExchangeReader(log, PostgresPayloads(pool)), transactions)
