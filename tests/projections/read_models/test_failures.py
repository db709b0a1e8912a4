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
