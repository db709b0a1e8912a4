"""A row's cost is the sum of what has a price, and a branch's with all below it counts each exchange once."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.costs import (
    found_of,
    marked,
    priced_attempts,
    priced_branches,
    priced_conversations,
    priced_requests,
    retried,
)
from dashboard.data import ConversationFilter, DataStore, RequestFilter
from dashboard.statusline import status_line
from dashboard.told import Sayings
from dashboard.usage import UsageQuery, answer_of
from domain.billing import BilledLine, Tariff
from domain.costs import CostSum, together
from domain.ids import Position
from domain.prices import PriceBook
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from schemas.read_api import ConversationItem, RequestItem
from tests import captures
from tests.price_samples import DAY, price
from tests.projected import Store
from tests.read_rows import conversation_item, conversation_tree, request_id, request_item, tree_node
from tests.recorded import NOT_KEPT, append_all, recorded, request_ids
from tests.usage_samples import usage_series

SAID = Sayings(book=PriceBook((price("claude-*"),)))
SINCE, UNTIL = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
ONE, OTHER = request_id(1), request_id(2)


def row(of: UUID, tokens: int, model: str = "claude-a") -> CostRow:
    return CostRow(of, BilledLine(tariff=Tariff(model=model), tokens=TokenCounts(input_tokens=tokens)), DAY)


def costs_of(rows: list[CostRow], said: Sayings) -> dict[UUID, Decimal | None]:
    return {one: own.cost for one, own in found_of(rows, said).items()}


def test_only_answers_that_ended_are_marked_as_lost() -> None:
    nodes = [tree_node(1), tree_node(2, completed_at=None, outcome="open"), tree_node(3)]
    lost = {request_id(1), request_id(2)}
    assert [node.unrecorded for node in marked(nodes, lost)] == [True, False, False]
    assert [node.model_copy(update={"unrecorded": False}) for node in marked(nodes, lost)] == nodes


def test_what_has_no_price_is_null_unless_something_has_one() -> None:
    rows = [row(ONE, 0), row(ONE, 5, "gpt"), row(OTHER, 1_000_000), row(OTHER, 5, "gpt"), row(request_id(3), 0)]
    whole = SAID.price_of(row(OTHER, 1_000_000).line, DAY)
    assert costs_of(rows, SAID) == {ONE: None, OTHER: whole, request_id(3): Decimal(0)}
    assert whole


def test_what_could_not_be_recorded_is_not_free() -> None:
    lost = replace(row(ONE, 0), unrecorded=1)
    assert costs_of([lost], SAID) == {ONE: None}
    assert costs_of([lost, row(ONE, 0)], SAID) == {ONE: None}
    assert costs_of([lost, row(ONE, 1_000_000)], SAID) == {ONE: SAID.price_of(row(ONE, 1_000_000).line, DAY)}
    assert {one: own.unrecorded for one, own in found_of([lost, lost, row(OTHER, 1)], SAID).items()} == {
        ONE: 2,
        OTHER: 0,
    }


def test_lists_take_the_cost_of_their_own_id() -> None:
    found = {ONE: CostSum(Decimal(1)), OTHER: CostSum(Decimal(2), unrecorded=3)}
    items = [request_item(1), request_item(2), request_item(2, outcome="open"), request_item(3)]
    told = [(item.cost_usd, item.unrecorded) for item in priced_requests(items, found)]
    assert told == [(Decimal(1), False), (Decimal(2), True), (None, False), (None, False)]
    talk = [conversation_item(1), conversation_item(2), conversation_item(3)]
    sums = [(item.cost_usd, item.unrecorded) for item in priced_conversations(talk, found)]
    assert sums == [(Decimal(1), 0), (Decimal(2), 3), (None, 0)]


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.none() | st.integers(0, 10**30), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_with_descendants_each_branch_counts_once(hung: list[tuple[int, int | None, int]]) -> None:
    """Against a walk down the tree."""
    nodes = [tree_node(1)]
    parents = {1: 0}
    for number, (above, _, _) in enumerate(hung[1:], start=2):
        parents[number] = 1 + above % (number - 1)
        nodes.append(tree_node(number, parents[number], branch=number, edge="spawned", depth=1))
    found = {
        request_id(n): CostSum(None if cost is None else Decimal(cost), is_unpriced=cost is None, unrecorded=lost)
        for n, (_, cost, lost) in enumerate(hung, start=1)
    }

    def walk(number: int) -> list[int]:
        return [number, *(each for child, above in parents.items() if above == number for each in walk(child))]

    for number, branch in enumerate(priced_branches(conversation_tree(nodes).branches, found), start=1):
        (_, own, lost), all_below = hung[number - 1], [hung[each - 1] for each in walk(number)]
        known = [cost for _, cost, _ in all_below if cost is not None]
        assert (branch.cost_usd, branch.unrecorded) == (None if own is None else Decimal(own), lost)
        assert branch.cost_usd_with_descendants == (Decimal(sum(known)) if known else None)
        assert branch.unrecorded_with_descendants == sum(each for _, _, each in all_below)


def test_attempts_of_a_turn_have_their_costs_and_others_none() -> None:
    nodes = [
        tree_node(1), tree_node(2, 1, edge="retries"), tree_node(3, 1, edge="retries", outcome="open"), tree_node(4, 2),
    ]  # fmt: skip
    assert retried(nodes) == [request_id(n) for n in (1, 2, 3)]
    assert retried([tree_node(1), tree_node(2, 1)]) == []
    found = {one: CostSum(Decimal(5), unrecorded=n % 2) for n, one in enumerate(retried(nodes))}
    told = [(node.cost_usd, node.unrecorded) for node in priced_attempts(nodes, found)]
    assert told == [(Decimal(5), False), (Decimal(5), True), (None, False), (None, False)]


def test_a_branch_that_used_nothing_does_not_make_an_unpriced_one_free() -> None:
    nodes = [tree_node(1), tree_node(2, 1, branch=2, edge="spawned", depth=1)]
    found = {ONE: CostSum(is_unpriced=True), OTHER: CostSum(is_free=True)}
    main, below = priced_branches(conversation_tree(nodes).branches, found)
    assert (main.cost_usd, main.cost_usd_with_descendants, below.cost_usd) == (None, None, Decimal(0))
    assert priced_branches(conversation_tree(nodes[:1]).branches, {})[0].cost_usd is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["claude-a", "gpt"]), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=6
    )
)
def test_lists_usage_requests_and_the_status_line_have_one_rule(used: list[tuple[str, int, int]]) -> None:
    rows = [replace(row(ONE, tokens * 1_000_000, model), unrecorded=lost) for model, tokens, lost in used]
    expected, lost = costs_of(rows, SAID)[ONE], sum(each.unrecorded for each in rows)
    summed = [
        usage_series(each.line.tariff.model, priced_on=DAY, requests=1, unrecorded=each.unrecorded,
                     **asdict(each.line.tokens))
        for each in rows
    ]  # fmt: skip
    answer = answer_of(UsageQuery(since=SINCE, until=UNTIL), summed, SAID)
    assert (answer.total.cost_usd, answer.total.unrecorded) == (expected, lost)
    dated = [(DAY, 1, each.line) for each in rows]
    told = status_line("s", UNTIL, dated, SAID.book, newest=(None, None), windows=None, unrecorded=lost)
    assert (told.cost_usd, told.unrecorded) == (expected, lost)
    (item,) = priced_requests([request_item(1)], found_of(rows, SAID))
    assert (item.cost_usd, item.unrecorded) == (expected, lost > 0)


async def lose(source: Store, capture: str, every: int) -> set[UUID]:
    """Real traffic, of which some answers could not be kept: those of every so many that told what they used."""
    listed = captures.exchanges(capture)
    ids, lost = request_ids(listed), {one.n for one in [one for one in listed if b'"usage"' in one.answer][1::every]}
    made = [replace(one, answer=b"", fault=NOT_KEPT) if one.n in lost else one for one in listed]
    await append_all(source.ship, [await recorded(one, ids[one.n], source.ship) for one in made])
    return {ids[n] for n in lost}


@pytest.mark.parametrize(
    ("capture", "every"), [("d2_two_agents", 1000), ("d2_two_agents", 2), ("errors_in_session", 1000)]
)
async def test_lists_rows_and_trees_add_up_to_the_usage(capture: str, every: int, pool: Pool) -> None:
    source = Store.over(pool)
    lost = await lose(source, capture, every)
    await source.follow()

    async def told() -> Sayings:
        return SAID

    store = DataStore(partial(borrowed, pool, 5.0), PostgresEventLog(pool), PostgresPayloads(pool), told)
    usage = await store.usage(UsageQuery(since=SINCE, until=UNTIL))
    listed = (await store.requests(RequestFilter(), limit=500)).items
    live = (await store.requests(RequestFilter(), after=Position(0), limit=500)).items
    talk = (await store.conversations(ConversationFilter(), limit=500)).items
    expected = usage.total.cost_usd
    assert expected
    assert usage.total.unrecorded == len(lost) > 0
    assert {item.request_id for item in listed if item.unrecorded} == lost
    assert sum(item.unrecorded for item in talk) == sum(item.unrecorded and item.edge != "none" for item in listed)
    for session in {item.session_id for item in listed if item.session_id}:
        own = [item for item in listed if item.session_id == session]
        line = await store.status_line(session, UNTIL)
        assert line.unrecorded == sum(item.unrecorded for item in own)
        assert (line.cost_usd or 0) == sum(item.cost_usd or Decimal(0) for item in own)
    accounts = (await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=("account",)))).items
    for account in accounts:
        name = str(account.group["account"])  # no account is named: it is the tenant
        alone = await store.usage(UsageQuery(since=SINCE, until=UNTIL, wanted={"account": name}))
        assert (alone.total.requests, alone.total.cost_usd) == (account.requests, account.cost_usd)
    assert sum(account.requests for account in accounts) == usage.total.requests > 0
    assert sum(item.cost_usd or Decimal(0) for item in listed) == expected
    assert {item.request_id: item for item in live} == {item.request_id: item for item in listed}
    await check_requests(store, listed)
    await check_talks(store, listed, talk)


async def check_requests(store: DataStore, listed: list[RequestItem]) -> None:
    for item in listed:
        assert await store.request(item.request_id) == item
        used = await store.request_usage(item.request_id)
        assert used
        assert (used.cost_usd, used.unrecorded) == (item.cost_usd, item.unrecorded)
        assert sum(line.amount or Decimal(0) for line in used.lines) == (item.cost_usd or Decimal(0))
        tries = {one.request_id: (one.cost_usd, one.unrecorded) for one in used.attempts}
        assert len(tries) == item.attempts
        assert tries == {one.request_id: (one.cost_usd, one.unrecorded) for one in listed if one.request_id in tries}
        assert (used.turn_cost_usd or 0) == sum(cost or Decimal(0) for cost, _ in tries.values())


async def check_talks(store: DataStore, listed: list[RequestItem], talk: list[ConversationItem]) -> None:
    for each in talk:
        tree = await store.tree(each.conversation_id)
        assert tree
        assert tree.conversation == each == await store.conversation(each.conversation_id)
        assert sum(branch.cost_usd or Decimal(0) for branch in tree.branches) == (each.cost_usd or 0)
        assert sum(branch.unrecorded for branch in tree.branches) == each.unrecorded
        assert tree.branches[0].unrecorded_with_descendants == each.unrecorded
        told_by_nodes = {node.request_id: node.cost_usd for node in tree.nodes if node.cost_usd is not None}
        assert told_by_nodes == {
            one.request_id: one.cost_usd
            for one in listed
            if one.request_id in retried(tree.nodes) and one.cost_usd is not None
        }
        members = [one for one in listed if one.conversation_id == each.conversation_id]
        assert sum(one.cost_usd or Decimal(0) for one in members) == (each.cost_usd or 0)
        assert sum(one.unrecorded for one in members) == each.unrecorded
        marked_nodes = {node.request_id for node in tree.nodes if node.unrecorded}
        assert marked_nodes == {one.request_id for one in members if one.unrecorded}
        spent = together((await store.costs([one.request_id for one in members])).values())
        assert (spent.cost, spent.unrecorded) == (each.cost_usd, each.unrecorded)
        assert tree.branches[0].cost_usd_with_descendants == each.cost_usd
