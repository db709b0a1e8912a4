"""One contract for both writers of the event store, ours and the library's, over one table.

Each rule is run with each writer; then both write at once while a reader follows.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from eventsourcing.domain import DomainEventProtocol
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.corrections import LinkCorrection
from domain.errors import AppendConflictError
from domain.ids import Position
from ops.db.application import Nexus, library_failures
from ops.db.event_log import PostgresEventLog
from ops.db.event_store import PostgresShipStore
from ops.db.pool import Pool
from schemas.stored.events import ExchangeEvent
from tests.migrated import opened
from tests.shipping import AT, TestJournal, exchange, new_request_id, received
from tests.strategies import exchange_events

START = Position(0)
SHIPPERS, SHIPMENTS = 4, 40
SAVERS, SAVES = 3, 60
IN_ONE_DATABASE = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

Append = Callable[[Sequence[ExchangeEvent]], Awaitable[None]]


@dataclass(frozen=True)
class Table:
    """The event store with its two writers and its two readers."""

    pool: Pool
    application: Nexus

    async def ship(self, events: Sequence[ExchangeEvent]) -> None:
        """Our writer."""
        store = PostgresShipStore(self.pool, announce=lambda: None, random_bytes=os.urandom)
        await (await TestJournal.opened(store)).ship(store, events)

    async def save(self, events: Sequence[DomainEventProtocol[UUID]]) -> None:
        """The library's writer."""

        def put() -> None:
            with library_failures():
                self.application.events.put(events)

        await asyncio.to_thread(put)

    async def ours(self, originator_id: UUID) -> list[object]:
        """A stream, read by us."""
        return [recorded.event for recorded in await PostgresEventLog(self.pool).stream(originator_id)]

    async def theirs(self, originator_id: UUID) -> list[object]:
        """A stream, read by the library."""
        return await asyncio.to_thread(lambda: list(self.application.events.get(originator_id)))

    async def log(self) -> list[tuple[int, object]]:
        found = await PostgresEventLog(self.pool).read(START, 100_000)
        return [(recorded.position, recorded.event) for recorded in found]

    async def notifications(self) -> list[tuple[int, object]]:
        """The whole log, read by the library."""

        def select() -> list[tuple[int, object]]:
            found = self.application.recorder.select_notifications(1, 100_000)
            return [(one.id, self.application.mapper.to_domain_event(one)) for one in found]

        return await asyncio.to_thread(select)


@pytest.fixture
async def table(migrated_database: str) -> AsyncIterator[Table]:
    async with opened(migrated_database) as pool:
        application = await asyncio.to_thread(Nexus, migrated_database)
        yield Table(pool, application)
        await asyncio.to_thread(application.close)


@pytest.fixture(params=["ours", "the library's"])
def append(request: pytest.FixtureRequest, table: Table) -> Append:
    """One of the two writers."""
    return table.ship if request.param == "ours" else table.save


async def test_what_is_written_is_read_equal_by_both(table: Table, append: Append) -> None:
    events = exchange(5)
    await append(events)
    assert await table.ours(events[0].originator_id) == events
    assert await table.theirs(events[0].originator_id) == events


async def test_both_readers_see_the_same_log(table: Table, append: Append) -> None:
    for _ in range(5):
        await append(exchange(4))
    log = await table.log()
    assert len(log) == 20
    assert await table.notifications() == log


async def test_positions_grow_in_the_order_of_writing(table: Table, append: Append) -> None:
    written = [exchange(3) for _ in range(10)]
    for events in written:
        await append(events)
    log = await table.log()
    assert [event for _, event in log] == [event for events in written for event in events]
    positions = [position for position, _ in log]
    assert positions == sorted(set(positions))


async def test_a_taken_version_is_a_conflict_and_nothing_of_the_batch_stays(table: Table, append: Append) -> None:
    first, second = exchange(3), exchange(3)
    await append(first)
    with pytest.raises(AppendConflictError):
        await append([*second, first[1]])
    assert [event for _, event in await table.log()] == first


