"""Whoever appends seals in the same transaction, under the lock: one chain for all writers, none for what fails."""

import asyncio
import os
from collections.abc import AsyncIterator

import psycopg
import pytest

from domain.errors import AppendConflictError
from ops.db import event_store
from ops.db.application import Nexus, library_failures
from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from ops.db.seal_check import check_seals, through
from tests.migrated import opened
from tests.shipping import TestJournal, exchange

SEALS = "SELECT first_position, last_position FROM event_seals ORDER BY last_position"


@pytest.fixture
async def library(migrated_database: str) -> AsyncIterator[Nexus]:
    application = await asyncio.to_thread(Nexus, migrated_database)
    yield application
    await asyncio.to_thread(application.close)


async def save(library: Nexus, length: int) -> None:
    def put() -> None:
        with library_failures():
            library.events.put(exchange(length))

    await asyncio.to_thread(put)


async def ship(pool: Pool, times: int = 1, length: int = 3) -> None:
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    journal = await TestJournal.opened(store)
    for _ in range(times):
        await journal.ship(store, exchange(length))


async def spans(pool: Pool) -> list[tuple[int, int]]:
    return [tuple(row) for row in await pool.fetch(SEALS)]


@pytest.mark.bar(29)
async def test_each_append_of_either_writer_is_one_link(pool: Pool, library: Nexus) -> None:
    await ship(pool)
    await save(library, 2)
    await ship(pool, length=4)
    assert await spans(pool) == [(1, 3), (4, 5), (6, 9)]
    report = await check_seals(through(pool))
    assert (report.events, report.unsealed, report.fault_count) == (9, 0, 0)


@pytest.mark.bar(29)
async def test_writers_at_once_make_one_chain(pool: Pool, library: Nexus) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(ship(pool, 15))
        for _ in range(2):
            tasks.create_task(save_often(library, 15))
    report = await check_seals(through(pool))
    assert (report.events, report.fault_count) == (4 * 15 * 3 + 2 * 15 * 2, 0)
    assert len(await spans(pool)) == 4 * 15 + 2 * 15


async def save_often(library: Nexus, times: int) -> None:
    for _ in range(times):
        await save(library, 2)


async def test_a_refused_append_leaves_no_seal(pool: Pool, library: Nexus) -> None:
    events = exchange(3)
    store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    journal = await TestJournal.opened(store)
    await journal.ship(store, events)
    with pytest.raises(AppendConflictError):
        await journal.ship(store, [*exchange(2), events[0]])

    def put() -> None:
        with library_failures():
            library.events.put([*exchange(2), events[0]])

    with pytest.raises(AppendConflictError):
        await asyncio.to_thread(put)
    assert await spans(pool) == [(1, 3)]
    await ship(pool)
    assert (await check_seals(through(pool))).fault_count == 0


async def test_a_server_that_isolates_more_by_default_does_not_break_the_chain(migrated_database: str) -> None:
    """In a snapshot from before the lock, the newest seal would be an old one."""
    with psycopg.connect(migrated_database, autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'repeatable read'")
        try:
            async with opened(migrated_database) as pool:
                application = await asyncio.to_thread(Nexus, migrated_database)
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(3):
                        tasks.create_task(ship(pool, 10))
                    tasks.create_task(save_often(application, 10))
                report = await check_seals(through(pool))
                await asyncio.to_thread(application.close)
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
    assert (report.events, report.fault_count) == (110, 0)


async def test_an_append_without_the_lock_forks_the_chain_and_is_found(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the lock is for: without it two appends follow the same seal."""
    inside, meet = 0, asyncio.Event()
    move = event_store._move_cursor

    async def both_before_either_commits(*arguments: object) -> None:
        nonlocal inside
        inside += 1
        if inside == 2:
            meet.set()
        await meet.wait()
        await move(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(event_store, "TAKE_LOCK", "SELECT $1::bigint")
    monkeypatch.setattr(event_store, "_move_cursor", both_before_either_commits)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(ship(pool))
    assert (await check_seals(through(pool))).fault_count > 0
