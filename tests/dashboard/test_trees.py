"""Branches: one for each first exchange, named in the order of appearance, sub-tasks by what they are for."""

from hypothesis import given

from dashboard.trees import branches_of
from schemas.read_api import TreeNode
from tests.read_rows import NEW_BRANCH, node_trees, request_id, tree_node


@given(node_trees())
def test_every_branch_has_its_name_and_its_requests(nodes: list[TreeNode]) -> None:
    branches = branches_of(nodes)
    firsts = [node for node in nodes if node.edge in {"root", *NEW_BRANCH}]
    assert [branch.branch_id for branch in branches] == [node.request_id for node in firsts]
    assert [branch.fork_point for branch in branches] == [node.parent_request_id for node in firsts]
    assert [branch.subtask for branch in branches] == [node.edge == "spawned" for node in firsts]
    members = [node.branch_id for node in nodes]
    assert [branch.requests for branch in branches] == [members.count(branch.branch_id) for branch in branches]
    own = [branch.name for branch in branches if not branch.subtask]
    assert own == ["main", *(f"branch {n}" for n in range(2, len(own) + 1))]


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
    assert (branch.branch_id, branch.name, branch.fork_point) == (
        request_id(2),
        "branch 2",
        request_id(1),
    )
    assert main.name == "main"
