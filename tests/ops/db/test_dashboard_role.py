"""The dashboard's role: made where it may be made, taken where it may be taken, and nothing fails where it may not."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import psycopg
import pytest

from domain.errors import StoreUnavailableError
from ops.db import dashboard_role
from ops.db.borrowing import acquire, give_back
from ops.db.dashboard_role import SCHEMAS, TABLES, Standing, admit, standing, take
from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedPostgres
from ops.db.locks import MIGRATION_LOCK
from ops.db.migrate import migrate, migrations
from ops.db.pool import OwnConnection, Pool, open_connection
from ops.serve_database import migrated
from projections.read_models.narrowing import ALL, NARROW_SCHEMAS
from tests.dashboard_roles import ROLE, Owned, owned_by, reading, role_of
from tests.migrated import opened
from tests.projected import Store
from tests.proxies import proxied

WHO = "SELECT current_user::text"
READABLE = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
AND has_table_privilege($1, c.oid, 'SELECT')
"""
ANY_OTHER_RIGHT = """
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relkind IN ('r', 'p', 'v')
AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
AND has_table_privilege($1, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
"""
CREATES = """
SELECT nspname FROM pg_namespace WHERE has_schema_privilege($1, oid, 'CREATE')
UNION ALL SELECT datname FROM pg_database
WHERE datname = current_database() AND has_database_privilege($1, oid, 'CREATE')
"""
ATTRIBUTES = """
SELECT rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles
WHERE rolname = $1
"""


async def standing_at(dsn: str) -> Standing:
    connection = await open_connection(dsn, application_name="nexus-test")
    try:
        found = await standing(connection)
    finally:
        await connection.close()
    assert found is not None
    return found


@pytest.fixture
def plain(postgres_server: EmbeddedPostgres) -> Iterator[Owned]:
    """Of a user who may not make roles, as in a managed database."""
    with owned_by(postgres_server, "plain") as (owned,):
        yield owned


@pytest.fixture
def maker(postgres_server: EmbeddedPostgres) -> Iterator[Owned]:
    """Of a user who is no superuser and may make roles."""
    with owned_by(postgres_server, "maker", "CREATEROLE") as (owned,):
        yield owned


@pytest.fixture
async def connection(migrated_database: str) -> AsyncIterator[OwnConnection]:
    connection = await open_connection(migrated_database, application_name="nexus-test")
    yield connection
    connection.terminate()


# --- what it may


async def test_the_role_reads_what_the_dashboard_shows_and_nothing_else(pool: Pool) -> None:
    await Store.over(pool).follow()
    readable = {row[0] for row in await pool.fetch(READABLE, ROLE)}
    views = {
        row[0] for row in await pool.fetch("SELECT schemaname || '.' || viewname FROM pg_views") if "read" in row[0]
    }
    views = {name for name in views if name.split(".")[0] in SCHEMAS}
    assert len(views) > 4 * 10, "the views of readers are there"
    assert readable == {f"public.{table}" for table in TABLES} | views


async def test_it_has_no_other_right_and_no_power(pool: Pool) -> None:
    await Store.over(pool).follow()
    assert await pool.fetch(ANY_OTHER_RIGHT, ROLE) == []
    assert await pool.fetch(CREATES, ROLE) == []
    assert await pool.fetchval(ATTRIBUTES, ROLE) is False


def test_its_schemas_are_those_of_readers() -> None:
    assert {*SCHEMAS} == {ALL, *NARROW_SCHEMAS}


# --- taken


@pytest.mark.bar(70)
async def test_a_reader_is_in_the_role_for_life(migrated_database: str) -> None:
    """Whatever resets a session between two uses leaves the role, also after a query that failed."""
    async with reading(migrated_database, max_size=1) as pool:
        for _ in range(3):
            connection = await acquire(pool, 5)
            assert await connection.fetchval(WHO) == ROLE
            with pytest.raises(asyncpg.DivisionByZeroError):
                await connection.fetchval("SELECT 1 / 0")
            await connection.execute("RESET ALL")
            await give_back(pool, connection)
        assert await pool.fetchval(WHO) == ROLE
        assert await pool.fetchval("SHOW statement_timeout") == "5s"
        assert await pool.fetchval("SHOW default_transaction_read_only") == "on"


