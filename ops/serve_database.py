"""How do the database's own parts live: the embedded server with its watch, and the migrations?"""

import asyncio
from typing import TYPE_CHECKING

from domain.errors import StoreUnavailableError
from ops.clock import utc_now
from ops.configs import Context
from ops.lifetime import Lifetime
from ops.priority import step_back_with_us

if TYPE_CHECKING:
    from ops.db.embedded import EmbeddedPostgres

_LOOK_S = 0.2
_LOOKS_PER_STEP = 5
"""Once a second: new connections are new processes."""
_LOOKS_PER_TRIM = 300
"""The server's log is kept small once a minute."""


async def postgres(context: Context, lifetime: Lifetime) -> None:
    """Start or take over the embedded server, end when it ends, stop it when asked."""
    from ops.database import embedded_config
    from ops.db.embedded import EmbeddedPostgres

    server = await asyncio.to_thread(EmbeddedPostgres.start, embedded_config(context.settings, context.home))
    lifetime.ready(database_url=server.dsn)
    looks = 0
    while not lifetime.stop.is_set():
        if await asyncio.to_thread(server.wait, _LOOK_S):
            raise StoreUnavailableError(f"PostgreSQL ended unasked; its log is {server.log}.")
        looks += 1
        if looks % _LOOKS_PER_STEP == 0:
            step_back_with_us(server.pid)
        if looks % _LOOKS_PER_TRIM == 0:
            server.trim_log()
    async with asyncio.TaskGroup() as tasks:
        harder = tasks.create_task(_stop_harder(server, lifetime))
        await asyncio.to_thread(server.stop, "fast", even_if_attached=True)
        harder.cancel()


async def _stop_harder(server: "EmbeddedPostgres", lifetime: Lifetime) -> None:
    await lifetime.abort.wait()
    await asyncio.to_thread(server.stop, "immediate", even_if_attached=True)


async def migrate(context: Context, lifetime: Lifetime) -> None:
    """Bring the schema up to date; end when that is done, or when asked."""
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(migrated(context.database_url))
        asked = tasks.create_task(lifetime.stop.wait())
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        work.cancel()


async def migrated(database_url: str) -> list[str]:
    """Apply what is pending, make the coming months' partitions and let the dashboard read; names of the migrations
    that were applied."""
    from ops.db.dashboard_role import admit
    from ops.db.migrate import migrate_on
    from ops.db.partitions import ensure_partitions
    from ops.db.pool import open_connection

    connection = await open_connection(database_url, application_name="nexus-migrate")
    try:
        applied = await migrate_on(connection)
        await ensure_partitions(connection, utc_now())
        await admit(connection)
    finally:
        await connection.close(timeout=2)
    return applied
