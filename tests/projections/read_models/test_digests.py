"""Digests see every row and column, and not the order."""

from uuid import UUID

from domain.ids import Position
from ops.db.pool import Pool
from projections.read_models import builds, digests, failures
from projections.read_models.digests import MISSING, SET_ASIDE, Digest
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


async def test_a_table_that_no_list_names_is_digested_too(pool: Pool) -> None:
    store = Store.over(pool)
    await digest(store)
    await pool.execute("CREATE TABLE p_conversations_1.words (word text)")
    async with store.sources.transactions() as tx:
        found = await digests.of_tables(tx, await builds.ensure_live(tx, CONVERSATIONS), ("nodes",))
    assert set(found) == {*CONVERSATIONS.tables, "words"}


async def test_what_was_set_aside_counts(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        build = await builds.ensure_live(tx, CONVERSATIONS)
        assert SET_ASIDE not in await digests.of_tables(tx, build, ())
        await failures.record(tx, build, UUID(int=1), Position(1), "bad")
        assert (await digests.of_tables(tx, build, ()))[SET_ASIDE].rows == 1


async def test_a_view_has_the_digest_of_what_it_shows(pool: Pool) -> None:
    store = Store.over(pool)
    await digest(store)
    await pool.executemany(INSERT, [(node, None) for node in NODES])
    await pool.execute("CREATE VIEW read.nodes AS SELECT * FROM p_conversations_1.nodes")
    async with store.sources.transactions() as tx:
        tables = await digests.of_tables(tx, await builds.ensure_live(tx, CONVERSATIONS), ())
        assert await digests.of_views(tx, ("nodes", "words")) == {"nodes": tables["nodes"], "words": MISSING}
    await pool.execute("DROP VIEW read.nodes")