async def test_each_connection_of_a_pool_takes_it(migrated_database: str) -> None:
    async with reading(migrated_database, max_size=3) as pool:
        held = [await acquire(pool, 5) for _ in range(3)]
        assert [await one.fetchval(WHO) for one in held] == [ROLE] * 3
        for one in held:
            await give_back(pool, one)


async def test_writers_and_commands_do_not_take_it(migrated_database: str, pool: Pool) -> None:
    assert await pool.fetchval(WHO) == "nexus"


async def test_a_session_that_a_pooler_lends_in_turn_stays_as_it_is(migrated_database: str) -> None:
    """Such a session did not begin with our settings: a role that it takes would be the next client's too."""
    connection = await asyncpg.connect(parse_dsn(migrated_database).for_asyncpg())
    assert (await standing_at(migrated_database)).can_be_taken
    await take(connection)
    assert await connection.fetchval(WHO) == "nexus"
    await connection.close()


async def test_a_server_that_freezes_meanwhile_is_given_up(
    migrated_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_role, "TAKE_DEADLINE_S", 0.1)
    async with asyncio.timeout(10), proxied(migrated_database) as proxy:
        connection = await asyncpg.connect(parse_dsn(proxy.dsn).for_asyncpg())
        proxy.freeze()
        with pytest.raises(StoreUnavailableError):
            await take(connection)
        assert connection.is_closed()


