"""Borrowed connections: nobody waits for ever, whatever the server does, and the pool stays whole."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import asyncpg
import pytest

from domain.errors import StoreUnavailableError, TooSlowError
from ops.db.borrowing import acquire, borrowed, cut_off, give_back
from ops.db.pool import Connection, Pool, close_pool, open_connection, open_pool
from tests.migrated import opened
from tests.proxies import Proxy, proxied

SHORT_S = 0.3
PATIENCE_S = 5.0
"""Far above the deadline, far below asyncpg's own."""


@pytest.fixture
async def proxy(empty_database: str) -> AsyncIterator[Proxy]:
    async with proxied(empty_database) as proxy:
        yield proxy


@pytest.fixture
async def pool(proxy: Proxy) -> AsyncIterator[Pool]:
    """Two connections, through the proxy."""
    pool = await open_pool(proxy.dsn, application_name="nexus-test", max_size=2)
    yield pool
    await close_pool(pool, deadline_s=0.5)


async def assert_whole(pool: Pool) -> None:
    """Every connection of the pool can be borrowed at once and works."""
    async with borrowed(pool, PATIENCE_S) as one, borrowed(pool, PATIENCE_S) as two:
        assert [await one.fetchval("SELECT 1"), await two.fetchval("SELECT 2")] == [1, 2]


async def test_a_borrowed_connection_works_and_comes_back(pool: Pool) -> None:
    for _ in range(5):
        await assert_whole(pool)


async def ask_while_it_falls_silent(pool: Pool, proxy: Proxy) -> None:
    async with borrowed(pool, SHORT_S) as connection:
        proxy.freeze()
        await connection.fetchval("SELECT 1")


async def ask_while_it_falls_silent_in_a_transaction(pool: Pool, proxy: Proxy) -> None:
    async with borrowed(pool, SHORT_S) as connection, connection.transaction():
        await connection.execute("SELECT 1")
        proxy.freeze()
        await connection.execute("SELECT 1")


async def ask_while_it_breaks(pool: Pool, proxy: Proxy) -> None:
    async with borrowed(pool, PATIENCE_S) as connection:
        proxy.cut()
        await connection.fetchval("SELECT 1")


@pytest.mark.parametrize("ask", [ask_while_it_falls_silent, ask_while_it_falls_silent_in_a_transaction])
async def test_a_silent_server_is_cut_off_at_the_deadline(
    pool: Pool, proxy: Proxy, ask: Callable[[Pool, Proxy], Awaitable[None]]
) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreUnavailableError, match=r"did not answer within 0\.[23]\d* s"):
            await ask(pool, proxy)
    proxy.thaw()
    await assert_whole(pool)


async def test_a_statement_that_the_server_ends_is_too_slow_and_not_away(empty_database: str) -> None:
    pool = await open_pool(empty_database, application_name="nexus-test", max_size=2, statement_timeout_s=0.05)
    try:
        with pytest.raises(TooSlowError, match="statement timeout"):
            async with borrowed(pool, PATIENCE_S) as connection:
                await connection.execute("SELECT pg_sleep(60)")
        with pytest.raises(TooSlowError):
            async with borrowed(pool, PATIENCE_S) as connection, connection.transaction():
                await connection.execute("SELECT pg_sleep(60)")
        await assert_whole(pool)
    finally:
        await close_pool(pool)


async def test_a_stopped_backend_is_cut_off(empty_database: str) -> None:
    async with opened(empty_database, max_size=2) as pool, asyncio.timeout(PATIENCE_S):
        pid = await pool.fetchval("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError, match="did not answer"):
                async with borrowed(pool, SHORT_S) as connection:
                    await connection.fetchval("SELECT 1")
        finally:
            os.kill(pid, signal.SIGCONT)
        await assert_whole(pool)


async def test_a_new_connection_to_a_silent_server_is_given_up(pool: Pool, proxy: Proxy) -> None:
    await pool.expire_connections()
    proxy.freeze()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreUnavailableError, match="gave no connection"):
            async with borrowed(pool, SHORT_S):
                pytest.fail("there is no server")
    proxy.thaw()
    await assert_whole(pool)


