"""Does a line of talk add up to what its exchanges are, and with its sub-agents to theirs?"""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.line_totals import agents_below, totals_of, work_of
from dashboard.trees import tokens_of
from domain.costs import CostSum
from domain.transcript import Turn, TurnFacts
from domain.transcript_entries import Entry
from schemas.read_api import TreeNode
from tests.read_rows import START, STEP, node_trees, request_id, tree_node


@given(node_trees(), st.data())
def test_agents_are_those_that_hang_on_the_line_by_their_calls(nodes: list[TreeNode], data: st.DataObject) -> None:
    """Oracle: up from each exchange of a sub-task, through the calls, until the line is met."""
    line = data.draw(st.lists(st.sampled_from(nodes), unique_by=lambda node: node.request_id))
    on_it = {node.request_id for node in line}
    first_of = {node.branch_id: node for node in reversed(nodes)}
    by_id = {node.request_id: node for node in nodes}

    def hangs(node: TreeNode) -> bool:
        first = first_of[node.branch_id]
        if first.edge != "spawned" or first.parent_request_id is None or node.request_id in on_it:
            return False
        caller = by_id[first.parent_request_id]
        return caller.request_id in on_it or hangs(caller)

    found = agents_below(nodes, line)
    assert not {node.request_id for node in found} & on_it
    first_is_off_it = all(first_of[node.branch_id].request_id not in on_it for node in nodes)
    if first_is_off_it:
        assert [node.request_id for node in found] == [node.request_id for node in nodes if hangs(node)]


@given(node_trees())
def test_sums_are_those_of_the_exchanges(nodes: list[TreeNode]) -> None:
    costs = {node.request_id: CostSum(amount=Decimal(n), unrecorded=n % 2) for n, node in enumerate(nodes, 1)}
    below = agents_below(nodes, nodes[:1])
    found = totals_of(nodes[:1], below, costs)
    assert (found.own.requests, found.whole.requests) == (1, 1 + len(below))
    assert found.whole.tokens == tokens_of([nodes[0], *below])
    whole = [costs[node.request_id] for node in (nodes[0], *below)]
    assert found.whole.cost_usd == sum(one.amount or 0 for one in whole)
    assert (found.own.unrecorded, found.whole.unrecorded) == (1, sum(one.unrecorded for one in whole))
    assert found.agents == sum(node.edge == "spawned" for node in below)


def test_a_cost_is_known_as_far_as_there_is_a_price() -> None:
    line = [tree_node(1), tree_node(2, parent=1), tree_node(3, parent=2)]
    ids = [node.request_id for node in line]
    half, free, unpriced = CostSum(amount=Decimal("0.5")), CostSum(is_free=True), CostSum(is_unpriced=True)
    cases: tuple[tuple[dict[UUID, CostSum], Decimal | None], ...] = (
        ({ids[0]: half, ids[1]: unpriced}, Decimal("0.5")),
        ({ids[0]: free, ids[1]: unpriced}, None),
        ({ids[0]: free}, Decimal(0)),
        ({ids[0]: free, ids[1]: CostSum(unrecorded=1)}, None),
        ({}, None),
    )
    for costs, expected in cases:
        assert totals_of(line, (), costs).own.cost_usd == expected


def test_times_failures_and_prompts() -> None:
    line = [
        tree_node(1, prompt="Mend it", duration_ms=1000.0),
        tree_node(2, parent=1, edge="retries", prompt="Mend it", status=529, duration_ms=None),
        tree_node(3, parent=1, completed_at=None, outcome="open", duration_ms=None),
    ]
    found = totals_of(line, (), {})
    assert (found.prompts, found.failures, found.model_ms) == (1, 1, 1000.0)
    assert found.lasted_ms == (STEP + timedelta(seconds=4)) / timedelta(milliseconds=1)
    assert line[0].received_at == START + STEP
    assert (totals_of([], (), {}).lasted_ms, totals_of(line[2:], (), {}).lasted_ms) == (None, None)


def turn(*entries: Entry) -> Turn:
    return Turn(1, TurnFacts(request_id=request_id(1), received_at=START), entries)


def call(name: Any, given_: Any, **result: Any) -> Entry:
    block = {"type": "tool_use", "id": "t", "name": name, "input": given_}
    return Entry(id="x", kind="call", block=block, result=result or None)


def test_work_is_what_the_calls_did() -> None:
    edit = {"file_path": "a.py", "old_string": "x", "new_string": "y"}
    found = work_of(
        [
            turn(call("Bash", {"command": "ls"}, is_error=True), Entry(id="y", kind="text", block={})),
            turn(call("Edit", edit), call("Bash", {}), call("Edit", edit)),
            turn(call("MultiEdit", {"file_path": "b.py", "edits": [edit]})),
            turn(call("Write", {"file_path": "c", "content": ""})),
            turn(call("NotebookEdit", {"notebook_path": "n.ipynb"}), call("Read", {"file_path": "z"}), call(7, "?")),
        ]
    )  # fmt: skip
    assert list(found.tools.items()) == [
        ("Bash", 2), ("Edit", 2), ("MultiEdit", 1), ("NotebookEdit", 1), ("Read", 1), ("Write", 1), ("unknown", 1),
    ]  # fmt: skip
    assert (found.files, found.failed) == (("a.py", "b.py", "c", "n.ipynb"), 1)


@pytest.mark.parametrize("given_", [{"file_path": 7}, "text", None, {}])
def test_a_call_of_another_form_wrote_nothing(given_: Any) -> None:
    assert work_of([turn(call("Edit", given_))]).files == ()
