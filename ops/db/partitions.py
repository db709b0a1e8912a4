"""Which partitions do the growing tables need? One a month (UTC), made ahead of time."""

from datetime import date, datetime, timedelta

import asyncpg

from ops.db.locks import PARTITION_LOCK, TAKE_LOCK
from ops.db.pool import Connection

PARTITIONED = ("chunks", "nexus_events")
MONTHS_AHEAD = 2

_LIMIT_WAITING = "SET LOCAL lock_timeout = '3s'"
_ADD_MONTH = "SELECT nexus_add_month($1::text::regclass, $2)"


async def ensure_partitions(connection: Connection, now: datetime, months_ahead: int = MONTHS_AHEAD) -> list[str]:
    """Make this month's partitions and those of the months ahead; the names of the new ones.

    Call it after migrating and once a day. A month that is not made in time costs nothing but the tidy cut: its rows
    go to the default partition and stay there. A table that is busy for three seconds is left for the next call.
    """
    made: list[str] = []
    for month in months_from(now.date(), months_ahead + 1):
        for table in PARTITIONED:
            name = await _add_month(connection, table, month)
            made += [name] if name else []
    return made


def months_from(day: date, count: int) -> list[date]:
    """The first days of ``count`` months, the first of them that of ``day``."""
    months = [day.replace(day=1)]
    while len(months) < count:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return months


async def _add_month(connection: Connection, table: str, month: date) -> str | None:
    """One short transaction each: making a partition locks its table."""
    try:
        async with connection.transaction():
            await connection.execute(_LIMIT_WAITING)
            await connection.execute(TAKE_LOCK, PARTITION_LOCK)
            name: str | None = await connection.fetchval(_ADD_MONTH, table, month)
    except asyncpg.LockNotAvailableError:
        return None
    return name
