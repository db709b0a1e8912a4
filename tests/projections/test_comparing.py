"""What another linker changes is said: rows, links, conversations; nothing of what stays."""

from dataclasses import replace

import pytest

from ops.db.pool import Pool
from projections.comparing import compare
from projections.read_models.builds import Build, UnfitBuildError
from projections.rebuilding import build_beside
from projections.registry import projection
from tests.other_linker import version, without_tasks
from tests.projected import Store

REQUESTS = projection("requests")
CONVERSATIONS = projection("conversations")


async def store_with(pool: Pool, capture: str = "d2_two_agents") -> Store:
    store = Store.over(pool)
    await store.append(capture)
    await store.follow()
    return store


async def test_a_build_of_the_same_code_is_no_difference(pool: Pool) -> None:
    store = await store_with(pool)
    requests, found = [
        await compare(one, await build_beside(one, store.sources), store.sources, 5)
        for one in (REQUESTS, CONVERSATIONS)
    ]
    assert requests.conversations is None
    assert requests.is_empty
    assert found.is_empty
    assert [one.table for one in (*requests.tables, *found.tables)] == ["requests", *sorted(CONVERSATIONS.tables)]
    assert found.conversations is not None
    assert found.conversations.forest.is_empty
    assert found.conversations.links.changed == 0


async def test_rows_of_any_projection_are_compared(pool: Pool) -> None:
    store = await store_with(pool)
    candidate = await build_beside(REQUESTS, store.sources)
    await pool.execute("UPDATE p_requests_2.requests SET input_tokens = -1 WHERE session_id IS NOT NULL")
    [table] = (await compare(REQUESTS, candidate, store.sources, 2)).tables
    assert (table.rows, table.columns, len(table.examples)) == ({"changed": 6}, {"input_tokens": 6}, 2)


async def test_another_linker_splits_and_the_one_before_merges(pool: Pool, rules: None) -> None:
    store = await store_with(pool)
    other = version(CONVERSATIONS, CONVERSATIONS.version + 1, without_tasks)
    candidate = await build_beside(other, store.sources)
    found = await compare(other, candidate, store.sources, 5)
    assert (found.live, found.candidate) == (Build("conversations", CONVERSATIONS.version, 1), candidate)
    assert found.conversations is not None
    forest, links = found.conversations.forest, found.conversations.links
    [split] = forest.splits
    assert len(split.parts) == 2, "two agents"
    assert links.edges == {"spawned → root": 2}
    tokens = "SELECT sum(r.output_tokens) FROM read.requests r JOIN p_conversations_2.links l USING (request_id) "
    expected = await pool.fetchval(tokens + "WHERE l.conversation_id <> $1", split.conversation)
    assert forest.moved.output_tokens == expected > 0
    members = {each for part in split.parts for each in part.examples}
    assert {one.request_id for one in links.examples} <= members
    assert (forest.merges, forest.moves, forest.renames) == ((), (), ())


async def test_the_live_build_is_not_compared_with_itself(pool: Pool) -> None:
    store = await store_with(pool)
    with pytest.raises(UnfitBuildError, match="live itself"):
        await compare(REQUESTS, Build("requests", REQUESTS.version, 1), store.sources, 5)


async def test_where_nothing_is_live_there_is_nothing_to_compare_with(pool: Pool) -> None:
    store = Store.over(pool)
    with pytest.raises(UnfitBuildError, match="switch requests"):
        await compare(REQUESTS, await build_beside(REQUESTS, store.sources), store.sources, 5)


async def test_a_new_column_is_a_difference(pool: Pool) -> None:
    store = await store_with(pool)
    newer = replace(CONVERSATIONS, version=CONVERSATIONS.version + 1)
    candidate = await build_beside(newer, store.sources)
    await pool.execute("ALTER TABLE p_conversations_2.links ADD COLUMN words int DEFAULT 1")
    found = await compare(newer, candidate, store.sources, 5)
    assert not found.is_empty
    assert found.conversations is not None
    assert found.conversations.links.changed == 0
