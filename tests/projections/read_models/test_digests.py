"""Digests see every row and column, and not the order."""

from ops.db.pool import Pool
from projections.read_models import builds, digests
from projections.read_models.digests import Digest
from projections.registry import projection
from tests.projected import Store

CONVERSATIONS = projection("conversations")
INSERT = "INSERT INTO p_conversations_1.nodes VALUES ($1, $2)"
NODES = [f"00000000-0000-0000-0000-{n:012}" for n in range(5)]


async def digest(store: Store) -> Digest:
    async with store.sources.transactions() as tx:
        await digests.freeze(tx)
        return (await digests.of_tables(tx, await builds.ensure_live(tx, CONVERSATIONS), ("nodes",)))["nodes"]


async def test_order_does_not_count_and_every_value_does(pool: Pool) -> None:
    store = Store.over(pool)
    empty = await digest(store)
    assert empty.rows == 0
    await pool.executemany(INSERT, [(node, None) for node in NODES])
    forward = await digest(store)
    await pool.execute("TRUNCATE p_conversations_1.nodes")
    await pool.executemany(INSERT, [(node, None) for node in reversed(NODES)])
    assert await digest(store) == forward != empty
    await pool.execute("UPDATE p_conversations_1.nodes SET parent = node WHERE node = $1", NODES[2])
    changed = await digest(store)
    assert (changed.rows, changed == forward) == (5, False)
