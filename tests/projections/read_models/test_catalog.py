"""The database says which tables, columns and keys there are."""

from ops.db.pool import Pool
from projections.read_models import builds, catalog
from projections.read_models.catalog import Columns
from projections.registry import PROJECTIONS, projection
from tests.projected import Store


async def test_the_tables_of_a_build_are_those_the_registry_names(pool: Pool) -> None:
    store = Store.over(pool)
    for one in PROJECTIONS:
        async with store.sources.transactions() as tx:
            build = await builds.ensure_live(tx, one)
            assert await catalog.tables(tx, build.schema) == tuple(sorted(one.tables))
            assert set(one.views) <= set(one.tables)


async def test_columns_come_in_their_order_with_the_key(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.ensure_live(tx, projection("conversations"))
        nodes = await catalog.columns(tx, "p_conversations_1", "nodes")
        tasks = await catalog.columns(tx, "p_conversations_1", "tasks")
        view = await catalog.columns(tx, "read", "tasks")
    assert nodes == Columns(("node", "parent"), ("node",))
    assert tasks.key == ("request_id", "ordinal")
    assert view == Columns(tasks.names, ()), "a view has no key"


async def test_a_column_that_was_dropped_is_gone(pool: Pool) -> None:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.create(tx, projection("conversations"))
        await tx.execute("ALTER TABLE p_conversations_1.nodes DROP COLUMN parent")
        assert (await catalog.columns(tx, "p_conversations_1", "nodes")).names == ("node",)


async def test_what_is_not_there_is_empty(pool: Pool) -> None:
    async with Store.over(pool).sources.transactions() as tx:
        assert await catalog.tables(tx, "p_missing_1") == ()
        assert await catalog.columns(tx, "p_missing_1", "nodes") == Columns((), ())
