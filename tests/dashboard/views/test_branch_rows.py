"""The list of branches: each one below the one it hangs on, with its tokens and those of all below it."""

from hypothesis import given

from dashboard.trees import branches_of, tokens_of
from dashboard.views.branch_rows import MOST_LEVELS, MOST_ROWS, branch_list
from schemas.read_api import TreeNode
from tests.read_rows import node_trees, request_id, tree_node


@given(node_trees())
def test_every_branch_has_one_row_below_its_parent(nodes: list[TreeNode]) -> None:
    branches = branches_of(nodes)
    shown = branch_list(branches)
    assert {row.item.branch_id for row in shown.rows} == {branch.branch_id for branch in branches}
    assert (len(shown.rows), shown.left_out) == (len(branches), 0)
    above: list[object] = []
    for row in shown.rows:
        if row.level < MOST_LEVELS:
            above[row.level :] = [row.item.branch_id]
            assert (above[row.level - 1] if row.level else None) == row.item.parent_branch_id
    assert shown.branches + shown.subtasks == len(branches)
    assert shown.subtasks == sum(branch.kind == "subtask" for branch in branches)
    assert shown.running == sum(branch.state == "running" for branch in branches)


def test_siblings_stand_in_the_order_they_appeared() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned"),
        tree_node(3, parent=1, branch=3, edge="branches"),
        tree_node(4, parent=2, branch=4, edge="spawned"),
    ]
    rows = branch_list(branches_of(nodes)).rows
    assert [(row.item.branch_id, row.level) for row in rows] == [
        (request_id(1), 0),
        (request_id(2), 1),
        (request_id(4), 2),
        (request_id(3), 1),
    ]


def test_tokens_of_all_kinds_are_added() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1, branch=2, edge="spawned")]
    each = sum(tokens_of(nodes[:1]).model_dump().values())
    main, task = branch_list(branches_of(nodes)).rows
    assert (main.tokens, main.tokens_with_descendants) == (each, 2 * each)
    assert (task.tokens, task.tokens_with_descendants) == (each, each)


def test_a_branch_whose_parent_is_not_listed_stands_at_the_left() -> None:
    orphan = branches_of([tree_node(1), tree_node(2, parent=1, branch=2, edge="branches")])[1:]
    assert [row.level for row in branch_list(orphan).rows] == [0]


def test_very_many_are_said_to_be_left_out_and_very_deep_ones_go_no_further_in() -> None:
    deep = [tree_node(1), *(tree_node(n, parent=n - 1, branch=n, edge="spawned") for n in range(2, MOST_ROWS + 4))]
    shown = branch_list(branches_of(deep))
    assert (len(shown.rows), shown.left_out) == (MOST_ROWS, 3)
    assert max(row.level for row in shown.rows) == MOST_LEVELS
