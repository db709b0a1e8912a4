"""What do projections of this database stand on? Log, payloads and transactions as one value."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from projections.exchanges import ExchangeReader
from projections.follower import Sources

if TYPE_CHECKING:
    from ops.db.pool import Connection, Pool

TRANSACTION_DEADLINE_S = 60.0
"""For one batch of a projection; then its connection is cut and the batch is tried again."""


def sources(pool: "Pool") -> Sources:
    @asynccontextmanager
    async def transactions() -> AsyncIterator["Connection"]:
        async with borrowed(pool, TRANSACTION_DEADLINE_S) as connection, connection.transaction():
            yield connection

    log = PostgresEventLog(pool)
    return Sources(log, ExchangeReader(log, PostgresPayloads(pool)), transactions)
