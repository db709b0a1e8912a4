"""How do readers meet views that are replaced under them, or that are not there yet?

The queries of lists have every filter in them, as ``$1 IS NULL OR column = $1``. A plan made for the values at hand
has only the filters that are set, and the right index; a plan made once for all values has neither. So readers ask
for fresh plans. The setting lasts until the pool takes the connection back.

Readers use no transaction: outside of one the driver prepares again by itself when a view was replaced.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from domain.ids import Position
from projections.read_models.connection import Connection

USE_FRESH_PLANS = "SELECT set_config('plan_cache_mode', 'force_custom_plan', false)"
SELECT_REACHED = """
SELECT min(t.notification_id)
FROM public.projections p JOIN public.nexus_tracking t ON t.application_name = p.name || ':' || p.build
WHERE p.state = 'live' AND p.name IN ('requests', 'conversations')
HAVING count(*) = 2
"""


async def rows(connection: Connection, query: str, *arguments: object) -> list[asyncpg.Record]:
    """The query's rows; none where a view is still to be made."""
    try:
        await connection.execute(USE_FRESH_PLANS)
        return list(await connection.fetch(query, *arguments))
    except asyncpg.UndefinedTableError:
        return []


async def reached(connection: Connection) -> Position:
    """The newest position that both projections of lists have taken in; 0: there is nothing to read yet.

    No list rests on the other projections, and none waits for them.
    """
    return Position(await connection.fetchval(SELECT_REACHED) or 0)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """While very many rows are made into objects that all stay. Nothing is to be waited for meanwhile."""
    works = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if works:
            gc.enable()
