"""A row's cost is the sum of what has a price, and a branch's with all below it counts each exchange once."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.costs import costs_of, priced_attempts, priced_branches, priced_conversations, priced_requests, retried
from dashboard.data import ConversationFilter, DataStore, RequestFilter
from dashboard.statusline import status_line
from dashboard.told import Sayings
from dashboard.usage import UsageQuery, answer_of
from domain.billing import BilledLine, Tariff
from domain.ids import Position
from domain.prices import PriceBook, Priced, Term
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from ops.db.borrowing import borrowed
from ops.db.event_log import PostgresEventLog
from ops.db.payloads import PostgresPayloads
from ops.db.pool import Pool
from tests.price_samples import DAY, price
from tests.projected import Store
from tests.read_rows import conversation_item, conversation_tree, request_id, request_item, tree_node
from tests.usage_samples import usage_series

SAID = Sayings(book=PriceBook((price("claude-*"),)))
SINCE, UNTIL = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
ONE, OTHER = request_id(1), request_id(2)


def row(of: UUID, tokens: int, model: str = "claude-a") -> CostRow:
    return CostRow(of, BilledLine(tariff=Tariff(model=model), tokens=TokenCounts(input_tokens=tokens)), DAY)


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


def test_lists_take_the_cost_of_their_own_id() -> None:
    costs = {ONE: Decimal(1), OTHER: Decimal(2)}
    items = [request_item(1), request_item(2, outcome="open"), request_item(3)]
    assert [item.cost_usd for item in priced_requests(items, costs)] == [Decimal(1), None, None]
    talk = [conversation_item(2), conversation_item(3)]
    assert [item.cost_usd for item in priced_conversations(talk, costs)] == [Decimal(2), None]


UNPRICED = Priced(amount=None, reason="no price")


def priced(amount: int) -> Priced:
    term = Term(kind="input", count=1, per_million=Decimal(amount), factor=Decimal(1), amount=Decimal(amount))
    return Priced(amount=Decimal(amount), terms=(term,))


@given(st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 10**30)), min_size=1, max_size=12))
def test_with_descendants_each_branch_counts_once(hung: list[tuple[int, int | None]]) -> None:
    """Against a walk down the tree."""
    nodes = [tree_node(1)]
    parents = {1: 0}
    for number, (above, _) in enumerate(hung[1:], start=2):
        parents[number] = 1 + above % (number - 1)
        nodes.append(tree_node(number, parents[number], branch=number, edge="spawned", depth=1))
    costs = {request_id(n): [UNPRICED if cost is None else priced(cost)] for n, (_, cost) in enumerate(hung, start=1)}

    def walk(number: int) -> list[int]:
        own = hung[number - 1][1]
        below = [cost for child, above in parents.items() if above == number for cost in walk(child)]
        return below if own is None else [own, *below]

    for number, branch in enumerate(priced_branches(conversation_tree(nodes).branches, costs), start=1):
        known, own = walk(number), hung[number - 1][1]
        assert branch.cost_usd == (None if own is None else Decimal(own))
        assert branch.cost_usd_with_descendants == (Decimal(sum(known)) if known else None)


def test_attempts_of_a_turn_have_their_costs_and_others_none() -> None:
    nodes = [
        tree_node(1), tree_node(2, 1, edge="retries"), tree_node(3, 1, edge="retries", outcome="open"), tree_node(4, 2),
    ]  # fmt: skip
    assert retried(nodes) == [request_id(n) for n in (1, 2, 3)]
    assert retried([tree_node(1), tree_node(2, 1)]) == []
    costs = {one: Decimal(5) for one in retried(nodes)}
    assert [node.cost_usd for node in priced_attempts(nodes, costs)] == [Decimal(5), Decimal(5), None, None]


def test_a_branch_that_used_nothing_does_not_make_an_unpriced_one_free() -> None:
    nodes = [tree_node(1), tree_node(2, 1, branch=2, edge="spawned", depth=1)]
    found = {ONE: [UNPRICED], OTHER: [Priced(amount=Decimal(0))]}
    main, below = priced_branches(conversation_tree(nodes).branches, found)
    assert (main.cost_usd, main.cost_usd_with_descendants, below.cost_usd) == (None, None, Decimal(0))
    assert priced_branches(conversation_tree(nodes[:1]).branches, {})[0].cost_usd is None


@given(st.lists(st.tuples(st.sampled_from(["claude-a", "gpt"]), st.integers(0, 2)), min_size=1, max_size=6))
def test_lists_usage_and_the_status_line_have_one_rule(used: list[tuple[str, int]]) -> None:
    rows = [row(ONE, tokens * 1_000_000, model) for model, tokens in used]
    expected = costs_of(rows, SAID)[ONE]
    summed = [
        usage_series(each.line.tariff.model, priced_on=DAY, requests=1, **asdict(each.line.tokens))
        for each in rows
    ]  # fmt: skip
    answer = answer_of(UsageQuery(since=SINCE, until=UNTIL), summed, SAID)
    assert answer.total.cost_usd == expected
    dated = [(DAY, 1, each.line) for each in rows]
    assert status_line("s", UNTIL, dated, SAID.book, newest=(None, None), windows=None).cost_usd == expected


@pytest.mark.parametrize("capture", ["d2_two_agents", "errors_in_session"])
async def test_lists_rows_and_trees_add_up_to_the_usage(capture: str, pool: Pool) -> None:
    source = Store.over(pool)
    await source.append(capture)
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
    accounts = (await store.usage(UsageQuery(since=SINCE, until=UNTIL, group_by=("account",)))).items
    for account in accounts:
        name = str(account.group["account"])  # no account is named: it is the tenant
        alone = await store.usage(UsageQuery(since=SINCE, until=UNTIL, wanted={"account": name}))
        assert (alone.total.requests, alone.total.cost_usd) == (account.requests, account.cost_usd)
    assert sum(account.requests for account in accounts) == usage.total.requests > 0
    assert sum(item.cost_usd or Decimal(0) for item in listed) == expected
    assert {item.request_id: item for item in live} == {item.request_id: item for item in listed}
    for item in listed:
        assert await store.request(item.request_id) == item
        used = await store.request_usage(item.request_id)
        assert used
        assert used.cost_usd == item.cost_usd
        assert sum(line.amount or Decimal(0) for line in used.lines) == (item.cost_usd or Decimal(0))
        tries = {one.request_id: one.cost_usd for one in used.attempts}
        assert len(tries) == item.attempts
        assert tries == {one.request_id: one.cost_usd for one in listed if one.request_id in tries}
        assert used.turn_cost_usd == sum(cost or Decimal(0) for cost in tries.values())
    for each in talk:
        tree = await store.tree(each.conversation_id)
        assert tree
        assert tree.conversation == each == await store.conversation(each.conversation_id)
        assert sum(branch.cost_usd or Decimal(0) for branch in tree.branches) == each.cost_usd
        told_by_nodes = {node.request_id: node.cost_usd for node in tree.nodes if node.cost_usd is not None}
        assert told_by_nodes == {
            one.request_id: one.cost_usd for one in listed if one.request_id in retried(tree.nodes)
        }
        members = [one for one in listed if one.conversation_id == each.conversation_id]
        assert sum(one.cost_usd or Decimal(0) for one in members) == each.cost_usd
        assert tree.branches[0].cost_usd_with_descendants == each.cost_usd
