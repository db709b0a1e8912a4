"""The lease in SQL does what its model does; commits are fenced by its epoch; who was stopped is not waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.failures import AWAY
from ops.db.lease import LostLeaseError, ProjectorLease, check, name_of_leader
from ops.db.pool import Pool, close_pool, open_pool
from tests.lease_model import Row
from tests.migrated import opened

HOLDERS = [UUID(int=number) for number in (1, 2, 3)]
HOUR_S = 3600.0
RUN_OUT = "UPDATE projector_lease SET expires_at = clock_timestamp()"
NEW = "DELETE FROM projector_lease"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
OPS = st.sampled_from(["take", "take", "renew", "renew an old one", "give back", "run out"])
IN_ONE_DATABASE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def lease(pool: Pool, who: int, lasts_s: float = HOUR_S) -> ProjectorLease:
    return ProjectorLease(pool, HOLDERS[who], lasts_s=lasts_s, deadline_s=10.0)


@IN_ONE_DATABASE
@given(moves=st.lists(st.tuples(st.integers(0, 2), OPS), max_size=25))
async def test_it_grants_what_its_model_grants(pool: Pool, moves: list[tuple[int, str]]) -> None:
    await pool.execute(NEW)
    row, now, found, wanted = Row(HOUR_S), 1.0, list[int | None](), list[int | None]()
    for who, move in moves:
        if move == "take":
            found.append(await lease(pool, who).take())
            wanted.append(row.take(who, now))
        elif move.startswith("renew"):
            epoch = row.epoch - (move != "renew")
            found.append(await lease(pool, who).renew(epoch))
            wanted.append(row.renew(who, epoch, now))
        elif move == "give back":
            await lease(pool, who).give_back(row.epoch)
            row.give_back(who, row.epoch, now)
        else:
            await pool.execute(RUN_OUT)
            row.expires_at = now
    assert found == wanted


async def test_of_many_at_once_one_gets_it(pool: Pool) -> None:
    for epoch in range(1, 6):
        got = await asyncio.gather(*(lease(pool, who).take() for who in (0, 1, 2)))
        assert sorted(filter(None, got)) == [epoch]
        await pool.execute(RUN_OUT)


async def test_of_many_at_once_one_gets_the_very_first(pool: Pool) -> None:
    for _ in range(50):
        got = await asyncio.gather(*(lease(pool, who).take() for who in (0, 1, 2)))
        assert sorted(filter(None, got)) == [1]
        await pool.execute("DELETE FROM projector_lease")


async def test_a_lease_ends_by_the_clock_of_the_database(pool: Pool) -> None:
    assert await lease(pool, 0, lasts_s=0.02).take() == 1
    while (epoch := await lease(pool, 1).take()) is None:
        pass
    assert epoch == 2
    assert await lease(pool, 0).renew(1) is None


async def begin(pool: Pool, epoch: int) -> Callable[[], Awaitable[None]]:
    """A transaction of the leader that is not committed yet."""
    connection = await pool.acquire()
    transaction = connection.transaction()
    await transaction.start()
    await check(connection, epoch)

    async def end() -> None:
        await transaction.commit()
        await pool.release(connection)

    return end


async def test_an_old_epoch_commits_nothing(pool: Pool) -> None:
    with pytest.raises(LostLeaseError):
        await begin(pool, 1)
    assert await lease(pool, 0).take() == 1
    await (await begin(pool, 1))()
    await pool.execute(RUN_OUT)
    await (await begin(pool, 1))()  # nobody has taken it: nothing can go wrong
    assert await lease(pool, 1).take() == 2
    with pytest.raises(LostLeaseError, match="Another projector leads now"):
        await begin(pool, 1)


async def test_renewing_does_not_wait_for_a_commit_nor_a_look_of_who_stands_by(pool: Pool) -> None:
    assert await lease(pool, 0).take() == 1
    ends = [await begin(pool, 1), await begin(pool, 1)]
    assert await lease(pool, 0).renew(1) == 1
    assert await lease(pool, 1).take() is None
    for end in ends:
        await end()


async def test_taking_waits_for_a_commit_under_way(pool: Pool) -> None:
    assert await lease(pool, 0).take() == 1
    end = await begin(pool, 1)  # over a connection that is not called after its holder, so nobody ends it
    await pool.execute(RUN_OUT)
    taking = asyncio.ensure_future(lease(pool, 1).take())
    while not await pool.fetchval(WAITS):
        assert not taking.done()
    await end()
    assert await taking == 2


async def test_who_takes_over_ends_the_connections_of_the_one_before(migrated_database: str, pool: Pool) -> None:
    assert await lease(pool, 0).take() == 1
    stopped = await open_pool(migrated_database, application_name=name_of_leader(HOLDERS[0]))
    end = await begin(stopped, 1)
    await pool.execute(RUN_OUT)
    assert await lease(pool, 1).take() == 2
    with pytest.raises((*AWAY, asyncpg.InterfaceError)):
        await end()
    await close_pool(stopped)
    async with opened(migrated_database) as others:
        assert await others.fetchval("SELECT 1") == 1
