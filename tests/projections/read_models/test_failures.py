"""An exchange that failed is kept once, with its newest error."""

from uuid import UUID

from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import failures
from projections.read_models.builds import Build
from tests.projected import Store


async def test_the_newest_error_of_an_exchange_is_kept(pool: Pool) -> None:
    build, one = Build("requests", 1, 1), UUID(int=1)
    async with Store.over(pool).sources.transactions() as tx:
        await failures.record(tx, build, one, Position(3), "first")
        await failures.record(tx, build, one, Position(5), "second\x00")
        await failures.record(tx, Build("requests", 1, 2), one, Position(5), "other")
        assert await failures.count(tx, build) == 1
    [row] = await Store.over(pool).rows("SELECT position, error FROM projection_failures WHERE build = 1")
    assert row == {"position": 5, "error": "second\N{REPLACEMENT CHARACTER}"}


async def test_one_that_is_taken_in_later_is_no_longer_set_aside(pool: Pool) -> None:
    build, other = Build("requests", 1, 1), Build("requests", 1, 2)
    async with Store.over(pool).sources.transactions() as tx:
        for number in (1, 2, 3):
            await failures.record(tx, build, UUID(int=number), Position(3), "bad")
            await failures.record(tx, other, UUID(int=number), Position(3), "bad")
        await failures.clear(tx, build, [UUID(int=1), UUID(int=3)])
        assert (await failures.count(tx, build), await failures.count(tx, other)) == (1, 3)


async def test_the_digest_tells_which_exchanges_and_not_when_or_why(pool: Pool) -> None:
    first, second = Build("requests", 1, 1), Build("requests", 1, 2)
    async with Store.over(pool).sources.transactions() as tx:
        assert await failures.digest(tx, first) == (0, "")
        for number in (1, 2):
            await failures.record(tx, first, UUID(int=number), Position(3), "bad")
            await failures.record(tx, second, UUID(int=3 - number), Position(7), "worse")
        assert await failures.digest(tx, first) == await failures.digest(tx, second)
        await failures.clear(tx, second, [UUID(int=1)])
        assert (await failures.digest(tx, first))[1] != (await failures.digest(tx, second))[1]


async def test_those_set_aside_are_given_by_id_and_by_portion(pool: Pool) -> None:
    build = Build("requests", 1, 1)
    async with Store.over(pool).sources.transactions() as tx:
        for number in (3, 1, 2):
            await failures.record(tx, build, UUID(int=number), Position(3), "bad")
        await failures.record(tx, Build("requests", 1, 2), UUID(int=9), Position(3), "bad")
        first = await failures.set_aside(tx, build, UUID(int=0), 2)
        assert first == [UUID(int=1), UUID(int=2)]
        assert await failures.set_aside(tx, build, first[-1], 2) == [UUID(int=3)]
