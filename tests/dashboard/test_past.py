"""From what was read once any moment is told as a fresh fold tells it, and only what differs is put together anew."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.costs import marked
from dashboard.past import Asked, Past
from dashboard.recordings import Stream
from dashboard.standings import begun, open_then, standing_then
from dashboard.told import Sayings
from dashboard.trees import branch_of
from domain.billing import BilledLine, Tariff
from domain.prices import PriceBook
from domain.usage import TokenCounts
from domain.usage_sums import CostRow
from schemas.read_api import ConversationTree, TreeNode
from schemas.stored.events import ResponseStarted
from tests.price_samples import DAY, price
from tests.read_rows import START, STEP, conversation_item, node_trees, request_id, tree_node
from tests.shipping import received

SAID = Sayings(book=PriceBook((price("claude-*"),)))
ITEM = conversation_item()
MODELS = ("claude-a", "claude-b", "gpt")
BEFORE, LONG_AFTER = START - timedelta(days=1), START + timedelta(days=9)


def cost(of: UUID, model: str, tokens: int, unrecorded: int) -> CostRow:
    return CostRow(of, BilledLine(tariff=Tariff(model=model), tokens=TokenCounts(input_tokens=tokens)), DAY, unrecorded)


COSTS = st.tuples(st.sampled_from(MODELS), st.sampled_from((0, 1, 1000)), st.sampled_from((0, 0, 1)))


def by_branch(rows: Sequence[CostRow], nodes: Sequence[TreeNode]) -> list[CostRow]:
    """As the database adds them up: a row for all that has one price on a branch."""
    branch_of = {node.request_id: node.branch_id for node in nodes}
    found = defaultdict[tuple[UUID, str | None], list[CostRow]](list)
    for row in rows:
        found[branch_of[row.id], row.line.tariff.model].append(row)
    return [
        cost(branch, str(model), sum(one.line.tokens.input_tokens for one in on), sum(one.unrecorded for one in on))
        for (branch, model), on in found.items()
    ]


def stream_of(node: TreeNode) -> Stream:
    """Its answer began a second after it came."""
    body = received(node.request_id).model_copy(update={"timestamp": node.received_at})
    later = {"timestamp": node.received_at + timedelta(seconds=1)}
    start = ResponseStarted(
        originator_id=node.request_id, originator_version=2, origin="upstream", status=200, headers=(),
        upstream_request_id=None, elapsed_us=1, **later,
    )  # fmt: skip
    return Stream([body, start])


def at(past: Past, moment: datetime, rows: Sequence[CostRow], streams: dict[UUID, Stream]) -> ConversationTree:
    """Asked as the store asks."""
    asked = past.asked(moment)
    ended = set(begun(past.nodes, moment)) - set(asked.open)
    used = by_branch([row for row in rows if row.id in ended], past.nodes)
    each = [row for row in rows if row.id in {*asked.open, *asked.alone}]
    return past.at(asked, (used, each), [streams[one] for one in asked.open], SAID)


@given(node_trees(max_size=24), st.data())
def test_moments_one_after_the_other_are_told_as_by_a_fresh_fold(nodes: list[TreeNode], data: st.DataObject) -> None:
    rows = [cost(node.request_id, *data.draw(COSTS)) for node in nodes for _ in range(data.draw(st.integers(0, 2)))]
    streams = {node.request_id: stream_of(node) for node in nodes}
    nodes = marked(nodes, {row.id for row in rows if row.unrecorded})
    past = Past(ITEM, nodes)
    beside = st.sampled_from((timedelta(0), timedelta(microseconds=-1), timedelta(seconds=1)))
    moments = st.sampled_from((*past.moments, BEFORE, LONG_AFTER))
    for _ in range(data.draw(st.integers(1, 4))):
        moment = data.draw(moments) + data.draw(beside)
        told = ([row for row in rows if row.id in begun(nodes, moment)], map(streams.get, open_then(nodes, moment)))
        expected = standing_then(ITEM, nodes, moment, told, SAID)  # type: ignore[arg-type]  # each has a stream
        assert at(past, moment, rows, streams) == expected.tree
        assert past.moments == expected.moments


def test_what_had_ended_is_the_very_object_that_was_read() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1), tree_node(3, parent=2)]
    asked = Past(ITEM, nodes).asked(nodes[1].received_at)
    assert asked == Asked(ITEM.conversation_id, nodes[1].received_at, (request_id(2),), ())
    then = Past(ITEM, nodes).at(asked, ([], []), [], SAID).nodes
    assert then[0] is nodes[0]
    assert [node.outcome for node in then] == ["completed", "open"]


def test_attempts_are_asked_for_as_soon_as_there_are_two() -> None:
    first = tree_node(1)
    nodes = [first, tree_node(2, parent=1, edge="retries"), tree_node(3, parent=1, edge="retries")]
    asked = [Past(ITEM, nodes).asked(node.received_at).alone for node in nodes]
    assert asked == [(), (request_id(1), request_id(2)), (request_id(1), request_id(2), request_id(3))]


def test_a_step_puts_together_the_branch_that_differs_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [tree_node(1)]
    for number in range(2, 32):
        own = number <= 11
        nodes.append(tree_node(number, 1 if own else number - 10, number if own else 2 + number % 10, edge="spawned"))
    nodes = [node if place < 11 else node.model_copy(update={"edge": "continues"}) for place, node in enumerate(nodes)]
    past, streams, made = Past(ITEM, nodes), {node.request_id: stream_of(node) for node in nodes}, list[UUID]()

    def counted(members: Sequence[TreeNode], line: int, parent: UUID | None) -> object:
        made.append(members[0].branch_id)
        return branch_of(members, line, parent)

    monkeypatch.setattr("dashboard.past.branch_of", counted)
    at(past, LONG_AFTER, (), streams)
    assert len(made) == len({node.branch_id for node in nodes}) == 11
    made.clear()
    at(past, nodes[-1].received_at, (), streams)
    assert made == [nodes[-1].branch_id], "its newest exchange is open again"
    made.clear()
    at(past, nodes[-1].received_at, (), streams)
    at(past, nodes[-1].received_at + STEP / 100, (), streams)
    assert made == []


def test_an_answer_that_had_begun_has_its_status() -> None:
    nodes = [tree_node(1)]
    past, stream = Past(ITEM, nodes), stream_of(nodes[0])
    came = nodes[0].received_at
    begins = replace(past.asked(came), moment=came + timedelta(seconds=1))
    assert past.at(past.asked(came), ([], []), [stream], SAID).nodes[0].status is None
    assert past.at(begins, ([], []), [stream], SAID).nodes[0].status == 200


def test_a_branch_whose_fork_point_had_not_come_hangs_on_none() -> None:
    """A clock that was set back: the child is there before the exchange that it left."""
    nodes = [tree_node(1), tree_node(2, parent=3, branch=2, edge="branches"), tree_node(3, parent=1)]
    past, streams = Past(ITEM, nodes), {node.request_id: stream_of(node) for node in nodes}
    for moment, parent in ((nodes[1].received_at, None), (nodes[2].received_at, nodes[0].branch_id)):
        fresh = standing_then(ITEM, nodes, moment, ([], []), SAID).tree.branches
        assert [branch.parent_branch_id for branch in fresh] == [None, parent]
        assert at(past, moment, (), streams).branches == fresh
