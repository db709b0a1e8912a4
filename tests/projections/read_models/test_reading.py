"""Readers meet views that are missing, replaced or in the middle of a switch."""

import gc

import pytest

from ops.db.pool import Pool
from projections.read_models import builds
from projections.read_models.reading import collector_at_rest, reached, rows
from projections.registry import PROJECTIONS, projection
from tests.stored_rows import Stored, make_live, reach, request_row, stored

SELECT_IDS = "SELECT request_id FROM read.requests"
SHOW_PLANS = "SHOW plan_cache_mode"


async def test_a_view_that_is_still_to_be_made_has_no_rows(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await rows(connection, SELECT_IDS) == []
        assert await connection.fetchval("SELECT 1") == 1  # the connection goes on


async def test_a_mistake_in_a_query_is_no_missing_view(pool: Pool) -> None:
    import asyncpg

    await make_live(pool)
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.UndefinedColumnError):
            await rows(connection, "SELECT no_such_column FROM read.requests")


async def test_rows_come_with_fresh_plans_until_the_connection_is_given_back(pool: Pool) -> None:
    await make_live(pool)
    async with pool.acquire() as connection:
        await rows(connection, SELECT_IDS)
        assert await connection.fetchval(SHOW_PLANS) == "force_custom_plan"
    async with pool.acquire() as connection:
        assert await connection.fetchval(SHOW_PLANS) == "auto"


async def test_a_switch_of_builds_between_two_reads_goes_unnoticed(pool: Pool) -> None:
    await make_live(pool)
    requests = projection("requests")
    async with pool.acquire() as reader, pool.acquire() as writer:
        assert await rows(reader, SELECT_IDS) == []
        for _ in range(3):
            async with writer.transaction():
                await builds.switch(writer, requests, await builds.create(writer, requests))
            assert await rows(reader, SELECT_IDS) == []


@pytest.mark.parametrize(("requests_at", "conversations_at"), [(5, 9), (9, 5), (7, 7)])
async def test_the_slower_projection_says_how_far_both_are(pool: Pool, requests_at: int, conversations_at: int) -> None:
    await make_live(pool)
    async with pool.acquire() as connection:
        await reach(connection, "requests", requests_at)
        await reach(connection, "conversations", conversations_at)
        assert await reached(connection) == min(requests_at, conversations_at)


async def test_nothing_is_reached_while_one_projection_has_no_tables(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await reached(connection) == 0
        async with connection.transaction():
            await builds.ensure_live(connection, PROJECTIONS[0])
        await reach(connection, PROJECTIONS[0].name, 3)
        assert await reached(connection) == 0


async def test_a_build_that_is_not_live_does_not_count(pool: Pool) -> None:
    await make_live(pool)
    async with stored(pool, [Stored(request_row(4), None)]) as connection:
        await builds.create(connection, projection("conversations"))
        assert await reached(connection) == 4


def test_the_collector_rests_for_a_while_and_goes_on_whatever_happens() -> None:
    def fail() -> None:
        with collector_at_rest():
            with collector_at_rest():
                pass
            assert not gc.isenabled(), "who let it rest first says when it goes on"
            raise LookupError

    assert gc.isenabled()
    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()
