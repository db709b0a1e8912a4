"""A database with the schema of Nexus for each test.

Migrated once a run and copied. A database comes back emptied, which takes a fifth of the time of a copy; one whose
schema a test has changed is dropped.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from ops.db.embedded import EmbeddedPostgres
from ops.db.migrate import migrate
from ops.db.partitions import ensure_partitions
from ops.db.pool import Pool, close_pool, open_connection, open_pool
from tests.postgres import create_database, drop_database

TODAY = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
"""Partitions are there for this month and the two after it."""

DEADLINE_S = 8.0
_PAUSE = "SELECT pg_sleep(0.005)"
_WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
_RELATIONS = """
SELECT array_agg(oid::regclass::text ORDER BY relname) FROM pg_class
WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_DROP_BUILDS = """
DO $$ BEGIN
    EXECUTE (SELECT string_agg(format('DROP SCHEMA %I CASCADE', nspname), ';') FROM pg_namespace
        WHERE starts_with(nspname, 'p_'));
EXCEPTION WHEN null_value_not_allowed THEN NULL;  -- there are none
END $$
"""
"""The tables of projections, and with them the views of readers."""
_TRUNCATE = """
DO $$ BEGIN
    EXECUTE (SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
        WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'read'::regnamespace)
        AND relname NOT IN ('nexus_migrations', 'nexus_tracking') AND pg_relation_size(oid) > 0);
EXCEPTION WHEN null_value_not_allowed THEN NULL;  -- all are empty
END $$
"""
_RESTART = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The DSN of the database that the others are copies of."""
    dsn = create_database(postgres_server)
    asyncio.run(_prepare(dsn))
    return dsn


@pytest.fixture(scope="session")
def relations(migrated_template: str) -> object:
    """What the schema consists of."""
    with psycopg.connect(migrated_template) as connection:
        return connection.execute(_RELATIONS).fetchone()


@pytest.fixture(scope="session")
def spare_databases() -> list[str]:
    """Databases that earlier tests are done with: as good as new."""
    return []


@pytest.fixture
def migrated_database(
    postgres_server: EmbeddedPostgres, migrated_template: str, relations: object, spare_databases: list[str]
) -> Iterator[str]:
    """The DSN of a database with all migrations, some monthly partitions and no rows."""
    dsn = spare_databases.pop() if spare_databases else create_database(postgres_server, migrated_template)
    yield dsn
    if _emptied(dsn, relations):
        spare_databases.append(dsn)
    else:
        drop_database(postgres_server, dsn)


@pytest.fixture
def database(migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its DSN, where commands find it; their home is empty."""
    monkeypatch.setenv("DATABASE_URL", migrated_database)
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return migrated_database


@pytest.fixture
async def pool(migrated_database: str) -> AsyncIterator[Pool]:
    """Connections to it."""
    async with opened(migrated_database) as pool:
        yield pool


@asynccontextmanager
async def opened(dsn: str, max_size: int = 8) -> AsyncIterator[Pool]:
    """Another pool."""
    pool = await open_pool(dsn, application_name="nexus-test", max_size=max_size)
    try:
        yield pool
    finally:
        await close_pool(pool)


async def until_somebody_waits(dsn: str) -> None:
    """Until somebody waits for an advisory lock in this database."""
    connection = await open_connection(dsn, application_name="nexus-test")
    async with asyncio.timeout(DEADLINE_S):
        while not await connection.fetchval(_WAITING):
            await connection.execute(_PAUSE)
    await connection.close()


async def _prepare(dsn: str) -> None:
    await migrate(dsn)
    connection = await open_connection(dsn, application_name="nexus-test")
    await ensure_partitions(connection, TODAY)
    await connection.close()


def _emptied(dsn: str, relations: object) -> bool:
    """Remove every row and connection; False if the schema is no longer the template's."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_END_OTHERS)
        connection.execute(_DROP_BUILDS)
        if connection.execute(_RELATIONS).fetchone() != relations:
            return False
        connection.execute("SET session_replication_role = replica")  # or the events would refuse
        connection.execute(_TRUNCATE)
        connection.execute(_RESTART)
        connection.execute("DELETE FROM nexus_tracking WHERE application_name <> '__migration__'")
    return True
