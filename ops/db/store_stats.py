"""What takes up room in the store, and since when? Read from PostgreSQL's own books and, sampled, from the rows.

Sizes and row counts of tables are PostgreSQL's estimates. Sums over rows are exact up to ``SCANNED_BYTES`` of a table;
of a larger one as many pages are drawn as make up that much, and the sums are scaled. Reading is all it does: a role
with SELECT will do, on a replica too.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from domain.errors import SetupError
from ops.db.borrowing import borrowed
from ops.db.codec import body_size_in
from ops.db.failures import words_of
from ops.db.pool import Connection, Pool

DEADLINE_S = 600.0
SCANNED_BYTES = 64 * 1024 * 1024
DAYS = 8
"""Today and the seven whole days before it."""

_SELECT_RELATIONS = """
SELECT n.nspname AS schema, c.relname AS name, coalesce(parent.relname, c.relname) AS parent,
       pg_table_size(c.oid) AS bytes, pg_indexes_size(c.oid) AS index_bytes,
       greatest(c.reltuples::bigint, s.n_live_tup, 0) AS rows, coalesce(s.n_dead_tup, 0) AS dead
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class parent ON parent.oid = i.inhparent
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname, c.relname
"""
_SELECT_BUILDS = "SELECT schema, name, build, state FROM projections"
_SELECT_SIZES = """
SELECT pg_database_size(current_database()) AS database, (SELECT max(notification_id) FROM nexus_events) AS newest
"""
_SUM_TOPICS = """
SELECT topic, count(*) AS rows, sum(octet_length(state))::bigint AS bytes
FROM nexus_events TABLESAMPLE SYSTEM ($1) GROUP BY topic ORDER BY topic
"""
_SUM_PARTS = """
SELECT scopes.scope, sampled.rows, sampled.raw, sampled.bytes
FROM (
    SELECT scope_id, count(*) AS rows, sum(raw_length)::bigint AS raw, sum(octet_length(data))::bigint AS bytes
    FROM parts TABLESAMPLE SYSTEM ($1) GROUP BY scope_id
) AS sampled
LEFT JOIN scopes ON scopes.id = sampled.scope_id
ORDER BY sampled.bytes DESC
"""
_SUM_CHUNKS = """
SELECT count(*) AS rows, coalesce(sum(raw_length), 0)::bigint AS raw,
       coalesce(sum(octet_length(data)), 0)::bigint AS bytes
FROM chunks TABLESAMPLE SYSTEM ($1)
"""
_SELECT_REQUESTS = "SELECT state FROM nexus_events TABLESAMPLE SYSTEM ($1) WHERE topic = 'request-received'"
# Both go by the primary keys alone.
_COUNT_DAY = """
SELECT count(*) FILTER (WHERE originator_version = 1) AS exchanges, count(*) AS events
FROM nexus_events WHERE originator_id >= nexus_first_uuid($1) AND originator_id < nexus_first_uuid($2)
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, or one partition of one."""

    schema: str
    name: str
    parent: str
    """The partitioned table; its own name if there is none."""
    bytes: int
    index_bytes: int
    rows: int
    dead: int


@dataclass(frozen=True, slots=True)
class Build:
    """One set of tables of a projection."""

    schema: str
    name: str
    build: int
    state: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Rows and their bytes: before compression, and as they are stored."""

    rows: int
    raw: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Day:
    """What one day (UTC) brought, by the time in the request ids."""

    day: date
    exchanges: int
    events: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    """All of it."""

    at: datetime
    database_bytes: int
    newest_position: int
    sampled: bool
    """Some sums are scaled from a sample."""
    relations: Sequence[Relation]
    builds: Sequence[Build]
    topics: Mapping[str, Amount]
    scopes: Mapping[str, Amount]
    """Parts of request bodies, by tenant."""
    answers: Amount
    sent: Amount
    """Requests and the bytes of their bodies, as clients sent them."""
    days: Sequence[Day]


async def store_stats(pool: Pool, now: datetime) -> StoreStats:
    """Raises SetupError or StoreUnavailableError."""
    with _refusals():
        async with borrowed(pool, DEADLINE_S) as connection, connection.transaction(readonly=True):
            relations = [Relation(**row) for row in await connection.fetch(_SELECT_RELATIONS, timeout=DEADLINE_S)]
            share = {name: _share(relations, name) for name in ("nexus_events", "parts", "chunks")}
            sizes = await connection.fetchrow(_SELECT_SIZES)
            assert sizes is not None
            return StoreStats(
                at=now,
                database_bytes=sizes["database"],
                newest_position=sizes["newest"] or 0,
                sampled=min(share.values()) < 1,
                relations=relations,
                builds=[Build(**row) for row in await connection.fetch(_SELECT_BUILDS)],
                topics=await _topics(connection, share["nexus_events"]),
                scopes=await _scopes(connection, share["parts"]),
                answers=await _answers(connection, share["chunks"]),
                sent=await _sent(connection, share["nexus_events"]),
                days=[await _day(connection, one) for one in days_until(now)],
            )


def days_until(now: datetime) -> list[tuple[datetime, datetime]]:
    """Begin and end of the days, the oldest first."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    return [(start, start + timedelta(days=1)) for start in starts]


def _share(relations: Sequence[Relation], table: str) -> float:
    """Which part of the table is read, 0 to 1."""
    size = sum(one.bytes for one in relations if one.parent == table and one.schema == "public")
    return min(1.0, SCANNED_BYTES / max(size, 1))


async def _rows(connection: Connection, query: str, share: float) -> list[asyncpg.Record]:
    return await connection.fetch(query, share * 100, timeout=DEADLINE_S)


def _amount(row: asyncpg.Record, share: float, raw: str = "raw") -> Amount:
    return Amount(*(round(row[name] / share) for name in ("rows", raw, "bytes")))


async def _topics(connection: Connection, share: float) -> dict[str, Amount]:
    return {row["topic"]: _amount(row, share, "bytes") for row in await _rows(connection, _SUM_TOPICS, share)}


async def _scopes(connection: Connection, share: float) -> dict[str, Amount]:
    return {row["scope"] or "": _amount(row, share) for row in await _rows(connection, _SUM_PARTS, share)}


async def _answers(connection: Connection, share: float) -> Amount:
    [row] = await _rows(connection, _SUM_CHUNKS, share)
    return _amount(row, share)


async def _sent(connection: Connection, share: float) -> Amount:
    states = [row["state"] for row in await _rows(connection, _SELECT_REQUESTS, share)]
    total = sum(body_size_in(state) for state in states)
    return Amount(round(len(states) / share), round(total / share), 0)


async def _day(connection: Connection, bounds: tuple[datetime, datetime]) -> Day:
    row: Any = await connection.fetchrow(_COUNT_DAY, *bounds, timeout=DEADLINE_S)
    return Day(bounds[0].date(), row["exchanges"], row["events"])


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise SetupError("The database lacks the tables of Nexus; run `nexus migrate`.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise SetupError(f"The database user may not read the store ({words_of(error)}); GRANT it SELECT.") from error
