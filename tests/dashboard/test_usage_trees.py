"""Each sub-task by itself and with all that it called: what a second program adds up along the links, to the cent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest

from dashboard.data import DataStore
from dashboard.told import Sayings
from dashboard.usage import BYS, By, UsageQuery, is_ranked
from domain.corrections import LinkCorrection
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from projections.registry import projection
from schemas.usage_api import UsageAnswer, UsageFigures, UsageItem
from tests import captures, usage_oracle
from tests.dashboard.test_usage import SAID, SINCE, UNTIL, counted, group_of, money, told_by
from tests.forest import playing
from tests.forest.dialects import CLAUDE_CODE
from tests.forest.feeding import request_ids as forest_ids
from tests.forest.moves import MOVES
from tests.projected import Store, append_word
from tests.recorded import append_all, recorded, request_ids
from tests.requirements import scaled
from tests.shipping import AT
from tests.usage_oracle import Told
from tests.usage_variety import attributed, varied

NESTED = next(move for move in MOVES if move.name == "nested_agents")
Line = dict[str, Any]


async def store_of(pool: Pool, name: str, random: Random) -> tuple[Store, list[Told]]:
    """A capture, or a forest of agents that call agents; events in any order, in batches of any size."""
    store = Store.over(pool)
    if name.startswith("forest"):
        forest = playing.scenario(NESTED, CLAUDE_CODE[-1], int(name.removeprefix("forest")))
        listed, ids = forest.captured, forest_ids(forest)
    else:
        listed = captures.exchanges(name)
        ids = request_ids(listed)
    known = [
        Told(other, attributed(await recorded(other, ids[other.n], store.ship), random))
        for other in [varied(one, random) for one in listed]
    ]
    order = [one.recorded.request_id for one in known for _ in range(4)]
    random.shuffle(order)
    await append_all(store.ship, [one.recorded for one in known], order)
    await store.follow_one(projection("conversations"), random.choice([3, 17, 500]))
    return store, known


def asking(pool: Pool) -> DataStore:
    async def said() -> Sayings:
        return SAID

    return DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), said)


async def lines_of(store: Store, known: Sequence[Told]) -> list[Line]:
    keys = {one.request.scope: await store.sources.reader.scope_key(one.request.scope) for one in known}
    return usage_oracle.lines(known, await store.links(), keys)


def below(lines: Sequence[Line], task: object, others: dict[By, Any]) -> list[Line]:
    """Of the sub-task and all that it called, under the other things that are told apart."""
    return [
        line for line in lines if task in line["tasks"] and all(group_of(line, by) == one for by, one in others.items())
    ]


def told_of(whole: UsageFigures) -> dict[str, int]:
    return told_by([UsageItem(**dict(whole), group={}, label="", bucket=None)])


def check(answer: UsageAnswer, lines: Sequence[Line]) -> None:
    """Every item by itself and with all below; the own sums of a tree are what its main thread has with all below."""
    trees = dict[tuple[object, ...], list[UsageItem]]()
    for item in answer.items:
        task = item.group["subtask"]
        others: dict[By, Any] = {by: item.group[by] for by in BYS if by in item.group and by != "subtask"}
        of_bucket = [line for line in lines if item.bucket is None or line["received_at"].date() == item.bucket.date()]
        mine = below(of_bucket, task, others)
        own = [line for line in mine if line["tasks"][0] == task]
        assert told_by([item]) == counted(own)
        assert Fraction(item.cost_usd or 0) == money(own)
        assert item.with_descendants
        assert told_of(item.with_descendants) == counted(mine)
        assert Fraction(item.with_descendants.cost_usd or 0) == money(mine)
        assert (item.subtask is None) == (task is None)
        root = item.subtask.conversation_id if item.subtask else None
        trees.setdefault((root, item.bucket, *others.values()), []).append(item)
        if item.subtask:
            [line_up] = {tuple(line["tasks"][line["tasks"].index(task) :]) for line in mine}
            assert (*line_up, None)[1] == item.subtask.parent
            assert item.subtask.depth == len(line_up) - 1
    for tree in trees.values():
        first, whole = tree[0], tree[0].with_descendants
        assert whole
        if not answer.other:
            assert told_by(tree) == told_of(whole)
            assert sum(Fraction(one.cost_usd or 0) for one in tree) == Fraction(whole.cost_usd or 0)
        seen = {first.group["subtask"]}
        for one in tree[1:]:
            assert one.subtask
            assert one.subtask.parent in seen, "who calls comes before whom it calls"
            seen.add(one.group["subtask"])
    assert told_by([*answer.items, *answer.other]) == told_by([answer.total]) == counted(lines)


ASKED = UsageQuery(since=SINCE, until=UNTIL, group_by=("subtask",), limit=1000)


@pytest.mark.parametrize("name", ["d2_two_agents", "forest0", "forest1"])
async def test_trees_add_up_whatever_is_told_apart_beside_them(pool: Pool, name: str) -> None:
    random = Random(name)
    store, known = await store_of(pool, name, random)
    lines, usage = await lines_of(store, known), asking(pool)
    answer = await usage.usage(ASKED)
    check(answer, lines)
    deepest = max(item.subtask.depth for item in answer.items if item.subtask)
    assert deepest >= (1 if name.startswith("d2") else 2)
    check(await usage.usage(replace(ASKED, group_by=("model", "subtask", "class"), bucket="day")), lines)
    for limit in range(1, len(answer.items)):
        check(await usage.usage(replace(ASKED, limit=limit)), lines)
    tasks = [task for item in answer.items if isinstance(task := item.group["subtask"], UUID)]
    for task in tasks:
        chosen = [line for line in lines if task in line["tasks"]]
        [whole] = [item.with_descendants for item in answer.items if item.group["subtask"] == task]
        alone = await usage.usage(replace(ASKED, group_by=("class",), wanted={"subtask": task}))
        assert told_by([alone.total]) == counted(chosen)
        assert whole
        assert alone.total.cost_usd == whole.cost_usd
        for branch in {line["branch_id"] for line in lines} - {None}:
            both = await usage.usage(replace(ASKED, group_by=(), wanted={"subtask": task, "branch": branch}))
            assert told_by([both.total]) == counted([line for line in chosen if line["branch_id"] == branch])


@pytest.mark.parametrize("name", ["forest0", "forest2", "v2.0.76_mix"])
async def test_what_is_not_shown_may_as_well_stay_together(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The read model tells the dearest conversations apart; so does who is told all of them."""
    monkeypatch.setattr("dashboard.usage._SPARE", 0)
    store, known = await store_of(pool, name, Random(name))
    lines, usage = await lines_of(store, known), asking(pool)
    bys: tuple[By, ...] = ("conversation", "subtask")
    for by, wanted in product(bys, ("", "subagent", "main")):
        query = replace(ASKED, group_by=(by,), wanted={"class": wanted} if wanted else {})
        assert is_ranked(query)
        groups = len((await usage.usage(query)).items)
        for limit in range(1, groups + 2):
            quick = await usage.usage(replace(query, limit=limit))
            with monkeypatch.context() as patch:
                patch.setattr("dashboard.data.is_ranked", lambda _: False)
                assert quick == await usage.usage(replace(query, limit=limit))
    assert len({line["conversation_id"] for line in lines}) > 1


