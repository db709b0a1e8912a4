"""What was set aside is tried again, all of it, as of the checkpoint, and nothing else is touched."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

import pytest

import projections.retrying
from domain.errors import StoreUnavailableError
from domain.ids import Position
from ops.db.pool import Pool
from projections.projector import Projection, Write
from projections.read_models.builds import UnfitBuildError
from projections.retrying import retry
from tests.projected import Store
from tests.projections.test_follower import REQUESTS, disturbed, filled, follower

LEFT = "SELECT request_id FROM projection_failures ORDER BY request_id"
PROJECTED = "SELECT request_id FROM read.requests ORDER BY request_id"


def stumbling(bad: Collection[UUID]) -> Projection:
    def stumble(ids: Collection[UUID]) -> None:
        if set(bad) & set(ids):
            raise ValueError("cannot be projected")

    return disturbed(on_write=stumble)


async def with_bad_ones(pool: Pool, exchanges: int = 5) -> tuple[Store, list[UUID]]:
    """All but the first are set aside."""
    store, ids = await filled(pool, exchanges)
    await (await follower(store, stumbling(ids[1:]))).step(1000)
    return store, ids


async def ids_of(store: Store, query: str) -> list[UUID]:
    return [row["request_id"] for row in await store.rows(query)]


@pytest.mark.parametrize("portion", [1, 2, 100])
async def test_all_are_tried_whatever_the_portion(pool: Pool, monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(projections.retrying, "PORTION", portion)
    store, ids = await with_bad_ones(pool)
    bad = [ids[2], ids[4]]
    done = await retry(stumbling(bad), store.sources)
    assert (done.taken_in, done.left) == (2, bad)
    assert await ids_of(store, LEFT) == bad
    assert await ids_of(store, PROJECTED) == [one for one in ids if one not in bad]
    assert (await retry(REQUESTS, store.sources)).taken_in == 2
    assert await ids_of(store, LEFT) == []
    assert await retry(REQUESTS, store.sources) == replace(done, taken_in=0, left=[])


async def test_nothing_above_the_checkpoint_is_taken_in(pool: Pool) -> None:
    """Or a row would be ahead of its build."""
    store, ids = await filled(pool, 1)
    first, *_, last = await store.sources.log.stream(ids[0])
    await (await follower(store, stumbling(ids))).step(100, first.position)
    await retry(REQUESTS, store.sources)
    [row] = await store.rows("SELECT position, outcome FROM read.requests")
    assert (row["position"], row["outcome"]) == (first.position, "open")
    assert last.position > Position(row["position"])


async def test_a_build_of_another_version_is_left_alone(pool: Pool) -> None:
    store, ids = await with_bad_ones(pool)
    with pytest.raises(UnfitBuildError, match="rebuild requests"):
        await retry(replace(REQUESTS, version=2), store.sources)
    assert await ids_of(store, LEFT) == ids[1:]


async def test_without_a_build_there_is_nothing_to_try(pool: Pool) -> None:
    with pytest.raises(UnfitBuildError):
        await retry(REQUESTS, Store.over(pool).sources)


async def test_an_outage_is_no_verdict(pool: Pool) -> None:
    store, ids = await with_bad_ones(pool)

    class Away:
        async def project(self, request_ids: Collection[UUID], upto: Position) -> Write:
            raise StoreUnavailableError("away")

    with pytest.raises(StoreUnavailableError):
        await retry(replace(REQUESTS, make=lambda _: Away()), store.sources)
    assert await ids_of(store, LEFT) == ids[1:]
