"""Links as they stand, with what people said of them; nothing for what is not linked, or not built yet."""

from uuid import UUID

from ops.db.pool import Pool
from projections.read_models import link_queries
from tests import captures
from tests.projected import Store
from tests.recorded import append_all, recorded, request_ids


async def test_before_anything_is_built_nothing_is_linked(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await link_queries.linked(connection, [UUID(int=1)]) == {}
        assert await link_queries.corrected(connection) == []


async def test_a_link_comes_with_its_evidence(pool: Pool) -> None:
    store = Store.over(pool)
    listed = captures.exchanges("b_multiturn")
    ids = request_ids(listed)
    await append_all(store.ship, [await recorded(one, ids[one.n], store.ship) for one in listed])
    await store.follow()
    async with pool.acquire() as connection:
        found = await link_queries.linked(connection, [*ids.values(), UUID(int=1)])
        assert await link_queries.corrected(connection) == []
    assert set(found) == set(ids.values())
    second = found[ids[2]]
    assert (second.edge, second.parent_request_id, second.conversation_id) == ("continues", ids[1], ids[1])
    assert (second.confidence, second.corrected_by) == (1.0, None)
    assert [one.kind for one in second.evidence][-1] == "history"
    assert second.asked
    assert second.scope == found[ids[1]].scope