async def test_agents_alone_stand_below_callers_of_which_nothing_was_asked(pool: Pool) -> None:
    store, known = await store_of(pool, "forest2", Random(3))
    lines = [line for line in await lines_of(store, known) if line["request_class"] == "subagent"]
    answer = await asking(pool).usage(replace(ASKED, wanted={"class": "subagent"}))
    check(answer, lines)
    mains = [item for item in answer.items if item.subtask and item.subtask.parent is None]
    assert mains
    assert {(one.requests, one.cost_usd) for one in mains} == {(0, Decimal(0))}
    assert {one.label for one in mains} == {"main thread"}
    assert all(one.label not in {"main thread", ""} for one in answer.items if one.subtask and one.subtask.parent)


@pytest.mark.parametrize("seed", range(scaled(2, 12)))
async def test_corrections_move_the_sums_and_a_rebuild_finds_the_same(pool: Pool, seed: int) -> None:
    random = Random(f"moved {seed}")
    store, known = await store_of(pool, random.choice(["d2_two_agents", "forest1"]), random)
    usage, ids = asking(pool), sorted(one.recorded.request_id for one in known)
    before = await usage.usage(ASKED)
    for one in random.sample(ids[1:], 3):
        await append_word(pool, LinkCorrection.begin(one, None, who="ada", why="", at=AT))
        await store.follow_one(projection("conversations"))
        check(await usage.usage(ASKED), await lines_of(store, known))
    after = await usage.usage(ASKED)
    assert after != before
    await pool.execute("UPDATE nexus_tracking SET notification_id = 0 WHERE application_name LIKE 'conversations:%'")
    await store.follow_one(projection("conversations"), random.choice([5, 300]))
    assert await usage.usage(ASKED) == after


async def test_what_is_in_no_tree_is_told_and_chooses_nothing(pool: Pool) -> None:
    store, known = await store_of(pool, "forest3", Random(4))
    nobody = await asking(pool).usage(replace(ASKED, wanted={"subtask": UUID(int=7)}))
    assert (nobody.items, nobody.total.requests) == ([], 0)
    alone = [line for line in await lines_of(store, known) if line["tasks"] == [None]]
    answer = await asking(pool).usage(ASKED)
    assert counted(alone) == told_by([item for item in answer.items if item.group["subtask"] is None])