async def test_a_version_taken_by_the_other_writer_is_a_conflict(table: Table) -> None:
    mine, theirs = exchange(2), exchange(2)
    await table.ship(mine)
    await table.save(theirs)
    with pytest.raises(AppendConflictError):
        await table.save(mine)
    with pytest.raises(AppendConflictError):
        await table.ship(theirs)
    assert [event for _, event in await table.log()] == [*mine, *theirs]


async def test_of_two_writers_of_one_version_exactly_one_wins(table: Table) -> None:
    for _ in range(10):
        request_id = new_request_id()
        rivals = [received(request_id, target=f"/{n}") for n in range(4)]
        calls = [table.ship([rival]) if n % 2 else table.save([rival]) for n, rival in enumerate(rivals)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results if result] == [AppendConflictError] * 3
        winner = rivals[results.index(None)]
        assert await table.ours(request_id) == [winner]


@IN_ONE_DATABASE
@given(events=st.lists(exchange_events(), min_size=1, max_size=6), ours=st.booleans())
async def test_any_event_survives_either_writer_and_either_reader(
    table: Table, events: list[ExchangeEvent], ours: bool
) -> None:
    request_id = new_request_id()
    stream = [
        event.model_copy(update={"originator_id": request_id, "originator_version": version})
        for version, event in enumerate(events, 1)
    ]
    await (table.ship if ours else table.save)(stream)
    assert await table.ours(request_id) == stream
    assert await table.theirs(request_id) == stream


async def test_aggregates_and_exchanges_share_the_store(table: Table) -> None:
    request_id = new_request_id()
    correction = LinkCorrection.begin(request_id, None, who="ada", why="", at=AT)
    facts = list(correction.pending_events)
    await table.ship([received(request_id)])
    await asyncio.to_thread(table.application.save, correction)
    assert await table.log() == [(1, received(request_id)), (2, facts[0])]
    assert await table.theirs(correction.id) == await table.ours(correction.id) == facts


# --- both at once


async def follow(log: PostgresEventLog, writers: asyncio.Task[None]) -> list[tuple[int, object]]:
    """What a reader sees that always asks for what is above the last position, until all is written."""
    seen: list[tuple[int, object]] = []
    while True:
        over, last = writers.done(), Position(seen[-1][0] if seen else 0)
        batch = await log.read(last, 50)
        assert all(recorded.position > last for recorded in batch)
        seen += [(recorded.position, recorded.event) for recorded in batch]
        if over and not batch:
            return seen


async def write_everything(table: Table) -> None:
    async def shipper() -> None:
        store = PostgresShipStore(table.pool, announce=lambda: None, random_bytes=os.urandom)
        journal = await TestJournal.opened(store)
        for _ in range(SHIPMENTS):
            await journal.ship(store, [*exchange(8), *exchange(7)])

    async def saver() -> None:
        for _ in range(SAVES):
            await table.save(exchange(2))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SHIPPERS):
            tasks.create_task(shipper())
        for _ in range(SAVERS):
            tasks.create_task(saver())


async def test_a_reader_that_follows_mixed_writers_misses_nothing(table: Table) -> None:
    log = PostgresEventLog(table.pool)
    async with asyncio.TaskGroup() as tasks:
        writers = tasks.create_task(write_everything(table))
        seen = await follow(log, writers)
    positions = [position for position, _ in seen]
    assert positions == sorted(set(positions))
    assert seen == await table.log()
    assert len(seen) == SHIPPERS * SHIPMENTS * 15 + SAVERS * SAVES * 2
    for originator_id in {event.originator_id for _, event in seen if isinstance(event, ExchangeEvent)}:
        versions = [
            e.originator_version for _, e in seen if isinstance(e, ExchangeEvent) and e.originator_id == originator_id
        ]
        assert versions == list(range(1, len(versions) + 1))