async def test_an_exhausted_pool_is_given_up(pool: Pool) -> None:
    async with borrowed(pool, PATIENCE_S), borrowed(pool, PATIENCE_S):
        with pytest.raises(StoreUnavailableError, match="gave no connection"):
            async with borrowed(pool, SHORT_S):
                pytest.fail("there is no connection")
    await assert_whole(pool)


async def test_a_broken_connection_is_told(pool: Pool, proxy: Proxy) -> None:
    with pytest.raises(StoreUnavailableError, match="broke off"):
        await ask_while_it_breaks(pool, proxy)
    await assert_whole(pool)


async def test_a_server_that_is_gone_is_told(pool: Pool, proxy: Proxy) -> None:
    path, proxy.socket_path = proxy.socket_path, proxy.socket_path + ".gone"
    await pool.expire_connections()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StoreUnavailableError, match="No connection to PostgreSQL: "):
            async with borrowed(pool, PATIENCE_S):
                pytest.fail("there is no server")
    proxy.socket_path = path
    await assert_whole(pool)


async def test_what_was_done_before_the_server_fell_silent_is_no_failure(pool: Pool, proxy: Proxy) -> None:
    async with asyncio.timeout(PATIENCE_S), borrowed(pool, SHORT_S) as connection:
        assert await connection.fetchval("SELECT 1") == 1
        proxy.freeze()
    proxy.thaw()
    await assert_whole(pool)


async def test_a_cancelled_borrower_leaves_at_once(pool: Pool, proxy: Proxy) -> None:
    asked = asyncio.Event()

    async def borrower() -> None:
        async with borrowed(pool, PATIENCE_S * 2) as connection:
            proxy.freeze()
            asked.set()
            await connection.fetchval("SELECT 1")

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(borrower())
        await asked.wait()
        task.cancel()
    assert task.cancelled()
    proxy.thaw()
    await assert_whole(pool)


async def test_an_error_of_the_query_passes_and_the_connection_stays(pool: Pool) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with borrowed(pool, PATIENCE_S) as connection:
            await connection.fetchval("SELECT 1 FROM nowhere")
    await assert_whole(pool)


async def test_a_mistake_of_the_caller_is_no_outage(pool: Pool) -> None:
    with pytest.raises(asyncpg.InterfaceError, match="not yet started"):
        async with borrowed(pool, PATIENCE_S) as connection:
            await connection.transaction().commit()
    await assert_whole(pool)


async def test_a_connection_that_is_kept_is_given_back(pool: Pool) -> None:
    kept = [await acquire(pool, PATIENCE_S), await acquire(pool, PATIENCE_S)]
    for connection in kept:
        await give_back(pool, connection)
        await give_back(pool, connection)
    await assert_whole(pool)


async def test_a_connection_that_the_pool_has_again_is_left_alone() -> None:
    """The deadline may come when it was given back, and before who gave it back goes on."""
    wrong, told = list[object](), asyncio.Event()

    class GivenBack:
        def terminate(self) -> None:
            told.set()
            raise asyncpg.InterfaceError("cannot call Connection.terminate(): connection has been released")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    with cut_off(cast("Connection", GivenBack()), 0.0):
        await told.wait()
        await asyncio.sleep(0)
    assert wrong == []


async def test_a_connection_without_a_pool_is_cut_off_too(proxy: Proxy) -> None:
    connection = await open_connection(proxy.dsn, application_name="nexus-test")
    async with asyncio.timeout(PATIENCE_S):
        proxy.freeze()
        with pytest.raises(StoreUnavailableError, match="did not answer"), cut_off(connection, SHORT_S):
            await connection.fetchval("SELECT 1")
    assert connection.is_closed()


async def test_the_deadline_ends_with_the_block(proxy: Proxy) -> None:
    connection = await open_connection(proxy.dsn, application_name="nexus-test")
    with cut_off(connection, SHORT_S):
        assert await connection.fetchval("SELECT 1") == 1
    await connection.execute(f"SELECT pg_sleep({SHORT_S * 2})")
    await connection.close()
