"""Rows of requests replace those of the same exchanges."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from domain.ids import Position
from ops.db.pool import Pool
from projections.exchanges import Exchange
from projections.projectors.requests import row_of
from projections.read_models import builds, requests
from projections.registry import projection
from tests.projected import Store

ROW = replace(
    row_of(Exchange(UUID(int=1), Position(1), None, None, None, None, (), None)),
    received_at=datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC),
    model="ü \N{REPLACEMENT CHARACTER} '\"\\",
)


async def test_what_is_written_is_read_and_replaced(pool: Pool) -> None:
    store = Store.over(pool)
    other = replace(ROW, request_id=UUID(int=2), status=529)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, projection("requests")))
        await requests.replace(tx, [ROW, other])
        await requests.replace(tx, [replace(other, status=200)])
        await requests.replace(tx, [])
    first, second = await store.rows("SELECT * FROM read.requests ORDER BY request_id")
    assert first == {name: getattr(ROW, name) for name in ROW.__dataclass_fields__}
    assert second["status"] == 200
