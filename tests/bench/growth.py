"""How is a store grown by SQL? By renamed copies of one session that the product itself has recorded and projected.

A copy has ids, moments, positions, nodes, keys and names of its own, so every index holds what it would hold after as
much traffic, and every row fits the others: seals, links, trees and bodies can be read. An event's state is copied as
it is, so what it says of session and scope is the first session's: a rebuild would make other rows of it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from uuid import UUID

from ops.db.pool import Connection, Pool
from ops.db.seals import chained, contents_of
from ops.progress import progress_bar

STEP_MS = 2_500_000
"""A session begins so long after the one before it: 24 months for 25,000 of them."""
PER_STATEMENT = 250
SCOPES, MODELS = 50, 5
PAYLOAD = ("nexus_events", "chunks", "parts")
_SECONDS = 3600.0

NEW_SCHEMA = "CREATE SCHEMA template"
NO_SCHEMA = "DROP SCHEMA template CASCADE"
TEMPLATE = "CREATE UNLOGGED TABLE template.{name} AS SELECT * FROM {table}"
RENAMED = f"""
CREATE FUNCTION template.renamed(old uuid, copy bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(
        ('x' || substr(old::text, 1, 8) || substr(old::text, 10, 4))::bit(48)::bigint + copy * {STEP_MS}
    ), 12, '0') || substr(old::text, 14))::uuid
$$
"""
COPY = """
INSERT INTO {table} ({columns}) SELECT {values}
FROM generate_series($1::bigint, $2) AS copy, LATERAL (SELECT * FROM template.{name} WHERE copy > 0 OFFSET 0) AS one
"""
NO_TRIGGERS = "SET LOCAL session_replication_role = replica"
EMPTY = "TRUNCATE {table}"
ORIGINALS = "INSERT INTO {table} SELECT * FROM template.{name}"
RENAMINGS = (
    (r"(request_id|parent_request_id|conversation_id|branch_id|originator_id) uuid", "template.renamed({0}, copy)"),
    (r"\w+ uuid", "md5({0}::text || copy::text)::uuid"),
    (r"\w+ timestamp with time zone", f"{{0}} + copy * interval '{STEP_MS} milliseconds'"),
    (r"(position|notification_id) bigint", "{0} + copy * (SELECT count(*) FROM template.nexus_events)"),
    (r"(session|session_id) text", "{0} || copy"),
    (r"scope text", f"{{0}} || copy % {SCOPES}"),
    (r"scope_id integer", f"{{0}} + copy::int % {SCOPES}"),
    (r"model text", f"{{0}} || copy % {MODELS}"),
    (r"key bytea", "substr(sha256({0} || copy::text::bytea), 1, 16)"),
    (r".*", "{0}"),
)
"""By a column's name and type: what a copy has there. The first that fits holds."""
TABLES_OF = """
SELECT relname FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind = 'r' ORDER BY relname
"""
COLUMNS_OF = """
SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
INDEXES_OF = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made_by FROM pg_index
WHERE indrelid = $1::text::regclass AND indislive AND (SELECT relkind FROM pg_class WHERE oid = indrelid) = 'r'
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
EVENTS = "SELECT * FROM template.nexus_events ORDER BY notification_id"
DIGEST = "SELECT digest FROM event_seals ORDER BY last_position DESC LIMIT 1"
SEALS = ("last_position", "first_position", "marks", "digest", "lowest", "highest")
SET_SEQUENCE = "SELECT setval('nexus_events_notification_id_seq', (SELECT max(notification_id) FROM nexus_events))"
REACH_ALL = "UPDATE nexus_tracking SET notification_id = $1 WHERE application_name LIKE '%:%'"
VACUUM = "VACUUM (FREEZE, ANALYZE)"

Report = Callable[[], None]


def renamed(old: UUID, copy: int) -> UUID:
    """The id that a copy has in place of ``old``: as much later as the copy is. The database does the same."""
    return UUID(int=old.int + (copy * STEP_MS << 80))


@dataclass(slots=True)
class Event:
    """A ``StoredEvent`` that is given one id after the other."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


