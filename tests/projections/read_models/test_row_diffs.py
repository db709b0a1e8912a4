"""Rows of two builds are matched by key; what is only on one side, and what differs, is counted and shown."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.pool import Pool
from projections.read_models import builds, row_diffs
from projections.read_models.builds import Build
from projections.read_models.row_diffs import ColumnChange, RowChange, TableDiff
from projections.registry import projection
from tests.pool_runner import PoolRunner
from tests.projected import Store

CONVERSATIONS = projection("conversations")
INSERTS = (
    "INSERT INTO p_conversations_1.nodes VALUES ($1, $2)",
    "INSERT INTO p_conversations_2.nodes VALUES ($1, $2)",
)
BEFORE, AFTER = Build("conversations", 1, 1), Build("conversations", 1, 2)


def node(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


Nodes = dict[int, int | None]
NODES = st.dictionaries(st.integers(1, 6), st.none() | st.integers(1, 3), max_size=6)


async def two_builds(pool: Pool, *sides: Nodes) -> Store:
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        for insert, rows in zip(INSERTS, sides, strict=True):
            await builds.create(tx, CONVERSATIONS)
            await tx.executemany(insert, [(node(n), None if up is None else node(up)) for n, up in rows.items()])
    return store


async def diff(store: Store, limit: int = 5, table: str = "nodes") -> TableDiff:
    async with store.sources.transactions() as tx:
        return await row_diffs.of_table(tx, BEFORE, AFTER, table, limit)


async def forget(store: Store) -> None:
    async with store.sources.transactions() as tx:
        await builds.drop(tx, BEFORE)
        await builds.drop(tx, AFTER)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NODES, NODES)
def test_it_finds_what_comparing_dictionaries_finds(runner_pool: PoolRunner, before: Nodes, after: Nodes) -> None:
    async def check(pool: Pool) -> None:
        store = await two_builds(pool, before, after)
        found = await diff(store, 100)
        kinds = {
            "added": {n for n in after if n not in before},
            "removed": {n for n in before if n not in after},
            "changed": {n for n in before if n in after and before[n] != after[n]},
        }
        assert found.rows == {kind: len(rows) for kind, rows in kinds.items() if rows}
        assert {(one.kind, one.key) for one in found.examples} == {
            (kind, f'{{"node": "{node(n)}"}}') for kind, rows in kinds.items() for n in rows
        }
        assert found.columns == ({"parent": len(kinds["changed"])} if kinds["changed"] else {})
        assert found.is_empty == (before == after)
        await forget(store)

    runner_pool.run(check)


async def test_a_changed_row_says_which_value_became_which(pool: Pool) -> None:
    found = await diff(await two_builds(pool, {1: None, 2: 1}, {1: 3, 2: 1}))
    change = ColumnChange("parent", "null", f'"{node(3)}"')
    assert found.examples == (RowChange(f'{{"node": "{node(1)}"}}', "changed", (change,)),)


async def test_all_is_counted_and_some_is_shown(pool: Pool) -> None:
    found = await diff(await two_builds(pool, {}, dict.fromkeys(range(1, 10))), limit=2)
    assert found.rows == {"added": 9}
    assert [one.kind for one in found.examples] == ["added"] * 2
    assert (await diff(Store.over(pool), limit=0)).examples == ()


async def test_columns_of_one_side_are_named_and_not_compared(pool: Pool) -> None:
    store = await two_builds(pool, {1: None}, {1: 1})
    await pool.execute("ALTER TABLE p_conversations_2.nodes DROP COLUMN parent, ADD COLUMN depth int DEFAULT 3")
    found = await diff(store)
    assert (found.rows, found.only_before, found.only_after) == ({}, ("parent",), ("depth",))
    assert not found.is_empty


async def test_a_table_of_one_side_is_named(pool: Pool) -> None:
    store = await two_builds(pool, {}, {})
    await pool.execute("CREATE TABLE p_conversations_2.words (word text PRIMARY KEY)")
    async with store.sources.transactions() as tx:
        assert "words" in await row_diffs.table_names(tx, BEFORE, AFTER)
    found = await diff(store, table="words")
    assert (found.only_after, found.rows) == (("word",), {})
