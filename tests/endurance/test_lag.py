"""How far are rows behind what is committed, and how fast is all of it projected anew?"""

import asyncio
import secrets
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import pytest

from domain.ids import RequestIds
from ops.db.event_store import PostgresShipStore
from ops.db.notifications import Notifier
from ops.db.pool import Pool
from projections.rebuilding import rebuild
from projections.registry import PROJECTIONS
from projections.runner import Runner
from tests.bar import Figure
from tests.bench.capture_mix import mix
from tests.projected import Store
from tests.recorded import RecordedExchange, recorded
from tests.requirements import scaled
from tests.shipping import TestJournal
from tests.waiting import until

EVENTS_PER_S, SECONDS = 500, scaled(2, 60)
REBUILT = scaled(200, 5_000)
EVENTS_EACH = 4
BATCH = 25
"""Exchanges that are committed together: five times a second, as a shipper would under this load."""
LATEST_S = 2


async def exchanges(store: Store, count: int) -> list[RecordedExchange]:
    """The captures' mix, by ever new people."""
    ids = RequestIds()
    return [
        await recorded(one, ids.new(int(one.at.timestamp() * 1000), number), store.ship)
        for number, one in enumerate(islice(mix(), count))
    ]


async def commit(store: Store, journal: TestJournal, batch: Sequence[RecordedExchange]) -> int:
    """Returns how many events."""
    events = [event for one in batch for event in one.events]
    bodies = [(one.body.scope, one.body.body) for one in batch if one.body]
    await journal.ship(store.ship, events, bodies, [one.run for one in batch if one.run])
    return len(events)


@pytest.mark.bar(31)
async def test_rows_follow_what_is_committed(pool: Pool, figure: Figure) -> None:
    store, notifier = Store.over(pool), Notifier(pool)
    ship = PostgresShipStore(pool, announce=notifier.announce, random_bytes=secrets.token_bytes)
    played = await exchanges(store, EVENTS_PER_S * SECONDS // EVENTS_EACH)
    journal, stop, runner = await TestJournal.opened(ship), asyncio.Event(), Runner(PROJECTIONS, store.sources)
    found = list[float]()
    async with asyncio.TaskGroup() as tasks:
        announcing, began = tasks.create_task(notifier.run()), time.monotonic()
        tasks.create_task(runner.run(stop))
        await until(lambda: len(runner.state.followers) == len(PROJECTIONS))
        for number, at in enumerate(range(0, len(played), BATCH)):
            due = began + number * BATCH * EVENTS_EACH / EVENTS_PER_S
            await until(lambda due=due: time.monotonic() >= due)  # type: ignore[misc]
            await commit(replace(store, ship=ship), journal, played[at : at + BATCH])
            tasks.create_task(_note(found, time.monotonic(), await store.sources.log.newest(), runner))
        await until(lambda: len(found) == -(-len(played) // BATCH))
        stop.set()
        announcing.cancel()
    p50, p99 = statistics.median(found), sorted(found)[int(len(found) * 0.99)]
    figure(f"{EVENTS_PER_S} events/s for {SECONDS} s: commit to rows p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    assert p99 < scaled(60, LATEST_S)


async def _note(found: list[float], committed: float, position: int, runner: Runner) -> None:
    await until(lambda: all(state.position >= position for state in runner.state.followers.values()))
    found.append(time.monotonic() - committed)


@pytest.mark.bar(31)
async def test_a_rebuild_goes_through_every_event(pool: Pool, figure: Figure) -> None:
    store = Store.over(pool)
    journal, played, events = await TestJournal.opened(store.ship), await exchanges(store, REBUILT), 0
    for at in range(0, len(played), 100):
        events += await commit(store, journal, played[at : at + 100])
    for projection in PROJECTIONS:
        began = time.monotonic()
        assert await rebuild(projection, Store.over(pool).sources) is not None
        took = time.monotonic() - began
        figure(f"{projection.name} built anew: {events} events, {events / took:.0f} events/s")
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == len(played)
    assert await pool.fetchval("SELECT count(*) FROM read.links") == len(played)
