"""Branches: one for each first exchange, named in the order of appearance, and their sums add up."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from dashboard.talk import messages_in
from dashboard.trees import branches_of, tokens_of
from schemas.read_api import BranchItem, TokenCounts, TreeNode
from tests.read_rows import NEW_BRANCH, START, node_trees, request_id, tree_node


@given(node_trees())
def test_every_branch_has_its_name_and_its_requests(nodes: list[TreeNode]) -> None:
    branches = branches_of(nodes)
    firsts = [node for node in nodes if node.edge in {"root", *NEW_BRANCH}]
    assert [branch.branch_id for branch in branches] == [node.request_id for node in firsts]
    assert [branch.first_request_id for branch in branches] == [node.request_id for node in firsts]
    assert [branch.fork_point for branch in branches] == [node.parent_request_id for node in firsts]
    assert [branch.subtask for branch in branches] == [node.edge == "spawned" for node in firsts]
    members = [node.branch_id for node in nodes]
    assert [branch.requests for branch in branches] == [members.count(branch.branch_id) for branch in branches]
    own = [branch.name for branch in branches if not branch.subtask]
    assert own == ["main", *(f"branch {n}" for n in range(2, len(own) + 1))]


@given(node_trees())
def test_what_the_branches_count_adds_up_to_what_the_nodes_count(nodes: list[TreeNode]) -> None:
    branches = branches_of(nodes)
    assert sum(branch.requests for branch in branches) == len(nodes)
    assert sum(branch.messages for branch in branches) == sum(map(messages_in, nodes))
    assert sum(branch.tokens.output_tokens for branch in branches) == tokens_of(nodes).output_tokens
    assert branches[0].tokens_with_descendants == tokens_of(nodes)  # all hang on the first


@given(node_trees())
def test_tokens_with_descendants_are_those_of_every_exchange_that_hangs_below(nodes: list[TreeNode]) -> None:
    branches = {branch.branch_id: branch for branch in branches_of(nodes)}

    def lineage(branch_id: UUID | None) -> list[UUID]:
        return [branch_id, *lineage(branches[branch_id].parent_branch_id)] if branch_id else []

    for branch_id, branch in branches.items():
        assert branch.tokens == tokens_of([node for node in nodes if node.branch_id == branch_id])
        below = [node for node in nodes if branch_id in lineage(node.branch_id)]
        assert branch.tokens_with_descendants == tokens_of(below)


@given(node_trees())
def test_a_branch_hangs_on_the_branch_of_its_fork_point(nodes: list[TreeNode]) -> None:
    branch_of = {node.request_id: node.branch_id for node in nodes}
    for branch in branches_of(nodes):
        expected = branch_of[branch.fork_point] if branch.fork_point else None
        assert branch.parent_branch_id == expected


@given(node_trees())
def test_times_are_those_of_its_exchanges(nodes: list[TreeNode]) -> None:
    for branch in branches_of(nodes):
        on_it = [node for node in nodes if node.branch_id == branch.branch_id]
        ends = [node.completed_at for node in on_it if node.completed_at]
        assert branch.first_at == min(node.received_at for node in on_it)
        assert branch.last_at == (max(ends) if ends else max(node.received_at for node in on_it))
        lasted = None if branch.state == "running" else branch.last_at - branch.first_at
        assert branch.duration_ms == (lasted / timedelta(milliseconds=1) if lasted is not None else None)
        is_open = any(node.outcome == "open" and node.edge != "aside" for node in on_it)
        assert (branch.state == "running") == is_open


def test_what_is_not_known_counts_nothing() -> None:
    unknown: dict[str, Any] = dict.fromkeys(TokenCounts.model_fields)
    assert tokens_of([tree_node(1, **unknown)]) == TokenCounts()
    assert tokens_of([tree_node(1), tree_node(2, **unknown), tree_node(3)]) == TokenCounts(
        input_tokens=24, output_tokens=960, cache_read_tokens=96_000, cache_write_tokens=2_400
    )


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ({}, "done"),
        ({"outcome": "open", "completed_at": None}, "running"),
        ({"outcome": "client"}, "cut"),
        ({"status": 529}, "failed"),
        ({"error_type": "overloaded_error"}, "failed"),
        ({"edge": "aside", "status": 529}, "done"),
        ({"edge": "aside", "outcome": "open", "completed_at": None}, "done"),
    ],
)
def test_a_branch_ended_as_its_newest_exchange(last: dict[str, Any], state: str) -> None:
    (branch,) = branches_of([tree_node(1), tree_node(2, parent=1, **last)])
    assert branch.state == state


def test_a_branch_runs_while_any_of_its_answers_is_open() -> None:
    early = tree_node(1, outcome="open", completed_at=None)
    assert branches_of([early, tree_node(2, parent=1)])[0].state == "running"


def test_side_questions_alone_are_done() -> None:
    assert branches_of([tree_node(1, edge="aside")])[0].state == "done"


def test_kinds_of_branches() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned"),
        tree_node(3, parent=1, branch=3, edge="branches"),
        tree_node(4, parent=1, branch=4, edge="forks"),
    ]
    branches = branches_of(nodes)
    assert [branch.kind for branch in branches] == ["main", "subtask", "branch", "fork"]
    assert [branch.name for branch in branches] == ["main", "sub-task", "branch 2", "branch 3"]


SAID: dict[str, Any] = {
    "agent_type": "Explore",
    "agent_id": "a1",
    "task": "Look",
    "prompt": "Look around",
    "tool_use_id": "toolu_1",
}


def test_a_sub_task_tells_who_called_for_it_and_for_what() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1, branch=2, edge="spawned", depth=1, **SAID)]
    main, task = branches_of(nodes)

    def said(branch: BranchItem) -> list[object]:
        return [branch.agent_type, branch.agent_id, branch.task, branch.task_prompt, branch.tool_use_id]

    assert said(task) == ["Explore", "a1", "Look", "Look around", "toolu_1"]
    assert (task.parent_request_id, task.fork_point, task.depth) == (request_id(1), request_id(1), 1)
    assert said(main) == [None] * 5
    assert (main.parent_request_id, main.cost_usd) == (None, None)
    (other,) = branches_of([tree_node(2, parent=1, branch=2, **SAID)])
    assert said(other) == [None] * 5
    assert (other.parent_request_id, other.fork_point) == (None, request_id(1))


def test_a_sub_task_is_called_by_its_description_or_its_agent() -> None:
    def name(task: str | None, agent_type: str | None) -> str:
        child = tree_node(2, parent=1, branch=2, edge="spawned", task=task, agent_type=agent_type)
        return branches_of([tree_node(1), child])[1].name

    assert name("Find the parser", "explorer") == "Find the parser"
    assert name(None, "explorer") == "explorer"
    assert name(None, None) == "sub-task"


def test_no_nodes_no_branches() -> None:
    assert branches_of([]) == []


def test_a_branch_whose_first_exchange_is_still_to_be_linked_is_there_already() -> None:
    later = tree_node(3, parent=1, branch=2, edge="continues")
    (main, branch) = branches_of([tree_node(1), later])
    assert (branch.branch_id, branch.name, branch.fork_point, branch.first_request_id) == (
        request_id(2),
        "branch 2",
        request_id(1),
        request_id(3),
    )
    assert main.name == "main"


def test_a_fork_point_that_comes_later_or_never_hangs_nobody() -> None:
    """Someone may have corrected a link: whatever it says, sums are finite."""
    circle = [tree_node(1, parent=2, branch=1, edge="spawned"), tree_node(2, parent=1, branch=2, edge="spawned")]
    first, second = branches_of(circle)
    assert (first.parent_branch_id, second.parent_branch_id) == (None, request_id(1))
    assert first.tokens_with_descendants == tokens_of(circle)
    assert branches_of([tree_node(5, parent=77, branch=5, edge="branches")])[0].parent_branch_id is None


def test_five_thousand_nodes_are_no_trouble() -> None:
    """A chain of sub-tasks of sub-tasks, where anything worse than one pass would take minutes."""
    nodes = [tree_node(1)]
    nodes += [
        tree_node(n, parent=n - 1, branch=n, edge="spawned", received_at=START + timedelta(seconds=n))
        for n in range(2, 5_001)
    ]
    began = time.perf_counter()
    branches = branches_of(nodes)
    assert time.perf_counter() - began < 5.0
    assert branches[0].tokens_with_descendants.output_tokens == 5_000 * 480