@dataclass
class SealChain:
    """The seals of the copies, one for each exchange, on top of those that are there."""

    events: Sequence[Event]
    digest: bytes

    def of_copies(self, first: int, last: int) -> Iterator[tuple[int, int, bytes, bytes, UUID, UUID]]:
        """Rows of ``event_seals``; to be asked copy after copy."""
        exchanges = [(id_, list(each)) for id_, each in groupby(self.events, lambda event: event.originator_id)]
        position = first * len(self.events)
        for copy, (id_, exchange) in product(range(first, last + 1), exchanges):
            new = renamed(id_, copy)
            for event in exchange:
                event.originator_id = new
            contents = contents_of(exchange)
            begin, position = position + 1, position + len(exchange)
            self.digest = chained(self.digest, begin, position, contents.digest)
            yield position, begin, contents.marks, self.digest, new, new
        for id_, exchange in exchanges:
            for event in exchange:
                event.originator_id = id_


async def grow(pool: Pool, schemas: Sequence[str], events: int) -> None:
    """So many events after the session that is in the store alone. ``schemas``: of the projections."""
    async with pool.acquire() as connection:
        tables = [*PAYLOAD, *[table for schema in schemas for table in await _tables(connection, schema)]]
        for statement in (NEW_SCHEMA, RENAMED, *[TEMPLATE.format(**_named(table)) for table in tables]):
            await connection.execute(statement)
        rows = await connection.fetch(EVENTS)
        copies = events // len(rows)
        stored = [Event(row[0], row[1], row[2], row[3]) for row in rows]
        chain = SealChain(stored, await connection.fetchval(DIGEST))
    with progress_bar(f"{copies * len(rows)} events, {len(tables) + 1} tables") as progress:
        done = 0

        def report() -> None:
            nonlocal done
            done += 1
            progress(done, (len(tables) + 1) * -(-copies // PER_STATEMENT))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_seal(pool, chain, copies, report))
            for table in tables:
                tasks.create_task(_grow_table(pool, table, copies, report))
    await pool.execute(NO_SCHEMA)
    await pool.execute(VACUUM, timeout=_SECONDS)  # only now: while others are at work, no row is visible to all
    newest = await pool.fetchval(SET_SEQUENCE)
    await pool.execute(REACH_ALL, newest)


async def _grow_table(pool: Pool, table: str, copies: int, report: Report) -> None:
    """What a transaction puts into a table that it has emptied needs no log; indexes are made behind the rows.

    Those that are constraints or of partitions stay: what comes in order costs them little.
    """
    async with pool.acquire() as connection:
        columns = await connection.fetch(COLUMNS_OF, table)
        names = [f'"{column["name"]}"' for column in columns]
        values = [_renaming(column["name"], column["type"]) for column in columns]
        statement = COPY.format(**_named(table), columns=", ".join(names), values=", ".join(values))

        def step(first: int, last: int) -> Awaitable[str]:
            return connection.execute(statement, first, last, timeout=_SECONDS)

        async with connection.transaction():
            await connection.execute(NO_TRIGGERS)
            indexes = await connection.fetch(INDEXES_OF, table)
            for index in indexes:
                await connection.execute(f"DROP INDEX {index['name']}")
            for statement_of in (EMPTY, ORIGINALS):
                await connection.execute(statement_of.format(**_named(table)))
            await _in_steps(copies, report, step)
            for index in indexes:
                await connection.execute(index["made_by"], timeout=_SECONDS)


async def _seal(pool: Pool, chain: SealChain, copies: int, report: Report) -> None:
    async with pool.acquire() as connection:

        def step(first: int, last: int) -> Awaitable[str]:
            records = chain.of_copies(first, last)
            return connection.copy_records_to_table("event_seals", records=records, columns=SEALS, timeout=_SECONDS)

        await _in_steps(copies, report, step)


async def _in_steps(copies: int, report: Report, step: Callable[[int, int], Awaitable[object]]) -> None:
    for first in range(1, copies + 1, PER_STATEMENT):
        await step(first, min(first + PER_STATEMENT - 1, copies))
        report()


async def _tables(connection: Connection, schema: str) -> list[str]:
    return [f"{schema}.{row['relname']}" for row in await connection.fetch(TABLES_OF, schema)]


def _named(table: str) -> dict[str, str]:
    return {"table": table, "name": table.rpartition(".")[2]}


def _renaming(name: str, kind: str) -> str:
    value = next(value for pattern, value in RENAMINGS if re.fullmatch(pattern, f"{name} {kind}"))
    return value.format(f'one."{name}"')