async def test_a_role_that_goes_while_it_is_taken_is_done_without(
    connection: OwnConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stale(_: OwnConnection) -> Standing:
        return Standing("nexus", "nexus", "gone_dashboard", False, True, False, True, True, True, True)

    monkeypatch.setattr(dashboard_role, "standing", stale)
    await take(connection)
    assert await connection.fetchval(WHO) == "nexus"


# --- made, or not


async def test_before_the_first_migration_there_is_nothing_to_take(empty_database: str) -> None:
    async with reading(empty_database) as pool, pool.acquire() as connection:
        assert await standing(connection) is None
        assert await connection.fetchval(WHO) == "nexus"
        await admit(connection)


async def test_a_user_who_may_make_roles_makes_one_and_takes_it(maker: Owned) -> None:
    await migrated(maker.dsn)
    assert await role_of(maker.dsn) == "maker_dashboard"
    found = await standing_at(maker.dsn)
    assert (found.who, found.owner, found.can_be_taken, found.could_write) == ("maker", "maker", True, True)


async def test_a_user_who_may_not_goes_on_without(plain: Owned) -> None:
    assert await migrated(plain.dsn) == [file.name for file in migrations()]
    assert await role_of(plain.dsn) == "plain"
    found = await standing_at(plain.dsn)
    assert (found.is_there, found.can_be_taken, found.could_write) == (False, False, True)
    async with reading(plain.dsn) as pool:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pool.execute("CREATE TABLE mine (x int)")


async def test_what_an_administrator_does_later_is_made_up_for(plain: Owned) -> None:
    await migrated(plain.dsn)
    plain.by_admin("CREATE ROLE plain_dashboard NOLOGIN")
    assert await migrated(plain.dsn) == []
    found = await standing_at(plain.dsn)
    assert (found.is_there, found.is_lent) == (True, False)
    assert await role_of(plain.dsn) == "plain"
    plain.by_admin("GRANT plain_dashboard TO plain")
    await migrated(plain.dsn)
    assert await role_of(plain.dsn) == "plain_dashboard"


async def test_a_role_that_somebody_logs_in_with_is_neither_let_in_nor_taken(plain: Owned) -> None:
    plain.by_admin("CREATE ROLE plain_dashboard LOGIN; GRANT plain_dashboard TO plain")
    await migrated(plain.dsn)
    found = await standing_at(plain.dsn)
    assert (found.is_strange, found.may_read, found.can_be_taken) == (True, False, False)
    assert await role_of(plain.dsn) == "plain"
    plain.by_admin("ALTER ROLE plain_dashboard NOLOGIN")
    await migrated(plain.dsn)
    assert await role_of(plain.dsn) == "plain_dashboard"
    plain.by_admin("ALTER ROLE plain_dashboard LOGIN")
    assert await role_of(plain.dsn) == "plain"


@pytest.mark.parametrize(
    "missing",
    [
        "REVOKE SELECT ON read.requests FROM {}",
        "REVOKE SELECT ON read_numbers.links FROM {}",
        "REVOKE SELECT ON public.parts FROM {}",
        "REVOKE USAGE ON SCHEMA read_accounts FROM {}",
    ],
)
async def test_a_role_that_lacks_a_right_is_not_taken_until_migrating_gives_it(
    migrated_database: str, pool: Pool, missing: str
) -> None:
    """So it is after a restore that left the rights out."""
    await Store.over(pool).follow()
    await pool.execute(missing.format(ROLE))
    assert not (await standing_at(migrated_database)).may_read
    assert await role_of(migrated_database) == "nexus"
    await migrated(migrated_database)
    assert await role_of(migrated_database) == ROLE
    assert await pool.fetch(ANY_OTHER_RIGHT, ROLE) == []


async def test_views_that_another_build_shows_later_are_readable(migrated_database: str, pool: Pool) -> None:
    """They are new tables and new views, made after the rights were given."""
    async with reading(migrated_database) as reader:
        assert await reader.fetchval(WHO) == ROLE
        await Store.over(pool).follow()
        assert await reader.fetchval("SELECT count(*) FROM read.requests") == 0
        assert await reader.fetchval("SELECT count(*) FROM read_accounts_numbers.usage_groups") == 0


async def test_what_is_not_there_yet_cannot_be_admitted(empty_database: str) -> None:
    """The tables may be older than this migration."""
    connection = await open_connection(empty_database, application_name="nexus-test")
    await connection.execute(migrations()[0].sql)
    await admit(connection)
    found = await standing(connection)
    assert found is not None
    assert not found.may_read
    await connection.close()


async def test_a_migration_that_goes_on_is_not_waited_for(
    migrated_database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_role, "_LIMIT_WAITING", "SET LOCAL lock_timeout = '20ms'")
    await pool.execute(f"REVOKE SELECT ON public.parts FROM {ROLE}")
    async with pool.acquire() as busy, busy.transaction():
        await busy.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        async with pool.acquire() as connection:
            await admit(connection)
    assert not (await standing_at(migrated_database)).may_read
    async with pool.acquire() as connection:
        await admit(connection)
    assert (await standing_at(migrated_database)).may_read


async def test_databases_that_are_migrated_at_once_make_one_role(postgres_server: EmbeddedPostgres) -> None:
    with owned_by(postgres_server, "racer", "CREATEROLE", databases=4) as many:
        async with asyncio.TaskGroup() as tasks:
            for one in many:
                tasks.create_task(migrate(one.dsn))
        assert [await role_of(one.dsn) for one in many] == ["racer_dashboard"] * 4


async def test_who_comes_second_waits_for_the_role_of_who_came_first(maker: Owned) -> None:
    """The name is taken by a transaction that is still open; then it commits."""
    files = migrations()
    with psycopg.connect(maker.admin_dsn) as other:
        other.execute("CREATE ROLE maker_dashboard NOLOGIN")
        other.execute("GRANT maker_dashboard TO maker WITH ADMIN OPTION")
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(migrate(maker.dsn))
            await _until_somebody_waits(maker)
            other.commit()
    assert second.result() == [file.name for file in files]
    assert await role_of(maker.dsn) == "maker_dashboard"


async def _until_somebody_waits(owned: Owned) -> None:
    async with asyncio.timeout(10), opened(owned.admin_dsn) as pool:
        while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await pool.execute("SELECT pg_sleep(0.005)")


async def test_two_owners_on_one_server_read_nothing_of_each_other(
    postgres_server: EmbeddedPostgres, maker: Owned
) -> None:
    """A role of one name for both would let either look into the other's database."""
    with owned_by(postgres_server, "other", "CREATEROLE") as (other,):
        for one in (maker, other):
            await migrated(one.dsn)
        async with reading(other.as_user("maker")) as pool:
            assert await pool.fetchval(WHO) == "maker"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.fetch("SELECT * FROM nexus_events")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute("SET ROLE other_dashboard")


async def test_a_user_who_may_only_read_takes_it_where_he_is_a_member(maker: Owned) -> None:
    """DATABASE_READ_URL with a user of its own, as docs/scaling.md shows it."""
    await migrated(maker.dsn)
    maker.by_admin("CREATE ROLE only_reader LOGIN IN ROLE maker_dashboard")
    try:
        assert await role_of(maker.as_user("only_reader")) == "maker_dashboard"
        assert not (await standing_at(maker.as_user("only_reader"))).could_write
    finally:
        maker.by_admin("DROP ROLE only_reader")
