"""A batch is as large as a transaction carries, and one that the store breaks off is tried smaller until it passes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreUnavailableError
from domain.ids import Position
from domain.ports import Recorded
from ops.db.pool import Pool
from projections.follower import Follower
from projections.projector import Write
from projections.projectors.requests import RequestsProjector
from projections.read_models import builds
from projections.registry import projection
from projections.strides import Strides, first_of
from tests.projected import Store
from tests.shipping import TestJournal, exchange

MOST = 100
SIZES = st.lists(st.integers(0, 150), max_size=12)
LIMIT = 500


def of_sizes(sizes: Sequence[int]) -> list[Recorded]:
    """Requests and ends in turn, with so many bytes; behind each an event that has none."""
    received, chunk, ended = exchange(3)
    found = list[Recorded]()
    for number, size in enumerate(sizes):
        event = (received if number % 2 == 0 else ended).model_copy(update={"byte_count": size})
        found += [Recorded(Position(2 * number + 1), event), Recorded(Position(2 * number + 2), chunk)]
    return found


@given(SIZES)
def test_a_batch_is_the_longest_beginning_that_is_small_enough(sizes: list[int]) -> None:
    events = of_sizes(sizes)
    taken = next((n for n in range(len(sizes)) if n and sizes[n] and sum(sizes[: n + 1]) > MOST), len(sizes))
    assert list(first_of(events, MOST)) == events[: 2 * taken]


def test_nothing_is_no_batch() -> None:
    assert first_of([]) == []


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 40))
def test_a_stride_is_halved_by_a_break_and_doubled_by_a_commit(breaks: list[bool], limit: int) -> None:
    strides, expected = Strides(), limit
    for broken in breaks:
        assert strides.most("one", limit) == expected
        assert strides.most("another", limit) == limit
        with suppress(StoreUnavailableError), strides.taken("one", limit):
            if broken:
                raise StoreUnavailableError("cut")
        expected = max(1, expected // 2) if broken else min(limit, expected * 2)
    assert strides.most("one", 1) == 1


async def test_a_batch_that_the_store_does_not_carry_is_taken_in_pieces(pool: Pool) -> None:
    """A server that breaks off any transaction with more than two exchanges: no batch of all ever passes."""
    store, journal = Store.over(pool), await TestJournal.opened(Store.over(pool).ship)
    for _ in range(9):
        await journal.ship(store.ship, exchange(2))
    tried = list[int]()

    class Slow(RequestsProjector):
        async def project(self, request_ids: Sequence[UUID], upto: Position) -> Write:
            tried.append(len(request_ids))
            if len(request_ids) > 2:
                raise StoreUnavailableError("cut")
            return await super().project(request_ids, upto)

    of = replace(projection("requests"), make=Slow)
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, of)
    for _ in range(30):
        one = Follower(of, build, store.sources)  # as the runner does after a break
        await one.load()
        try:
            if (await one.step(LIMIT)).done:
                break
        except StoreUnavailableError:
            continue
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 9
    assert max(tried) == 9


async def test_much_that_waits_is_taken_in_batches(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.follower.first_of", lambda events: first_of(events, 1))
    store, journal = Store.over(pool), await TestJournal.opened(Store.over(pool).ship)
    for _ in range(3):
        events = [one.model_copy(update={"byte_count": 7}) for one in exchange(2)]
        await journal.ship(store.ship, events)
    of = projection("requests")
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, of)
    one = Follower(of, build, store.sources)
    await one.load()
    steps = 0
    while not (await one.step(LIMIT)).done:
        steps += 1
    assert steps >= 3
    assert await pool.fetchval("SELECT count(*) FROM read.requests") == 3
