"""Whether the database answers is known within seconds, whatever it does."""

from ops.db.ping import answers, watched
from ops.db.pool import close_pool, open_pool
from tests.proxies import proxied
from tests.waiting import until


async def test_a_database_that_answers_falls_silent_and_comes_back(empty_database: str) -> None:
    async with proxied(empty_database) as proxy:
        pool = await open_pool(proxy.dsn, application_name="nexus-test")
        try:
            assert await answers(pool)
            proxy.freeze()
            assert not await answers(pool, deadline_s=0.2)
            proxy.thaw()
            assert await answers(pool)
            proxy.cut()
            assert not await answers(pool, deadline_s=0.5)
        finally:
            await close_pool(pool, deadline_s=0.5)


async def test_it_is_asked_again_and_again(empty_database: str) -> None:
    told: list[bool] = []
    pool = await open_pool(empty_database, application_name="nexus-test")
    async with watched(pool, told.append, period_s=0.001):
        await until(lambda: len(told) > 3)
    await close_pool(pool)
    assert all(told)
