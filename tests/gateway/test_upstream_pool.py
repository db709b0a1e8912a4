"""The connection that rested last goes first; old, lost and closed ones are never handed out."""

from gateway.upstream_connection import UpstreamConnection
from gateway.upstream_pool import Pool
from tests.gateway.test_upstream_connection import Stage
from tests.waiting import until


def resting(pool: Pool) -> tuple[UpstreamConnection, Stage]:
    stage = Stage()
    pool.add(stage.connection)
    pool.rest(stage.connection)
    return stage.connection, stage


async def test_the_one_that_rested_last_goes_first_and_each_goes_once() -> None:
    pool = Pool()
    first, second = resting(pool)[0], resting(pool)[0]
    assert [pool.take(), pool.take(), pool.take()] == [second, first, None]
    pool.close()


async def test_one_that_is_closing_or_lost_is_passed_over() -> None:
    pool = Pool()
    (good, _), (lost, _), (closing, wire) = resting(pool), resting(pool), resting(pool)
    wire.wire.aborted = True
    pool.forget(lost)
    assert [pool.take(), pool.take()] == [good, None]
    assert closing is not good
    assert len(pool) == 2
    pool.close()


async def test_one_that_rested_too_long_is_closed() -> None:
    pool = Pool(keep_s=0.01)
    _, old = resting(pool)
    await until(lambda: old.wire.aborted, "the old one to be closed")
    assert pool.take() is None
    busy = Stage()
    pool.add(busy.connection)
    _, other = resting(pool)
    assert not busy.wire.aborted
    await until(lambda: other.wire.aborted, "the next one to be closed too")
    pool.close()


async def test_closing_closes_busy_ones_too() -> None:
    pool = Pool()
    _, idle = resting(pool)
    busy = Stage()
    pool.add(busy.connection)
    pool.close()
    assert (idle.wire.aborted, busy.wire.aborted) == (True, True)
