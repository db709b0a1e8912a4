"""Twenty writers of three kinds, slow commits, rolled-back ones: whoever follows sees each event once, in one order."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.persistence import DataError

from domain.corrections import LinkCorrection
from domain.ids import Position
from ops.db import event_store
from ops.db.application import Nexus
from ops.db.event_log import PostgresEventLog
from ops.db.pool import Connection, Pool
from ops.db.recorder import NexusRecorder
from projections.follower import Follower
from projections.read_models import builds
from schemas.stored.events import ExchangeEvent
from tests.bar import Figure
from tests.migrated import opened
from tests.projected import Store
from tests.requirements import scaled
from tests.shipping import AT, TestJournal, exchange
from tests.tally import TALLY, total_of

SHIPPERS, LIBRARY_WRITERS, ADMINS = 14, 4, 2
EVENTS = scaled(3_000, 100_000)
BATCH = scaled(15, 150)
SLOWEST_S = scaled(4, 50) / 1000
"""Of a commit, from the last statement on."""
ROLLED_BACK = 0.1
COUNTED = "SELECT counted, total::text FROM {schema}.tally"


@dataclass
class Trouble:
    """Slow commits and failed ones, by chance."""

    chance: Random = field(default_factory=lambda: Random(21))
    rolled_back: int = 0

    @property
    def pause_s(self) -> float:
        return self.chance.random() * SLOWEST_S

    @property
    def last_statement(self) -> str:
        """What fails in the database fails for both drivers."""
        if self.chance.random() >= ROLLED_BACK:
            return "SELECT 1"
        self.rolled_back += 1
        return "SELECT 1 / 0"


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Trouble:
    """Before every commit of both kinds of writers, with the positions drawn and the lock held."""
    trouble, moved, fetched = Trouble(), event_store._move_cursor, NexusRecorder._fetch_ids_after_insert_events

    async def move(connection: Connection, *arguments: Any) -> None:
        await moved(connection, *arguments)
        await connection.execute("SELECT pg_sleep($1)", trouble.pause_s)
        await connection.execute(trouble.last_statement)

    def fetch(recorder: NexusRecorder, cursor: Any, *arguments: Any, **named: Any) -> Any:
        found = fetched(recorder, cursor, *arguments, **named)
        cursor.execute("SELECT pg_sleep(%s)", (trouble.pause_s,))
        cursor.execute(trouble.last_statement).fetchone()
        return found

    monkeypatch.setattr(event_store, "_move_cursor", move)
    monkeypatch.setattr(NexusRecorder, "_fetch_ids_after_insert_events", fetch)
    return trouble


@dataclass
class Written:
    """What is committed."""

    streams: set[UUID] = field(default_factory=set)
    events: int = 0

    @property
    def is_enough(self) -> bool:
        return self.events >= EVENTS


async def insist(write: Callable[[], Awaitable[object]]) -> None:
    """Until it is committed."""
    while True:
        try:
            await write()
        except (asyncpg.DivisionByZeroError, DataError):
            continue
        return


async def ship(pool: Pool, written: Written) -> None:
    """A shipper of a gateway."""
    store = event_store.PostgresShipStore(pool, announce=lambda: None, random_bytes=os.urandom)
    journal = await TestJournal.opened(store)
    while not written.is_enough:
        batch = [exchange(5) for _ in range(max(1, BATCH // 5))]
        events = [event for one in batch for event in one]
        await insist(partial(journal.ship, store, events))
        note(written, events)


async def put(application: Nexus, written: Written) -> None:
    """The library's own writer."""
    while not written.is_enough:
        events = exchange(3)
        await insist(partial(asyncio.to_thread, application.events.put, events))
        note(written, events)


async def correct(application: Nexus, written: Written) -> None:
    """An aggregate's events, as a command saves them."""
    while not written.is_enough:
        correction = LinkCorrection.begin(exchange(2)[0].originator_id, None, who="ada", why="", at=AT)
        facts = correction.collect_events()
        await insist(partial(asyncio.to_thread, application.events.put, facts))
        written.events += len(facts)


def note(written: Written, events: Sequence[ExchangeEvent]) -> None:
    written.streams |= {event.originator_id for event in events}
    written.events += len(events)


async def write_all(pools: Sequence[Pool], application: Nexus, written: Written) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(SHIPPERS):
            tasks.create_task(ship(pools[number % len(pools)], written))
        for _ in range(LIBRARY_WRITERS):
            tasks.create_task(put(application, written))
        for _ in range(ADMINS):
            tasks.create_task(correct(application, written))


async def tail(log: PostgresEventLog, writers: "asyncio.Task[None]") -> list[tuple[int, UUID, int]]:
    seen: list[tuple[int, UUID, int]] = []
    while True:
        over, last = writers.done(), Position(seen[-1][0] if seen else 0)
        batch = await log.read(last, 500)
        seen += [(one.position, one.event.originator_id, one.event.originator_version) for one in batch]
        if over and not batch:
            return seen


async def follow(store: Store, name: str, batch_events: int, writers: "asyncio.Task[None]") -> tuple[int, int]:
    """What a projection has counted in the end."""
    async with store.sources.transactions() as tx:
        build = await builds.create(tx, replace(TALLY, name=name))
    follower = Follower(replace(TALLY, name=name), build, store.sources)
    await follower.load()
    while True:
        over = writers.done()
        if (await follower.step(batch_events)).done and over:
            break
    row = await store.pool.fetchrow(builds.named(COUNTED, schema=build.schema))
    assert row is not None
    return row["counted"], int(row["total"])


@pytest.mark.bar(21)
async def test_twenty_writers_leave_no_gap_for_those_who_follow(
    migrated_database: str, trouble: Trouble, figure: Figure
) -> None:
    written = Written()
    async with (
        opened(migrated_database, 10) as first, opened(migrated_database, 10) as second,
        opened(migrated_database, 8) as readers, asyncio.timeout(scaled(120, 600)),
    ):  # fmt: skip
        application, store = await asyncio.to_thread(Nexus, migrated_database), Store.over(readers)
        async with asyncio.TaskGroup() as tasks:
            writers = tasks.create_task(write_all((first, second), application, written))
            tailing = tasks.create_task(tail(PostgresEventLog(readers), writers))
            sizes = {"one": 7, "two": 100, "three": 500}
            followers = [tasks.create_task(follow(store, *each, writers)) for each in sizes.items()]
        await asyncio.to_thread(application.close)
    seen = tailing.result()
    positions = [position for position, _, _ in seen]
    assert positions == sorted(set(positions))
    assert len(seen) == len(set(seen)) == written.events
    assert [one.result() for one in followers] == [(len(written.streams), total_of(written.streams))] * 3
    figure(
        f"20 writers, {written.events} events, {trouble.rolled_back} rolled back: tail and 3 projections saw each once"
    )
