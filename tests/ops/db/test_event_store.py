"""Appending a batch: all or nothing, once, in order, and never waiting for ever.

What every store of the shipper must do is in ``tests/contracts/test_ship_store.py``.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest

from domain.errors import AppendConflictError, StoreUnavailableError
from domain.parts import cut
from domain.ports import Batch, JournalCursor
from ops.db import event_store
from ops.db.event_log import PostgresEventLog
from ops.db.event_store import PostgresShipStore
from ops.db.locks import APPEND_LOCK
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.stored.events import ExchangeEvent
from tests.migrated import opened, until_somebody_waits
from tests.proxies import proxied
from tests.shipping import TestJournal, completed, exchange, new_journal_id, new_request_id, received, streamed

TENANT = "tenant"
BODY = json.dumps({"messages": [{"role": "user", "content": "words " * 40}]}).encode()
SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relname LIKE $1 AND relkind = 'r'"
HOLD_LOCK = "SELECT pg_advisory_xact_lock($1)"


@dataclass
class Bench:
    """A store with a journal, and what there is to look at."""

    dsn: str
    pool: Pool
    store: PostgresShipStore
    journal: TestJournal
    announced: list[int] = field(default_factory=list)

    async def ship(self, *events: ExchangeEvent) -> None:
        await self.journal.ship(self.store, events)

    async def events(self) -> list[object]:
        return [recorded.event for recorded in await PostgresEventLog(self.pool).read(0, 10_000)]  # type: ignore[arg-type]  # positions are integers

    async def rows(self, table: str) -> int:
        count: int = await self.pool.fetchval(f"SELECT count(*) FROM {table}")
        return count

    async def counts(self) -> dict[str, int]:
        """Of every table that an append writes."""
        return {name: await self.rows(name) for name in ("nexus_events", "parts", "chunks", "open_exchanges")}


@pytest.fixture
async def bench(migrated_database: str, pool: Pool) -> Bench:
    announced: list[int] = []
    store = PostgresShipStore(pool, announce=lambda: announced.append(1), random_bytes=os.urandom)
    return Bench(migrated_database, pool, store, await TestJournal.opened(store), announced)


async def whole_batch(bench: Bench) -> Batch:
    """Two events, a body and a run."""
    request_id = new_request_id()
    body = cut(BODY, await bench.store.scope_key(TENANT))
    run_event, run = streamed(request_id, 2, 0, b"answer" * 50)
    events = [received(request_id, scope=TENANT, body=body.reference), run_event]
    return bench.journal.batch(events, [(TENANT, body)], [run])


# --- what is written


async def test_everything_in_a_batch_is_stored(bench: Bench) -> None:
    batch = await whole_batch(bench)
    await bench.store.append(batch)
    payloads = PostgresPayloads(bench.pool)
    request = batch.events[0]
    assert await bench.events() == list(batch.events)
    assert await payloads.body(TENANT, batch.bodies[0].body.reference) == BODY
    assert await payloads.answers([request.originator_id]) == {request.originator_id: batch.runs[0].data}
    assert (await bench.store.open_journal(batch.after.journal)).cursor == batch.after


async def test_positions_follow_the_order_of_the_batch(bench: Bench) -> None:
    events = [event for n in range(20) for event in exchange(3)]
    await bench.ship(*events[:30])
    await bench.ship(*events[30:])
    assert await bench.events() == events


async def test_a_batch_may_bring_nothing_but_the_cursor(bench: Bench) -> None:
    await bench.ship()
    assert (await bench.store.open_journal(bench.journal.cursor.journal)).cursor == bench.journal.cursor
    assert bench.announced == []


async def test_a_large_run_is_compressed_and_noise_is_not(bench: Bench) -> None:
    one, two = new_request_id(), new_request_id()
    runs = [streamed(one, 1, 0, b"data: text\n\n" * 1000)[1], streamed(two, 1, 0, os.urandom(1000))[1]]
    await bench.journal.ship(bench.store, runs=runs)
    rows = await bench.pool.fetch("SELECT codec, raw_length, octet_length(data) FROM chunks ORDER BY request_id")
    assert [tuple(row)[:2] for row in rows] == [(1, 12000), (0, 1000)]
    assert rows[0][2] < 1000
    assert await PostgresPayloads(bench.pool).answers([one, two]) == {run.request_id: run.data for run in runs}


# --- all or nothing


async def test_an_event_that_is_there_already_refuses_the_whole_batch(bench: Bench) -> None:
    first = exchange(2)
    await bench.ship(*first)
    before = await bench.counts()
    for again in ([first[0]], [*exchange(3), first[1]]):
        with pytest.raises(AppendConflictError):
            await bench.ship(*again)
    assert await bench.counts() == before
    assert await bench.events() == first


@pytest.mark.bar(80)
async def test_another_event_under_a_taken_version_is_a_conflict_not_an_answer(bench: Bench) -> None:
    first = received(new_request_id())
    await bench.ship(first)
    with pytest.raises(AppendConflictError):
        await bench.ship(first.model_copy(update={"target": "/elsewhere"}))
    assert await bench.events() == [first]


@pytest.mark.bar(80)
async def test_other_bytes_at_a_taken_offset_are_a_conflict_not_an_answer(bench: Bench) -> None:
    request_id = new_request_id()
    event, run = streamed(request_id, 1, 0, b"first")
    await bench.journal.ship(bench.store, [event], runs=[run])
    later, other = streamed(request_id, 2, 0, b"other")
    with pytest.raises(AppendConflictError):
        await bench.journal.ship(bench.store, [later], runs=[other])
    assert await PostgresPayloads(bench.pool).answers([request_id]) == {request_id: b"first"}
    assert await bench.events() == [event]


async def test_two_equal_versions_in_one_batch_are_a_conflict(bench: Bench) -> None:
    event = received(new_request_id())
    with pytest.raises(AppendConflictError):
        await bench.ship(event, event)
    assert await bench.events() == []


async def test_a_batch_counts_once_however_often_it_is_sent(bench: Bench) -> None:
    batch = await whole_batch(bench)
    await bench.store.append(batch)
    before = await bench.counts()
    with pytest.raises(AppendConflictError):
        await bench.store.append(batch)
    assert await bench.counts() == before


@pytest.mark.bar(80)
async def test_a_cursor_that_stands_elsewhere_leaves_nothing_behind(bench: Bench) -> None:
    batch = await whole_batch(bench)
    await bench.ship()
    with pytest.raises(AppendConflictError, match="read its cursor again"):
        await bench.store.append(batch)
    assert set((await bench.counts()).values()) == {0}


async def test_a_journal_that_nobody_opened_is_a_conflict(bench: Bench) -> None:
    journal = new_journal_id()
    batch = Batch(exchange(2), [], [], JournalCursor(journal, 1, 0), JournalCursor(journal, 1, 10))
    with pytest.raises(AppendConflictError):
        await bench.store.append(batch)
    assert await bench.events() == []


@pytest.mark.parametrize("step", ["insert_parts", "_insert_chunks", "_insert_events", "_note_open", "_move_cursor"])
async def test_a_failure_after_any_step_undoes_all_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    batch = await whole_batch(bench)
    done: Callable[..., object] = getattr(event_store, step)

    async def fail(*arguments: object) -> None:
        await done(*arguments)  # type: ignore[misc]  # each of them is a coroutine
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(event_store, step, fail)
        with pytest.raises(StoreUnavailableError):
            await bench.store.append(batch)
    assert set((await bench.counts()).values()) == {0}
    await bench.store.append(batch)
    assert await bench.events() == list(batch.events)


async def test_a_batch_whose_commit_got_no_answer_is_safe_to_send_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await whole_batch(bench)
    move = event_store._move_cursor
    async with proxied(bench.dsn) as proxy, opened(proxy.dsn) as pool:

        async def move_and_hold_back(*arguments: object) -> None:
            await move(*arguments)  # type: ignore[arg-type]  # passed on as they came
            proxy.freeze_answers()

        monkeypatch.setattr(event_store, "_move_cursor", move_and_hold_back)
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom, deadline_s=1.0)
        with pytest.raises(StoreUnavailableError):
            await store.append(batch)
        proxy.thaw()
        assert (await store.open_journal(batch.after.journal)).cursor == batch.after
        with pytest.raises(AppendConflictError):
            await store.append(batch)
    assert await bench.events() == list(batch.events)


# --- the order of locks


@pytest.fixture
async def holder(bench: Bench) -> AsyncIterator[asyncpg.transaction.Transaction]:
    """A transaction of somebody else that holds the append lock."""
    async with bench.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(HOLD_LOCK, APPEND_LOCK)
        yield transaction


@pytest.mark.bar(80)
async def test_an_append_waits_for_the_append_lock(bench: Bench, holder: asyncpg.transaction.Transaction) -> None:
    async with asyncio.TaskGroup() as tasks:
        appending = tasks.create_task(bench.ship(*exchange(2)))
        await until_somebody_waits(bench.dsn)
        assert not appending.done()
        await holder.rollback()
    assert len(await bench.events()) == 2


async def test_no_position_is_drawn_before_the_lock_is_held(
    bench: Bench, holder: asyncpg.transaction.Transaction
) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.ship(*exchange(2)))
        await until_somebody_waits(bench.dsn)
        drawn = await bench.pool.fetchval("SELECT is_called FROM nexus_events_notification_id_seq")
        await holder.rollback()
    assert not drawn


async def test_the_lock_is_held_until_the_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []
    move = event_store._move_cursor

    async def look(*arguments: object) -> None:
        await move(*arguments)  # type: ignore[arg-type]  # passed on as they came
        async with bench.pool.acquire() as other, other.transaction():
            free.append(await other.fetchval("SELECT pg_try_advisory_xact_lock($1)", APPEND_LOCK))

    monkeypatch.setattr(event_store, "_move_cursor", look)
    await bench.ship(*exchange(2))
    assert free == [False]


@pytest.mark.parametrize("table", ["parts", "chunks"])
async def test_payload_is_inserted_before_the_lock_is_taken(
    bench: Bench, holder: asyncpg.transaction.Transaction, table: str
) -> None:
    batch = await whole_batch(bench)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.store.append(batch))
        await until_somebody_waits(bench.dsn)
        # Rows of a transaction in progress are not visible, but they take room.
        taken = await bench.pool.fetchval(SIZE, table + "%")
        await holder.rollback()
    assert taken > 0


# --- servers that do not answer


async def test_a_stopped_server_process_is_cut_off_and_the_batch_arrives_later(bench: Bench) -> None:
    batch = await whole_batch(bench)
    async with opened(bench.dsn, max_size=1) as pool, asyncio.timeout(10):
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom, deadline_s=0.2)
        await store.scope_key(TENANT)
        pid = await pool.fetchval("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailableError, match="did not answer"):
                await store.append(batch)
        finally:
            os.kill(pid, signal.SIGCONT)
        await bench.store.append(batch)
    assert await bench.events() == list(batch.events)


@pytest.mark.parametrize("call", ["append", "tails", "scope_key", "open_journal", "close_journal"])
async def test_no_call_waits_for_a_silent_server(bench: Bench, call: str) -> None:
    batch = bench.journal.batch(exchange(2))
    arguments: dict[str, object] = {
        "append": batch,
        "tails": [new_request_id()],
        "scope_key": "new",
        "open_journal": new_journal_id(),
        "close_journal": new_journal_id(),
    }
    async with proxied(bench.dsn) as proxy, opened(proxy.dsn) as pool, asyncio.timeout(10):
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom, deadline_s=0.1)
        proxy.freeze()
        with pytest.raises(StoreUnavailableError):
            await getattr(store, call)(arguments[call])
        proxy.thaw()
    await getattr(bench.store, call)(arguments[call])


async def test_a_lock_that_is_never_given_free_is_an_outage(
    bench: Bench, holder: asyncpg.transaction.Transaction
) -> None:
    store = PostgresShipStore(bench.pool, announce=lambda: None, random_bytes=os.urandom, deadline_s=0.2)
    batch = bench.journal.batch(exchange(2))
    with pytest.raises(StoreUnavailableError):
        await store.append(batch)
    await holder.rollback()
    await bench.store.append(batch)
    assert len(await bench.events()) == 2


async def test_a_large_batch_has_more_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_store, "SLOWEST_BYTES_PER_S", 2.0)
    store = PostgresShipStore(bench.pool, announce=lambda: None, random_bytes=os.urandom, deadline_s=0.2)
    _, run = streamed(new_request_id(), 1, 0, b"20 bytes make 10 s !")
    move = event_store._move_cursor

    async def slowly(*arguments: object) -> None:
        await arguments[0].execute("SELECT pg_sleep(0.4)")  # type: ignore[attr-defined]  # the connection
        await move(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(event_store, "_move_cursor", slowly)
    with pytest.raises(StoreUnavailableError):
        await store.append(bench.journal.batch(exchange(2)))
    await store.append(bench.journal.batch(exchange(2), runs=[run]))


async def test_readers_are_told_after_the_commit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.ship(*exchange(2))
    assert bench.announced == [1]
    with pytest.raises(AppendConflictError):
        await bench.store.append(bench.journal.batch([completed(new_request_id(), 1)] * 2))
    assert bench.announced == [1]


async def test_the_append_itself_notifies_nobody(bench: Bench) -> None:
    statements: list[str] = []
    async with opened(bench.dsn, max_size=1) as pool:
        async with pool.acquire() as connection:
            connection.add_query_logger(lambda query: statements.append(query.query))
        store = PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
        await store.append(await whole_batch(bench))
    assert any("INSERT INTO nexus_events" in statement for statement in statements)
    assert not any("notify" in statement.lower() for statement in statements)


# --- journals


async def test_an_exchange_is_open_from_its_first_event_to_its_terminal_one(bench: Bench) -> None:
    one, two = new_request_id(), new_request_id()
    journal = bench.journal.cursor.journal

    async def still_open() -> frozenset[UUID]:
        return (await bench.store.open_journal(journal)).open

    await bench.ship(received(one), *exchange(3))
    assert await still_open() == {one}
    await bench.ship(received(two), streamed(one, 2, 0, b"x")[0])
    assert await still_open() == {one, two}
    await bench.ship(completed(one, 3))
    assert await still_open() == {two}


async def test_journals_do_not_see_each_others_exchanges(bench: Bench) -> None:
    other = await TestJournal.opened(bench.store)
    await bench.ship(received(new_request_id()))
    assert (await bench.store.open_journal(other.cursor.journal)).open == frozenset()


async def test_a_closed_journal_is_forgotten(bench: Bench) -> None:
    journal = bench.journal.cursor.journal
    await bench.ship(received(new_request_id()))
    await bench.store.close_journal(journal)
    assert await bench.rows("journals") == await bench.rows("open_exchanges") == 0
    state = await bench.store.open_journal(journal)
    assert (state.cursor, state.open) == (JournalCursor(journal, 1, 0), frozenset())
