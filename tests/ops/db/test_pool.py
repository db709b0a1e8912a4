"""Connections: opened with the settings we count on, refused with one clear line, closed in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import psycopg
import pytest

from domain.errors import SetupError, StoreUnavailableError
from ops.db import pool as pool_module
from ops.db.dsn import parse_dsn
from ops.db.embedded import EmbeddedPostgres
from ops.db.pool import OwnConnection, Pool, Use, close_pool, once_more_if_outdated, open_connection, open_pool
from tests.migrated import opened
from tests.proxies import proxied


async def refused(dsn: str) -> Exception:
    with pytest.raises((SetupError, StoreUnavailableError)) as caught:
        await open_pool(dsn, application_name="nexus-test")
    with pytest.raises(caught.type):
        await open_connection(dsn, application_name="nexus-test")
    assert "\n" not in str(caught.value)
    return caught.value


@asynccontextmanager
async def speaking(answer: bytes) -> AsyncIterator[str]:
    """A server that is no PostgreSQL; the DSN for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"postgresql://ada:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}/nexus"
    server.close()


async def test_a_pool_has_the_settings_we_count_on(empty_database: str) -> None:
    pool = await open_pool(empty_database, application_name="nexus-x", statement_timeout_s=1.5)
    names = ("application_name", "search_path", "statement_timeout", "idle_in_transaction_session_timeout", "jit")
    shown = [await pool.fetchval("SELECT current_setting($1)", name) for name in names]
    assert shown == ["nexus-x", "public", "1500ms", "10s", "off"]
    await close_pool(pool)


async def test_the_server_keeps_the_statement_timeout(empty_database: str) -> None:
    pool = await open_pool(empty_database, application_name="nexus-test", statement_timeout_s=0.05)
    with pytest.raises(asyncpg.QueryCanceledError):
        await pool.fetchval("SELECT pg_sleep(10)")
    await close_pool(pool)


@pytest.mark.parametrize(("use", "reset"), [("any", True), ("writer", False)])
async def test_a_session_is_reset_but_a_writers_and_rolled_back_in_any_case(
    empty_database: str, use: Use, reset: bool
) -> None:
    pool = await open_pool(empty_database, application_name="nexus-test", max_size=1, use=use)
    async with pool.acquire() as connection:
        await connection.execute("SET search_path = elsewhere")
        await connection.transaction().start()
        await connection.execute("CREATE TABLE public.left_open (x int)")
    assert await pool.fetchval("SELECT current_setting('search_path')") == ("public" if reset else "elsewhere")
    assert await pool.fetchval("SELECT to_regclass('public.left_open') IS NULL")
    await close_pool(pool)


@pytest.mark.parametrize(
    "write",
    [
        "CREATE TABLE mine (x int)",
        "INSERT INTO public.there VALUES (1)",
        "UPDATE public.there SET x = 2",
        "DELETE FROM public.there",
        "TRUNCATE public.there",
        "DROP TABLE public.there",
        "SELECT nextval('public.numbers')",
    ],
)
async def test_the_server_refuses_whatever_a_reader_would_write(empty_database: str, write: str) -> None:
    anybody = await open_pool(empty_database, application_name="nexus-test")
    await anybody.execute("CREATE TABLE there (x int); CREATE SEQUENCE numbers")
    reader = await open_pool(empty_database, application_name="nexus-test", max_size=1, use="reader")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute(write)
    await anybody.execute(write)
    async with reader.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):  # the next use finds the session as it was
        await reader.execute("CREATE TABLE other (x int)")
    for pool in (anybody, reader):
        await close_pool(pool)


async def test_each_connection_is_begun_once(empty_database: str) -> None:
    begun = list[OwnConnection]()

    async def begin(connection: OwnConnection, /) -> None:
        begun.append(connection)

    pool = await open_pool(empty_database, application_name="nexus-test", max_size=2, init=begin)
    async with pool.acquire(), pool.acquire():
        pass
    async with pool.acquire():
        assert len(begun) == len({*map(id, begun)}) == 2
    await close_pool(pool)


async def test_no_timeout_is_no_timeout(empty_database: str) -> None:
    pool = await open_pool(empty_database, application_name="nexus-test")
    assert await pool.fetchval("SELECT current_setting('statement_timeout')") == "0"
    await close_pool(pool)


async def test_an_unknown_database_is_named(postgres_server: EmbeddedPostgres) -> None:
    error = await refused(postgres_server.dsn_of("nowhere"))
    assert isinstance(error, SetupError)
    assert 'database "nowhere" does not exist' in str(error)


