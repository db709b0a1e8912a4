"""Lines and their sums are what a second program reads from the raw answers, however they came."""

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.corrections import LinkCorrection
from domain.links import Edge
from ops.db.pool import Pool
from projections.projector import Write
from projections.read_models import builds, links, usage_rollup
from projections.read_models.connection import Connection
from projections.read_models.links import LinkRow
from projections.read_models.rows import as_json
from projections.read_models.usage_rollup import GROUP, NOWHERE, PLACE, Moved, UsageLine
from projections.registry import USAGE_TABLES, projection
from tests import captures, usage_oracle
from tests.captures import Captured
from tests.forest import playing
from tests.forest.feeding import request_ids as forest_ids
from tests.projected import Store, append_word
from tests.recorded import append_all, recorded, request_ids
from tests.shipping import AT
from tests.usage_oracle import DIMENSIONS, MEASURES, Told
from tests.usage_variety import attributed, varied

CONVERSATIONS = projection("conversations")
DAY = 24 * 60
SUMS = {
    "usage_lines": (0, DIMENSIONS),
    "usage_quarters": (15, GROUP),
    "usage_days": (DAY, GROUP),
    "usage_months": (usage_oracle.MONTH, GROUP),
    "usage_conversations": (DAY, DIMENSIONS),
}
"""Minutes of a bucket, and what is added up by."""
INSERT_TASK = "INSERT INTO tasks VALUES ($1, $2, '', '', $3, gen_random_uuid(), $4, '')"
EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) "
MANY_LINKS = """
INSERT INTO links SELECT gen_random_uuid(), l.received_at, l.request_class, l.own_edge, l.edge, NULL, 1, '[]', NULL,
    gen_random_uuid(), gen_random_uuid(), 0, NULL FROM links l, generate_series(1, 1000)
"""
MANY_LINES = """
INSERT INTO usage_lines
SELECT grown.* FROM (SELECT u FROM usage_lines u) one, generate_series(1, 1000) n,
LATERAL jsonb_populate_record(one.u, jsonb_build_object('request_id', md5((one.u).request_id || '-' || n))) grown
"""
EMPTY = "SELECT * FROM read.{} WHERE lines <= 0"
ROWS = "SELECT * FROM read.{} JOIN read.usage_groups USING (group_id)"


async def told(store: Store, listed: Sequence[Captured], ids: dict[int, UUID], random: Random) -> list[Told]:
    """With usage of every kind, by several accounts."""
    found = list[Told]()
    for one in listed:
        other = varied(one, random)
        found.append(Told(other, attributed(await recorded(other, ids[one.n], store.ship), random)))
    return found


async def of_capture(store: Store, name: str, random: Random) -> list[Told]:
    listed = captures.exchanges(name)
    return await told(store, listed, request_ids(listed), random)


async def appended(store: Store, known: Sequence[Told], random: Random) -> None:
    """Event by event, exchanges mixed up, in batches of any size."""
    order = [one.recorded.request_id for one in known for _ in range(4)]
    random.shuffle(order)
    await append_all(store.ship, [one.recorded for one in known], order)
    await store.follow_one(CONVERSATIONS, random.choice([3, 17, 500]))


async def check(store: Store, known: Sequence[Told]) -> None:
    """Every table, every group of all dimensions; and the partitions by each of them add up."""
    keys = {one.request.scope: await store.sources.reader.scope_key(one.request.scope) for one in known}
    lines = usage_oracle.lines(known, await store.links(), keys)
    for table, (minutes, dimensions) in SUMS.items():
        found = [row_of(row) for row in await store.rows(ROWS.format(table))]
        assert usage_oracle.sums(found, minutes, dimensions) == usage_oracle.sums(lines, minutes, dimensions), table
        assert sum(row.get("lines", 1) for row in found) == len(lines), table
        if minutes:
            assert await store.rows(EMPTY.format(table)) == [], f"{table} has a row of nothing"
            assert all(usage_oracle.floored(row["starts_at"], minutes) == row["starts_at"] for row in found), table
        for name in dimensions:
            parts = usage_oracle.sums(found, 0, (name,)).values()
            assert tuple(map(sum, zip(*parts, strict=True))) == whole(lines), f"{table} by {name}"
    groups = await store.rows("SELECT group_id FROM read.usage_groups")
    used = await store.rows("SELECT DISTINCT group_id FROM read.usage_lines")
    assert {row["group_id"] for row in groups} == {row["group_id"] for row in used}


