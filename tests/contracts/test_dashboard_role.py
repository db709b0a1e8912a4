"""In the dashboard's own role nothing in the database can be changed, and builds that come later are read as ever."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.ids import Position
from ops.db.pool import Borrowed, Pool
from ops.stores import data_store
from projections.read_models import builds, catalog
from projections.read_models.connection import Connection
from projections.registry import PROJECTIONS
from tests.contracts.test_two_viewers import QUESTIONS, Stores, answers, filled_alike, plain
from tests.dashboard_roles import ROLE, reading
from tests.two_accounts import MINE, THEIRS, put, tenant

REFUSED = asyncpg.InsufficientPrivilegeError
RELATIONS = """
SELECT c.oid::regclass::text AS name, c.relkind::text AS kind FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1
"""
FIRST_COLUMN = """
SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum LIMIT 1
"""
SCHEMAS_OF_OURS = "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%'"
CHANGES = {
    "S": ("SELECT nextval('{name}')", "SELECT setval('{name}', 7)"),
    "v": ("INSERT INTO {name} DEFAULT VALUES", "DELETE FROM {name}", "DROP VIEW {name}"),
    "r": (
        "INSERT INTO {name} DEFAULT VALUES",
        "UPDATE {name} SET {column} = DEFAULT",
        "DELETE FROM {name}",
        "TRUNCATE {name}",
        "ALTER TABLE {name} ADD COLUMN mine integer",
        "DROP TABLE {name}",
        "CREATE INDEX ON {name} ({column})",
        "LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE",
    ),
}
POWERS = (
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "SELECT pg_read_file('postgresql.conf')",
    "COPY nexus_events TO PROGRAM 'cat'",
    "ALTER TABLE nexus_events OWNER TO CURRENT_USER",
    "SELECT nexus_add_month('nexus_events', '2031-01-01')",
)


@pytest.fixture
async def reader(migrated_database: str) -> AsyncIterator[Pool]:
    async with reading(migrated_database) as pool:
        assert await pool.fetchval("SELECT current_user::text") == ROLE
        yield pool


async def filled(pool: Pool) -> Stores:
    """Two accounts in one store; nobody is compared with a store of his own here."""
    store = filled_alike(pool)
    mine, theirs = await tenant(store, MINE), await tenant(store, THEIRS)
    await put(store, mine, theirs)
    return Stores(data_store(pool), data_store(pool), mine, theirs, pool, pool)


async def test_the_role_reads_on_when_every_projection_was_built_anew_and_switched_to(pool: Pool, reader: Pool) -> None:
    """Every method, under connections that read before; test_two_viewers.py asks everybody's questions in the role."""
    stores = await filled(pool)
    outside, within = await answers(stores.both, stores), data_store(reader)
    for ask in ("requests", "conversations", "search", "usage"):
        assert plain(await QUESTIONS[ask](within, stores)) == outside[ask]
    async with pool.acquire() as tx, tx.transaction():
        for projection in PROJECTIONS:
            await switched_to_a_copy(tx, projection.name)
    assert await answers(within, stores) == outside


async def switched_to_a_copy(tx: Connection, name: str) -> None:
    """Another build with the rows of the live one."""
    projection = next(one for one in PROJECTIONS if one.name == name)
    before = await builds.live(tx, name)
    assert before is not None
    made = await builds.create(tx, projection)
    for table in await catalog.tables(tx, before.schema):
        await tx.execute(f"INSERT INTO {made.schema}.{table} SELECT * FROM {before.schema}.{table}")
    await builds.move_checkpoint(tx, made, Position(0), await builds.checkpoint(tx, before))
    await builds.switch(tx, projection, made)


@pytest.mark.bar(70)
async def test_nothing_can_be_changed_even_in_a_session_that_may_write(pool: Pool, reader: Pool) -> None:
    """Every table, view and sequence there is, by every kind of statement; so also those of builds."""
    await filled_alike(pool).follow()
    async with reader.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = off")
        relations = await pool.fetch(RELATIONS)
        assert {row["kind"] for row in relations} == {"r", "p", "v", "S"}
        for row in relations:
            column = await pool.fetchval(FIRST_COLUMN, row["name"])
            for change in CHANGES[row["kind"].replace("p", "r")]:
                await is_refused(connection, change.format(name=row["name"], column=column))
        for schema in [row[0] for row in await pool.fetch(SCHEMAS_OF_OURS)]:
            await is_refused(connection, f"CREATE TABLE {schema}.mine (x integer)")
            await is_refused(connection, f"CREATE VIEW {schema}.mine AS SELECT 1 AS x")
        for statement in POWERS:
            await is_refused(connection, statement)


async def is_refused(connection: Borrowed, statement: str) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        with pytest.raises(REFUSED):
            await connection.execute(statement)
    finally:
        await transaction.rollback()


async def test_without_the_role_the_same_statements_would_be_done(pool: Pool) -> None:
    """So it is the role that refuses them."""
    async with pool.acquire() as connection:
        for statement in ("INSERT INTO nexus_tracking VALUES ('x', 1)", *POWERS[:3]):
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(statement)
            await transaction.rollback()
