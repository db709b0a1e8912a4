"""The trie holds every path once, however it came in."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.db.pool import Pool
from projections.read_models import builds, link_facts
from projections.registry import projection
from tests.pool_runner import PoolRunner
from tests.projected import Store

CONVERSATIONS = projection("conversations")
LONG = "x" * (2 * link_facts.NEAR_NODES)


def node(path: str) -> bytes:
    return hash(path).to_bytes(16, "big", signed=True)


def nodes(path: str) -> list[bytes]:
    return [node(path[: n + 1]) for n in range(len(path))]


paths = st.builds(lambda head, tail: head + tail, st.sampled_from(["", LONG, LONG[:40]]), st.text("ab", max_size=6))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(paths, max_size=3), max_size=5))
def test_every_prefix_is_a_node_below_the_one_before(runner_pool: PoolRunner, batches: list[list[str]]) -> None:
    async def work(pool: Pool) -> None:
        store = Store.over(pool)
        async with store.sources.transactions() as tx:
            await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
            await tx.execute("TRUNCATE nodes")
            for batch in batches:
                await link_facts._save_paths(tx, [nodes(path) for path in batch])
            stored = {row["node"]: row["parent"] for row in await tx.fetch("SELECT * FROM nodes")}
        prefixes = {path[: n + 1] for batch in batches for path in batch for n in range(len(path))}
        assert stored == {
            UUID(bytes=node(path)): UUID(bytes=node(path[:-1])) if len(path) > 1 else None for path in prefixes
        }

    runner_pool.run(work)