async def test_an_unknown_user_is_named(empty_database: str) -> None:
    target = parse_dsn(empty_database)
    error = await refused(f"postgresql://stranger@/{target.dbname}?host={target.host}&port={target.port}")
    assert isinstance(error, SetupError)
    assert "stranger" in str(error)


async def test_an_option_that_the_server_does_not_know_is_named(empty_database: str) -> None:
    error = await refused(empty_database + "&options=-c%20colour%3Dred")
    assert isinstance(error, SetupError)
    assert "colour" in str(error)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n"])
async def test_a_server_of_another_kind_is_told(answer: bytes) -> None:
    async with speaking(answer) as dsn:
        error = await refused(dsn)
    assert isinstance(error, SetupError)
    assert "no PostgreSQL server" in str(error)
    assert "secret" not in str(error)


async def test_a_host_without_an_address_is_wrong() -> None:
    assert isinstance(await refused("postgresql://ada@nowhere.invalid/nexus"), SetupError)


async def test_no_url_at_all_is_wrong() -> None:
    assert isinstance(await refused("nonsense"), SetupError)


async def test_a_refused_connection_is_worth_another_try() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert isinstance(await refused(f"postgresql://ada@127.0.0.1:{port}/nexus"), StoreUnavailableError)


async def test_a_socket_that_is_not_there_yet_is_worth_another_try(empty_database: str) -> None:
    dsn = f"postgresql://nexus@/nexus?host={parse_dsn(empty_database).host}-not-there"
    assert isinstance(await refused(dsn), StoreUnavailableError)


async def test_a_server_that_does_not_answer_is_given_up(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "CONNECT_TIMEOUT_S", 0.1)
    async with proxied(empty_database) as proxy:
        proxy.freeze()
        assert isinstance(await refused(proxy.dsn), StoreUnavailableError)


async def test_a_database_of_another_encoding_is_refused(postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres_server.dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE other_encoding ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    error = await refused(postgres_server.dsn_of("other_encoding"))
    assert isinstance(error, SetupError)
    assert "LATIN1; create it with ENCODING 'UTF8'" in str(error)


async def test_an_old_server_is_refused(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "OLDEST_SERVER", 99)
    error = await refused(empty_database)
    assert isinstance(error, SetupError)
    assert "is too old; use 99 or newer" in str(error)


async def test_closing_does_not_wait_for_a_frozen_server(empty_database: str) -> None:
    async with proxied(empty_database) as proxy:
        pool = await open_pool(proxy.dsn, application_name="nexus-test")
        async with pool.acquire():
            proxy.freeze()
            async with asyncio.timeout(5):
                await close_pool(pool, deadline_s=0.1)
        assert pool.is_closing()


# --- views are replaced under prepared statements

CREATE = "CREATE VIEW shown AS SELECT 1::integer AS number"
REPLACE = "DROP VIEW shown; CREATE VIEW shown AS SELECT 'two'::text AS number"
SELECT = "SELECT number FROM shown"


async def test_a_replaced_view_is_read_by_every_connection_outside_a_transaction(empty_database: str) -> None:
    async with opened(empty_database) as pool:
        await pool.execute(CREATE)
        async with pool.acquire() as one, pool.acquire() as two:
            assert [await one.fetchval(SELECT), await two.fetchval(SELECT)] == [1, 1]
            await pool.execute(REPLACE)
            assert [await one.fetchval(SELECT), await two.fetchval(SELECT)] == ["two", "two"]


async def test_a_replaced_view_is_read_by_a_transaction_that_is_repeated(empty_database: str) -> None:
    async with opened(empty_database) as pool:
        await pool.execute(CREATE)

        async def work() -> list[object]:
            async with pool.acquire() as connection, connection.transaction():
                return [await connection.fetchval("SELECT 0"), await connection.fetchval(SELECT)]

        assert await once_more_if_outdated(work) == [0, 1]
        await pool.execute(REPLACE)
        with pytest.raises(asyncpg.InvalidCachedStatementError):
            await work()
        await restore(pool)
        assert await once_more_if_outdated(work) == [0, "two"]


async def restore(pool: Pool) -> None:
    """Have the first version prepared again, then replace it again."""
    await pool.execute(f"DROP VIEW shown; {CREATE}")
    assert await pool.fetchval(SELECT) == 1
    await pool.execute(REPLACE)


async def test_work_that_fails_otherwise_is_not_repeated() -> None:
    calls: list[int] = []

    async def work() -> None:
        calls.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await once_more_if_outdated(work)
    assert calls == [1]
