"""Two linkers side by side on the same events: compared, switched to, rolled back, and followed all the time."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from ops.db.pool import Pool
from projections.comparing import compare
from projections.projector import Projection
from projections.read_models.builds import Build
from projections.rebuilding import build_beside
from projections.registry import projection
from projections.switching import choose, switch_to
from tests.other_linker import version, without_tasks
from tests.projected import Store
from tests.projections.test_runner import running
from tests.waiting import until_true

CONVERSATIONS, REQUESTS = projection("conversations"), projection("requests")
SPAWNED = "SELECT count(*) FROM read.links WHERE edge = 'spawned'"
LINKED = "SELECT count(*) FROM read.links"


async def until_linked(pool: Pool, ids: Sequence[UUID]) -> None:
    """Readers see all of these."""
    query = "SELECT count(*) = $2 FROM read.links WHERE request_id = ANY($1::uuid[])"
    await until_true(lambda: pool.fetchval(query, list(ids), len(ids)))


@pytest.mark.usefixtures("rules")
async def test_readers_see_the_linker_they_were_switched_to(pool: Pool) -> None:
    """The first linker follows the live rows; then the second is built, compared and shown; then back again."""
    store, other = Store.over(pool), version(CONVERSATIONS, CONVERSATIONS.version + 1, without_tasks)
    first = await store.append("d2_two_agents")
    await store.follow()
    async with running(store.sources, (REQUESTS, CONVERSATIONS)):
        assert await pool.fetchval(SPAWNED) == 2
        candidate = await build_beside(other, store.sources)
        more = await store.append("d1_one_agent")
        await until_linked(pool, [*first.values(), *more.values()])
        assert await pool.fetchval(SPAWNED) == 3, "the first linker goes on meanwhile"
        found = await compare(other, candidate, store.sources, 5)
        assert found.conversations is not None
        assert found.conversations.links.edges == {"spawned → root": 3}
        assert sum(len(one.parts) for one in found.conversations.forest.splits) == 3
        assert await pool.fetchval(SPAWNED) == 3, "a comparison changes nothing for readers"

    await switch_to(other, (await choose(other, store.sources, None)).build, store.sources)
    assert (await pool.fetchval(SPAWNED), await pool.fetchval(LINKED)) == (0, len(first) + len(more))
    async with running(store.sources, (REQUESTS, other)):
        third = await store.append("c_tools")
        await until_linked(pool, list(third.values()))
        assert await pool.fetchval(SPAWNED) == 0
        await back(store, other)

    assert await pool.fetchval(LINKED) == len(first) + len(more), "rows of the first linker stop where it stopped"
    async with running(store.sources, (REQUESTS, CONVERSATIONS)):
        await until_linked(pool, list(third.values()))
        assert await pool.fetchval(SPAWNED) == 3, "with its own code it goes on"


async def back(store: Store, other: Projection) -> None:
    """While the second linker's runner is at work."""
    old = Build("conversations", CONVERSATIONS.version, 1)
    found = await compare(other, old, store.sources, 5)
    assert found.conversations is not None
    assert found.conversations.links.edges == {"root → spawned": 3}
    assert sum(len(one.parts) for one in found.conversations.forest.merges) == 3
    done = await switch_to(other, old, store.sources, pin=True)
    assert done.pinned
    assert await store.pool.fetchval(SPAWNED) == 3
