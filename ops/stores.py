"""How does a part reach what is in the database? A pool, and what the dashboard reads through it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from dashboard.auditing import UNAUDITED, Audit
from dashboard.data import DataStore
from ops.db.borrowing import borrowed
from ops.db.dashboard_role import take
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Connection, Pool, close_pool, open_pool
from ops.told import StoredSayings

READ_DEADLINE_S = 15.0
"""For what one page or one answer of the read API asks."""
STATEMENT_TIMEOUT_S = 5.0
"""The server itself ends a reader's statement then, so that no question takes a processor from those who record."""


@asynccontextmanager
async def opened(database_url: str, name: str, *, reads_only: bool = False, max_size: int = 4) -> AsyncIterator[Pool]:
    """A pool, closed at the end. Raises SetupError or StoreUnavailableError.

    Readers of read models ask for plans of their own (``projections/read_models/reading.py``), which has to be undone;
    writers change nothing of a session. Readers are in a role of their own where there is one
    (``ops/db/dashboard_role.py``).
    """
    pool = await open_pool(
        database_url,
        application_name=name,
        max_size=max_size,
        statement_timeout_s=STATEMENT_TIMEOUT_S if reads_only else 0.0,
        use="reader" if reads_only else "writer",
        init=take if reads_only else None,
    )
    try:
        yield pool
    finally:
        await close_pool(pool)


def data_store(pool: Pool, audit: Audit = UNAUDITED) -> DataStore:
    """The only door to the read models; ``audit`` notes what is given as it was recorded."""

    @asynccontextmanager
    async def connections() -> AsyncIterator[Connection]:
        async with borrowed(pool, READ_DEADLINE_S) as connection:
            yield connection

    log = PostgresEventLog(pool)
    return DataStore(connections, log, PostgresPayloads(pool), StoredSayings(log, monotonic), audit)
