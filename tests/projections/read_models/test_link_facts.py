"""The trie holds every path once, however it came in; who is touched by what is new is asked again."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.blocks import AgentMention, text_digest
from domain.corrections import Standing
from domain.exchange_facts import ExchangeFacts
from ops.db.pool import Pool
from projections.read_models import builds, link_facts
from projections.read_models.connection import Connection
from projections.registry import projection
from tests.invented import KINDS, Invented, Kind
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


async def saved(tx: Connection, *ones: Invented) -> set[int]:
    return await save_facts(tx, [one.facts for one in ones])


async def save_facts(tx: Connection, facts: Sequence[ExchangeFacts]) -> set[int]:
    return {one.int for one in await link_facts.save(tx, facts, ["here"] * len(facts))}


async def entered(tx: Connection) -> None:
    await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))


ONE = Invented(number=10, path="ab", answer="b")


@pytest.mark.parametrize(
    ("other", "touched"),
    [
        (replace(ONE, number=12), True),
        (replace(ONE, number=8), False),
        (replace(ONE, number=12, agent="a1"), True),
        (replace(ONE, number=12, kind="alone"), False),
        (replace(ONE, number=12, session="s2"), False),
        (replace(ONE, number=12, session="s2", history=True), True),
        (replace(ONE, number=8, session="s2", history=True), False),
        (replace(ONE, number=12, session="s2", history=True, agent="a1"), False),
        (replace(ONE, number=12, session="s2", history=True, path="a"), False),
        (replace(ONE, number=12, session="s2", history=True, path="bb"), False),
        (replace(ONE, number=12, session=None), False),
    ],
)
async def test_what_comes_late_touches_its_session_behind_it_and_longer_histories_elsewhere(
    pool: Pool, other: Invented, touched: bool
) -> None:
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, other)
        assert await saved(tx, ONE) == {10} | ({other.number} if touched else set())


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_auxiliary_for_good_neither_touches_its_session_nor_is_touched(pool: Pool, kind: Kind) -> None:
    counts = kind != "alone"
    early, late = Invented(number=4, kind=kind, path="x"), Invented(number=20, kind=kind, path="y")
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, late)
        assert await saved(tx, ONE) == {10} | ({20} if counts else set())
        assert await saved(tx, early) == {4} | ({10, 20} if counts else set())


@pytest.mark.parametrize(
    ("changes", "touched"),
    [({}, True), ({"agent": "a1"}, False), ({"path": "a"}, False), ({"path": "ba"}, False), ({"number": 8}, False)],
)
async def test_without_a_session_it_touches_longer_paths_that_begin_alike(
    pool: Pool, changes: dict[str, object], touched: bool
) -> None:
    one = replace(ONE, session=None)
    other = replace(one, **{"number": 12, **changes})  # type: ignore[arg-type]  # of several types
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, other)
        assert await saved(tx, one) == {10} | ({other.number} if touched else set())


async def test_an_agent_s_name_touches_the_agent_and_who_has_the_same_prompt(pool: Pool) -> None:
    calls = Invented(number=2, tasks=(("t1", "p"), ("t2", "q")))
    named = replace(ONE, number=20, path="x", mentions=(("a1", "t1"),))
    agents = [Invented(number=n, agent=f"a{n}", prompt=prompt) for n, prompt in ((4, "p"), (5, "q"), (6, ""))]
    its = Invented(number=7, agent="a1", history=True)
    bystander = Invented(number=8, prompt="p", history=True)
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, calls, *agents, its, bystander)
        assert await saved(tx, named) == {20, 4, 7}
        assert await saved(tx, named) == {20}, "it is no news"
        assert await saved(tx, replace(named, number=22, session=None)) == {22}, "nobody's agent"


@pytest.mark.parametrize("order", list(permutations([None, 70, 50])))
async def test_of_what_an_agent_is_said_to_have_used_the_most_stays(pool: Pool, order: Sequence[int | None]) -> None:
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        for at, tokens in enumerate(order):
            said = Invented(number=20 + at, path="x", mentions=(("a1", "t1"),)).facts
            again = AgentMention("a1", "t1", tokens)
            await link_facts.save(tx, [replace(said, mentions=(again, AgentMention("a2", "t2", 7)))], [""])
        found = await tx.fetch("SELECT agent, reported_tokens FROM mentions ORDER BY agent")
        assert [tuple(row) for row in found] == [("a1", 70), ("a2", 7)]


async def test_two_reports_at_once_are_the_larger_one(pool: Pool) -> None:
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        said = Invented(number=20, path="x").facts
        await link_facts.save(tx, [replace(said, mentions=tuple(AgentMention("a", "t", n) for n in (5, 9, 7)))], [""])
        assert await tx.fetchval("SELECT reported_tokens FROM mentions") == 9


HANDS_ON = Invented(number=12, session="s2", continuation="kept", path="x")


@pytest.mark.parametrize(
    ("other", "touched"),
    [
        (HANDS_ON, True),
        (replace(HANDS_ON, agent="a1"), False),
        (replace(HANDS_ON, continuation=""), False),
        (replace(HANDS_ON, continuation="", opening="kept"), False),
        (replace(HANDS_ON, number=8), False),
    ],
)
async def test_a_late_summary_touches_who_hands_one_on_in_another_session(
    pool: Pool, other: Invented, touched: bool
) -> None:
    summary = Invented(number=10, kind="compaction", path="y", summary="kept")
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, other)
        assert await saved(tx, replace(summary, summary="")) == {10}
        assert await saved(tx, summary) == {10} | ({other.number} if touched else set())


async def test_a_correction_touches_its_request_and_a_parent_that_comes_its_child(pool: Pool) -> None:
    child, parent = replace(ONE, number=10), replace(ONE, number=4, session="s2", path="z")
    said = Standing(child.moment.request_id, parent.moment.request_id, "ada", "x", stands=True)
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        assert await link_facts.save_corrections(tx, []) == set()
        assert await link_facts.save_corrections(tx, [said]) == set(), "the request is not known yet"
        assert await saved(tx, child) == {10}
        assert await saved(tx, parent) == {4, 10}
        assert await link_facts.save_corrections(tx, [said]) == {UUID(int=10)}
        assert len(await tx.fetch("SELECT * FROM corrections")) == 1
        assert await link_facts.save_corrections(tx, [replace(said, stands=False)]) == {UUID(int=10)}
        assert await tx.fetch("SELECT * FROM corrections") == []


async def test_a_text_that_may_hand_on_a_summary_is_stored_once(pool: Pool) -> None:
    texts = ["kept" * 20, "This session \x00 …"]
    ones = [Invented(number=n, opening=texts[0], continuation=texts[1]) for n in (1, 2)]
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, *ones)
        await saved(tx, *ones)
        rows = {row["text_id"]: row["content"] for row in await tx.fetch("SELECT * FROM texts")}
    assert rows == {UUID(bytes=text_digest(text)): text.replace("\x00", "\ufffd") for text in texts}


async def test_an_exchange_that_comes_again_replaces_itself(pool: Pool) -> None:
    before, after = Invented(number=1, tasks=(("t1", "p"),), state="open"), Invented(number=1, tasks=(("t2", "p"),))
    async with Store.over(pool).sources.transactions() as tx:
        await entered(tx)
        await saved(tx, before)
        await saved(tx, after)
        assert [row["state"] for row in await tx.fetch("SELECT * FROM exchanges")] == ["finished"]
        assert [row["tool_use_id"] for row in await tx.fetch("SELECT * FROM tasks")] == ["t2"]
