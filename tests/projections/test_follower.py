"""Rows and checkpoint move together or not at all, and one bad exchange does not stop the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops.db.pool import Pool
from projections.exchanges import ExchangeReader
from projections.follower import Follower
from projections.projector import Projection, Projector, Write
from projections.projectors.requests import RequestsProjector, RequestsWrite
from projections.read_models import builds, failures
from projections.read_models.builds import LostCheckpointError
from projections.read_models.connection import Connection
from projections.registry import projection
from tests.projected import Store
from tests.shipping import AT, TestJournal, exchange

REQUESTS = replace(projection("requests"), version=1)
COUNT = "SELECT count(*) FROM read.requests"
Before = Callable[[Sequence[UUID]], None]


class Disturbed:
    """The requests projector with something done before it reads, and before it writes."""

    def __init__(self, reader: ExchangeReader, on_read: Before, on_write: Before) -> None:
        self._inner: Projector = RequestsProjector(reader)
        self._on_read, self._on_write = on_read, on_write

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        self._on_read(request_ids)
        inner = await self._inner.project(request_ids, upto)

        async def write(tx: Connection) -> None:
            await inner(tx)
            self._on_write(request_ids)

        return write


def quiet(_ids: Sequence[UUID]) -> None:
    return


def disturbed(on_read: Before = quiet, on_write: Before = quiet) -> Projection:
    return replace(REQUESTS, make=lambda reader: Disturbed(reader, on_read, on_write))


async def filled(pool: Pool, exchanges: int = 3) -> tuple[Store, list[UUID]]:
    store = Store.over(pool)
    journal = await TestJournal.opened(store.ship)
    ids = []
    for _ in range(exchanges):
        events = exchange(4)
        ids.append(events[0].originator_id)
        await journal.ship(store.ship, events)
    return store, ids


async def follower(store: Store, of: Projection) -> Follower:
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, of)
    one = Follower(of, build, store.sources)
    await one.load()
    return one


async def checkpoint(store: Store) -> int:
    [row] = await store.rows("SELECT notification_id FROM nexus_tracking WHERE application_name = 'requests:1'")
    return int(row["notification_id"])


async def test_a_step_takes_so_many_events_and_says_where_it_is(pool: Pool) -> None:
    store, ids = await filled(pool)
    one = await follower(store, REQUESTS)
    first = await one.step(2)
    assert (first.events, first.done) == (2, False)
    assert await checkpoint(store) == first.position == one.state.position
    assert one.state.lag == one.state.newest - first.position > 0
    while not (await one.step(2)).done:
        pass
    assert one.state.lag == 0
    assert await pool.fetchval(COUNT) == len(ids)
    assert await checkpoint(store) == await store.sources.log.newest(), "chunk events are passed over"


async def test_nothing_above_the_bound_is_taken(pool: Pool) -> None:
    store, _ = await filled(pool)
    one = await follower(store, REQUESTS)
    step = await one.step(100, Position(4))
    assert (step.position, await pool.fetchval(COUNT)) == (4, 1)


async def test_an_idle_step_writes_nothing(pool: Pool) -> None:
    store, _ = await filled(pool, 1)
    one = await follower(store, REQUESTS)
    await one.step(100)
    written: list[Sequence[UUID]] = []
    again = await follower(store, disturbed(on_write=written.append))
    assert (await again.step(100)).events == 0
    assert written == []


async def test_rows_and_checkpoint_never_part(pool: Pool) -> None:
    """The transaction breaks after the rows were written: neither rows nor checkpoint stay."""
    store, _ = await filled(pool)

    def break_off(_ids: Sequence[UUID]) -> None:
        raise StoreUnavailableError("cut")

    one = await follower(store, disturbed(on_write=break_off))
    with pytest.raises(StoreUnavailableError):
        await one.step(100)
    assert (await checkpoint(store), await pool.fetchval(COUNT)) == (0, 0)
    assert one.state.position == 0


async def test_of_two_followers_of_a_build_one_commits(pool: Pool) -> None:
    store, ids = await filled(pool)
    first, second = await follower(store, REQUESTS), await follower(store, REQUESTS)
    await first.step(100)
    with pytest.raises(LostCheckpointError):
        await second.step(100)
    assert await pool.fetchval(COUNT) == len(ids)


@pytest.mark.bar(26)
async def test_events_delivered_again_change_nothing(pool: Pool) -> None:
    store, _ = await filled(pool)
    await (await follower(store, REQUESTS)).step(100)
    before = await store.rows("SELECT * FROM read.requests ORDER BY request_id")
    await pool.execute("UPDATE nexus_tracking SET notification_id = 0 WHERE application_name = 'requests:1'")
    await (await follower(store, REQUESTS)).step(1)
    await (await follower(store, REQUESTS)).step(100)
    assert await store.rows("SELECT * FROM read.requests ORDER BY request_id") == before


def poison(request_id: UUID) -> Before:
    def disturb(ids: Sequence[UUID]) -> None:
        if request_id in ids:
            raise ValueError("cannot be projected")

    return disturb


@pytest.mark.bar(27)
@pytest.mark.parametrize("where", ["on_read", "on_write"])
async def test_a_bad_exchange_is_set_aside_and_the_others_go_on(pool: Pool, where: str) -> None:
    store, ids = await filled(pool)
    one = await follower(store, disturbed(**{where: poison(ids[1])}))
    step = await one.step(100)
    assert step.done
    rows = await store.rows("SELECT request_id FROM read.requests")
    assert {row["request_id"] for row in rows} == {ids[0], ids[2]}
    assert one.state.failed == 1
    [failure] = await store.rows("SELECT * FROM projection_failures")
    assert (failure["request_id"], failure["name"], failure["build"]) == (ids[1], "requests", 1)
    assert "cannot be projected" in failure["error"]
    async with store.sources.transactions() as tx:
        found = await builds.live(tx, "requests")
        assert found is not None
        assert await failures.count(tx, found) == 1


async def test_the_store_going_away_is_no_bad_exchange(pool: Pool) -> None:
    store, ids = await filled(pool)
    calls = 0

    def disturb(requested: Sequence[UUID]) -> None:
        nonlocal calls
        calls += 1
        if len(requested) == 1:
            raise StoreUnavailableError("away")
        raise ValueError("bad batch")

    one = await follower(store, disturbed(on_read=disturb))
    with pytest.raises(StoreUnavailableError):
        await one.step(100)
    assert calls == 2
    assert (await checkpoint(store), one.state.failed) == (0, 0)
    assert await store.rows("SELECT * FROM projection_failures") == []
    assert len(ids) == 3


@pytest.mark.parametrize("where", ["on_read", "on_write"])
@pytest.mark.parametrize("alone", [True, False])
async def test_an_exchange_that_is_taken_in_later_is_no_longer_set_aside(pool: Pool, where: str, alone: bool) -> None:
    """Its first events could not be projected, and with its last one it can: alone or in a batch with others."""
    store, ids = await filled(pool)
    bad = await follower(store, disturbed(**{where: poison(ids[1])}))
    last = max(one.position for one in await store.sources.log.stream(ids[1]))
    await bad.step(100, Position(last - 1))
    assert [row["request_id"] for row in await store.rows("SELECT * FROM projection_failures")] == [ids[1]]
    good = await follower(store, disturbed(**{where: poison(ids[2])}) if alone else REQUESTS)
    await good.step(100)
    left = [row["request_id"] for row in await store.rows("SELECT * FROM projection_failures")]
    assert left == ([ids[2]] if alone else [])


async def test_while_events_wait_it_says_how_old_the_rows_are(pool: Pool) -> None:
    store, _ = await filled(pool)
    one = await follower(store, REQUESTS)
    await one.step(2)
    assert one.state.behind_since == AT
    assert (await one.step(100)).events > 0
    assert one.state.behind_since is None


async def told_by(store: Store, of: Projection, batch_events: int) -> list[UUID]:
    """The exchanges whose end was told with committed rows."""
    told: list[UUID] = []
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, of)
    one = Follower(of, build, store.sources, lambda write, ended: told.extend(ended_in(write, ended)))
    await one.load()
    while not (await one.step(batch_events)).done:
        pass
    return told


def ended_in(write: Write, ended: frozenset[UUID]) -> list[UUID]:
    assert isinstance(write, RequestsWrite)
    return [row.request_id for row in write.rows if row.request_id in ended]


@pytest.mark.parametrize("batch_events", [1, 2, 100])
async def test_committed_rows_are_told_and_each_end_once(pool: Pool, batch_events: int) -> None:
    store, ids = await filled(pool)
    assert await told_by(store, REQUESTS, batch_events) == ids
    assert await told_by(store, REQUESTS, batch_events) == [], "what is in the rows is not told again"


async def test_what_is_set_aside_is_not_told_and_the_others_are(pool: Pool) -> None:
    store, ids = await filled(pool)
    of = replace(REQUESTS, make=lambda reader: Refusing(reader, ids[1]))
    assert await told_by(store, of, 100) == [ids[0], ids[2]]


class Refusing:
    """The requests projector, but for one exchange."""

    def __init__(self, reader: ExchangeReader, refused: UUID) -> None:
        self._inner: Projector = RequestsProjector(reader)
        self._refused = refused

    async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
        if self._refused in request_ids:
            raise ValueError("cannot be projected")
        return await self._inner.project(request_ids, upto)
