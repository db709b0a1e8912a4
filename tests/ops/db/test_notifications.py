"""Readers wake up after an append, at the latest after the poll, and keep doing so when connections break."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from domain.errors import StoreUnavailableError
from ops.db import notifications
from ops.db.borrowing import borrowed
from ops.db.notifications import CHANNEL, Notifier, wakeups
from ops.db.pool import Connection, Pool
from tests.migrated import opened
from tests.proxies import proxied
from tests.waiting import until

LONG_S = 60.0
"""A poll that does not come within a test."""
SOON_S = 10.0


@asynccontextmanager
async def running(notifier: Notifier) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(notifier.run())
        yield
        task.cancel()


@asynccontextmanager
async def hearing(pool: Pool) -> AsyncIterator[list[str]]:
    """The payloads of all notifications on our channel."""
    heard: list[str] = []

    def hear(_connection: Connection, _pid: int, _channel: str, payload: object) -> None:
        heard.append(str(payload))

    async with pool.acquire() as connection:
        await connection.add_listener(CHANNEL, hear)
        yield heard
        await connection.remove_listener(CHANNEL, hear)


def woken(pool: Pool, poll_s: float) -> AsyncGenerator[None]:
    stream = wakeups(pool, poll_s)
    assert isinstance(stream, AsyncGenerator)
    return stream


async def listeners(pool: Pool) -> list[int]:
    rows = await pool.fetch("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'")
    return [row["pid"] for row in rows]


@asynccontextmanager
async def waiting(pool: Pool, poll_s: float = LONG_S) -> AsyncIterator[list[int]]:
    """Somebody who follows the wakeups; how many there were."""
    count: list[int] = []
    wake = count.append

    async def follow() -> None:
        async with aclosing(woken(pool, poll_s)) as stream:
            async for _ in stream:
                wake(1)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(follow())
        yield count
        task.cancel()


async def notify_until(pool: Pool, count: list[int], wanted: int) -> None:
    """Notify again and again: the first ones may come before somebody listens."""
    async with asyncio.timeout(SOON_S):
        while len(count) < wanted:
            await pool.execute(f"NOTIFY {CHANNEL}")
            await pool.execute("SELECT pg_sleep(0.01)")


# --- sending


async def test_an_announcement_becomes_a_notification_without_payload(pool: Pool) -> None:
    notifier = Notifier(pool)
    async with hearing(pool) as heard, running(notifier):
        notifier.announce()
        await until(lambda: heard)
    assert heard == [""]


async def test_many_announcements_become_few_notifications_and_the_last_one_counts(pool: Pool) -> None:
    notifier = Notifier(pool, interval_s=0.1)
    loop = asyncio.get_running_loop()
    async with hearing(pool) as heard, running(notifier):
        began = loop.time()
        for _ in range(200):
            notifier.announce()
            await pool.execute("SELECT 1")
        took = loop.time() - began
        sent = len(heard)
        notifier.announce()
        await until(lambda: len(heard) > sent)
        assert sent <= took / 0.1 + 1


async def test_notifications_are_at_most_ten_a_second() -> None:
    assert notifications.NOTIFY_INTERVAL_S >= 1 / 10


async def test_nothing_is_sent_when_nothing_is_announced(pool: Pool) -> None:
    async with hearing(pool) as heard, running(Notifier(pool, interval_s=0.001)):
        await pool.execute("SELECT pg_sleep(0.05)")
    assert heard == []


async def test_the_notifier_outlives_an_outage(
    migrated_database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[int] = []

    @asynccontextmanager
    async def noting(pool: Pool, deadline_s: float) -> AsyncIterator[Connection]:
        try:
            async with borrowed(pool, deadline_s) as connection:
                yield connection
        except StoreUnavailableError:
            failed.append(1)
            raise

    monkeypatch.setattr(notifications, "borrowed", noting)
    monkeypatch.setattr(notifications, "NOTIFY_DEADLINE_S", 0.05)
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind:
        notifier = Notifier(behind, interval_s=0.01)
        async with hearing(pool) as heard, running(notifier):
            proxy.freeze()
            notifier.announce()
            await until(lambda: failed)
            proxy.thaw()

            def heard_after_another_announcement() -> bool:
                notifier.announce()
                return bool(heard)

            await until(heard_after_another_announcement)


# --- hearing


async def test_the_first_wakeup_comes_at_once(pool: Pool) -> None:
    async with asyncio.timeout(SOON_S), aclosing(woken(pool, LONG_S)) as stream:
        await anext(stream)


async def test_a_wakeup_comes_with_every_poll(pool: Pool) -> None:
    async with waiting(pool, poll_s=0.01) as count:
        await until(lambda: len(count) >= 10)


async def test_a_notification_wakes_before_the_poll(pool: Pool) -> None:
    async with waiting(pool) as count:
        await notify_until(pool, count, 3)


async def test_without_a_notification_there_is_no_wakeup_before_the_poll(pool: Pool) -> None:
    async with waiting(pool) as count:
        await notify_until(pool, count, 2)
        await pool.execute("SELECT pg_sleep(0.1)")
        before = len(count)
        await pool.execute("SELECT pg_sleep(0.1)")
        assert len(count) == before


async def test_a_lost_connection_wakes_at_once_and_is_found_again(pool: Pool) -> None:
    async with waiting(pool) as count:
        await notify_until(pool, count, 2)
        for _ in range(3):
            (pid,) = await listeners(pool)
            before = len(count)
            await pool.execute("SELECT pg_terminate_backend($1)", pid)
            await until(lambda: len(count) > before)  # noqa: B023  # awaited in this turn of the loop
            await notify_until(pool, count, before + 3)


async def test_polls_go_on_while_the_server_is_silent(migrated_database: str) -> None:
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind, waiting(behind, poll_s=0.05) as count:
        await until(lambda: len(count) >= 2)
        proxy.freeze()
        before = len(count)
        await until(lambda: len(count) >= before + 5)
        proxy.thaw()


async def test_a_silent_connection_is_noticed_and_replaced(
    migrated_database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LISTEN_AGAIN_S", 0.02)
    monkeypatch.setattr(notifications, "LISTEN_DEADLINE_S", 0.05)
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind, waiting(behind, poll_s=0.1) as count:
        await until(lambda: len(count) >= 2)
        (before,) = await listeners(pool)
        proxy.freeze()
        polls = len(count)
        await until(lambda: len(count) >= polls + 3)
        proxy.thaw()
        async with asyncio.timeout(SOON_S):
            while not set(await listeners(pool)) - {before}:
                await pool.execute("SELECT pg_sleep(0.01)")


async def test_a_server_that_is_silent_from_the_start_is_heard_later(
    migrated_database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LISTEN_AGAIN_S", 0.02)
    monkeypatch.setattr(notifications, "LISTEN_DEADLINE_S", 0.2)
    async with proxied(migrated_database) as proxy, opened(proxy.dsn) as behind:
        proxy.freeze()
        async with waiting(behind, poll_s=0.3) as count:
            await until(lambda: len(count) >= 2)
            assert await listeners(pool) == []
            proxy.thaw()
            async with asyncio.timeout(SOON_S):
                while not await listeners(pool):
                    await pool.execute("SELECT pg_sleep(0.01)")


async def test_the_connection_goes_back_to_the_pool(migrated_database: str) -> None:
    async with opened(migrated_database, max_size=1) as small:
        for _ in range(3):
            async with waiting(small, poll_s=0.01) as count:
                await until(lambda: len(count) >= 3)
        assert await small.fetchval("SELECT count(*) FROM pg_listening_channels()") == 0


async def test_an_exhausted_pool_is_no_reason_not_to_poll(migrated_database: str) -> None:
    async with opened(migrated_database, max_size=1) as small, small.acquire(), waiting(small, poll_s=0.02) as count:
        await until(lambda: len(count) >= 5)


async def test_several_readers_all_wake(migrated_database: str, pool: Pool) -> None:
    async with opened(migrated_database) as other, waiting(pool) as one, waiting(other) as two:
        await notify_until(pool, one, 3)
        await notify_until(pool, two, 3)