def row_of(row: dict[str, Any]) -> dict[str, Any]:
    """As the oracle writes it."""
    place = {name: None if row.get(name) == NOWHERE else row.get(name) for name in PLACE}
    return row | place | {"received_at": row.get("received_at") or row.get("starts_at")}


def whole(lines: list[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(sum(row[name] for row in lines) for name in MEASURES)


async def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in one order."""
    return {table: sorted(await store.rows(f"SELECT * FROM read.{table}"), key=repr) for table in USAGE_TABLES}


@pytest.mark.parametrize("name", captures.names())
async def test_a_capture_is_counted(pool: Pool, name: str) -> None:
    """With its own usage, in the order of reception."""
    store, listed = Store.over(pool), captures.exchanges(name)
    ids = request_ids(listed)
    known = [Told(one, await recorded(one, ids[one.n], store.ship)) for one in listed]
    await append_all(store.ship, [one.recorded for one in known])
    await store.follow_one(CONVERSATIONS)
    await check(store, known)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", ["d2_two_agents", "d5_background", "f2_compact_tui", "v2.1.50_tree"])
async def test_any_order_and_any_batches_give_the_same_sums(pool: Pool, name: str, seed: int) -> None:
    store, random = Store.over(pool), Random(f"{name} {seed}")
    known = await of_capture(store, name, random)
    await appended(store, known, random)
    await check(store, known)


@pytest.mark.parametrize("seed", range(6))
async def test_a_forest_is_counted_and_counted_again(pool: Pool, seed: int) -> None:
    """Invented sessions with errors, cuts, retries and agents; delivered twice nothing counts twice."""
    store, random, forest = Store.over(pool), Random(f"usage {seed}"), playing.forest(seed)
    known = await told(store, forest.captured, forest_ids(forest), random)
    half = len(known) // 2
    random.shuffle(known)
    await appended(store, known[:half], random)
    await check(store, known)
    await appended(store, known[half:], random)
    await check(store, known)
    before = await rows_of(store)
    await pool.execute("UPDATE nexus_tracking SET notification_id = 0 WHERE application_name LIKE 'conversations:%'")
    await store.follow_one(CONVERSATIONS, random.choice([3, 40, 500]))
    assert await rows_of(store) == before


@pytest.mark.parametrize("seed", range(3))
async def test_corrections_move_the_sums_and_move_them_back(pool: Pool, seed: int) -> None:
    store, random = Store.over(pool), Random(seed)
    known = await of_capture(store, "d2_two_agents", random)
    await appended(store, known, random)
    before = await rows_of(store)
    ids = sorted(one.recorded.request_id for one in known)
    words = [LinkCorrection.begin(one, None, who="ada", why="", at=AT) for one in random.sample(ids[1:], 3)]
    for word in words:
        await append_word(pool, word)
        await store.follow_one(CONVERSATIONS)
        await check(store, known)
    assert await rows_of(store) != before


@pytest.mark.parametrize("order", [(2, 3, 4, 5, 6, 1), (2, 1, 4, 6, 3, 5), (6, 5, 4, 3, 2, 1)])
async def test_a_call_that_is_known_late_gives_its_agents_their_type(pool: Pool, order: tuple[int, ...]) -> None:
    """And their project: sub-agents do not say where they work."""
    store = Store.over(pool)
    known = {one.captured.n: one for one in await of_capture(store, "d2_two_agents", Random(5))}
    for n in order:
        await append_all(store.ship, [known[n].recorded])
        await store.follow_one(CONVERSATIONS)
        await check(store, list(known.values()))
    agents = await store.rows("SELECT agent_type, project FROM read.usage_groups WHERE request_class = 'subagent'")
    assert {row["agent_type"] for row in agents} == {"Explore", "general-purpose"}
    assert any(row["project"].startswith("dir:") for row in agents)


def line_of(number: int) -> UsageLine:
    """A plain one."""
    words = dict.fromkeys(
        [*(set(GROUP) - {"long_context", "estimated"}), "kind", "said_project", "said_agent_type"], ""
    )
    whole: dict[str, Any] = {**words, **dict.fromkeys(MEASURES, 0), "long_context": False, "estimated": False}
    del whole["project"], whole["request_class"], whole["agent_type"]
    return UsageLine(**(whole | {"request_id": UUID(int=number), "line": 0, "received_at": AT, "requests": 1}))


def link_of(number: int, edge: Edge, parent: int | None, call: str | None, subtask: int | None) -> LinkRow:
    return LinkRow(
        request_id=UUID(int=number),
        received_at=AT,
        request_class="main",
        own_edge=edge,
        edge=edge,
        parent_request_id=UUID(int=parent) if parent else None,
        confidence=1.0,
        evidence=(),
        tool_use_id=call,
        conversation_id=UUID(int=1),
        branch_id=UUID(int=subtask or 1),
        depth=0,
        subtask_id=UUID(int=subtask) if subtask else None,
    )


async def test_a_sub_task_that_another_call_started_has_another_type_all_over(pool: Pool) -> None:
    """Its first exchange is linked to another call of the same answer; the others' links stay as they are."""
    store, numbers = Store.over(pool), (1, 2, 3)
    ids = [UUID(int=number) for number in numbers]
    first = link_of(2, "spawned", 1, "call a", 2)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
        await links.replace(tx, [link_of(1, "root", None, None, None), first, link_of(3, "continues", 2, None, 2)])
        await tx.execute(INSERT_TASK, ids[0], 0, "call a", "Explore")
        await tx.execute(INSERT_TASK, ids[0], 1, "call b", "Plan")
        await usage_rollup.refresh(tx, ids, [line_of(number) for number in numbers], Moved(set(ids)))
        assert await agent_types(tx) == ["", "Explore", "Explore"]
        await links.replace(tx, [replace(first, tool_use_id="call b")])
        await usage_rollup.refresh(tx, [], [], Moved(subtasks={ids[1]}))
        assert await agent_types(tx) == ["", "Plan", "Plan"]
        await tx.execute("UPDATE tasks SET agent_type = 'Review' WHERE tool_use_id = 'call b'")
        await usage_rollup.refresh(tx, [ids[0]], [line_of(1)], Moved())
        assert await agent_types(tx) == ["", "Review", "Review"]
        assert await tx.fetchval("SELECT count(*) FROM usage_groups") == 2


async def agent_types(tx: Connection) -> list[str]:
    rows = await tx.fetch(
        "SELECT agent_type FROM usage_lines JOIN usage_groups USING (group_id) ORDER BY request_id, line"
    )
    return [row["agent_type"] for row in rows]


async def test_nothing_is_asked_where_nothing_is_told(pool: Pool) -> None:
    async def nobody(*_: object) -> None:
        raise AssertionError

    write: Write = nobody
    await usage_rollup.refresh(write, [], [], usage_rollup.Moved())  # type: ignore[arg-type]  # it is not looked at


async def test_a_group_that_is_left_is_no_row(pool: Pool) -> None:
    """A request that was open has another group once it is answered; what it left behind goes."""
    store = Store.over(pool)
    [one] = await of_capture(store, "a_oneshot", Random(1))
    await append_all(store.ship, [one.recorded], [one.recorded.request_id] * 2)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
    await store.follow_one(CONVERSATIONS, batch_events=1)
    assert len(await store.rows("SELECT FROM read.usage_quarters")) == 1
    await check(store, [one])


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_what_a_batch_does_not_touch_is_not_read(pool: Pool, mode: str) -> None:
    """What a batch does not touch is not read, though the planner knows nothing of the tables."""
    store = Store.over(pool)
    async with store.sources.transactions() as tx:
        await builds.enter(tx, await builds.ensure_live(tx, CONVERSATIONS))
        await tx.execute(
            "SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', $1, true)", mode
        )
        for number in range(1, 4):
            await links.replace(tx, [link_of(number, "root", None, None, None)])
            await usage_rollup.refresh(tx, [UUID(int=number)], [line_of(number)], Moved())
        await tx.execute(MANY_LINKS)
        await tx.execute(MANY_LINES)
        values = (as_json([line_of(2)]), [UUID(int=n) for n in (1, 2)], [UUID(int=3)], [UUID(int=2)])
        (plan,) = json.loads(await tx.fetchval(EXPLAIN + usage_rollup.REFRESH, *values))
        assert looked_at(plan["Plan"]) < 200


def looked_at(plan: dict[str, Any]) -> float:
    """How many rows of tables a plan has had in its hands."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    scans = "Relation Name" in plan and "Scan" in plan["Node Type"]
    return float((own if scans else 0) + sum(looked_at(inner) for inner in plan.get("Plans", [])))
