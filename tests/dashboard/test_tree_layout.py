"""A tree is drawn without crossing itself out, and what is drawn stays where it is."""

from itertools import groupby, pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dashboard.tree_layout import FAR_ROWS, REST_ROWS, Placed, TreeLayout, lay_out
from schemas.read_api import TreeNode
from tests.read_rows import NEW_BRANCH, node_trees, request_id, tree_node


def by_id(layout: TreeLayout) -> dict[UUID, Placed]:
    return {placed.request_id: placed for placed in layout.placed}


def lanes_of(nodes: list[TreeNode]) -> list[int]:
    return [placed.lane for placed in lay_out(nodes).placed]


def segments(nodes: list[TreeNode]) -> list[tuple[int, UUID, int, int]]:
    """(lane, branch, first row, last row) of every stretch of a branch in one lane, its edge's way down included."""
    branch_of = {node.request_id: node.branch_id for node in nodes}
    found: list[tuple[int, UUID, int, int]] = []
    placed = sorted(lay_out(nodes).placed, key=lambda one: (one.lane, one.row))
    for (lane, branch), members in groupby(placed, key=lambda one: (one.lane, branch_of[one.request_id])):
        rows = list(members)
        first = rows[0]
        came_from = first.parent_row if first.parent_row is not None and not first.stub else first.row
        found.append((lane, branch, min(came_from + 1, first.row), rows[-1].row))
    return found


@given(node_trees())
def test_no_two_nodes_stand_at_one_place(nodes: list[TreeNode]) -> None:
    places = [(placed.row, placed.lane, placed.twig) for placed in lay_out(nodes).placed]
    assert len(set(places)) == len(nodes)
    assert [row for row, _, _ in places] == list(range(len(nodes)))


@given(node_trees())
def test_a_parent_stands_above_its_children(nodes: list[TreeNode]) -> None:
    placed = by_id(lay_out(nodes))
    for node in nodes:
        mine = placed[node.request_id]
        if node.parent_request_id is None:
            assert mine.parent_row is None
            continue
        parent = placed[node.parent_request_id]
        assert (mine.parent_row, mine.parent_lane) == (parent.row, parent.lane)
        assert parent.row < mine.row


@given(node_trees(max_size=2 * FAR_ROWS))
def test_lines_never_share_a_lane_at_one_height(nodes: list[TreeNode]) -> None:
    for lane, group in groupby(sorted(segments(nodes), key=lambda one: (one[0], one[2])), key=lambda one: one[0]):
        stretches = list(group)
        for before, after in pairwise(stretches):
            assert before[3] < after[2], (lane, before, after)


@given(node_trees(), st.data())
def test_what_is_placed_stays_when_more_comes(nodes: list[TreeNode], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(nodes)))
    assert lay_out(nodes).placed[:size] == lay_out(nodes[:size]).placed


@given(node_trees(), st.data())
def test_growing_is_the_same_as_placing_at_once(nodes: list[TreeNode], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(nodes)))
    grown = lay_out(nodes[:size])
    assert grown.extend(nodes) == list(lay_out(nodes).placed[size:])
    assert grown.placed == lay_out(nodes).placed
    assert grown.extend(nodes) == []


@given(node_trees())
def test_a_new_line_starts_to_the_right_of_the_one_it_left(nodes: list[TreeNode]) -> None:
    placed = by_id(lay_out(nodes))
    for node in nodes:
        mine = placed[node.request_id]
        assert mine.opens == (node.edge in (*NEW_BRANCH, "root"))
        if mine.opens and mine.parent_row is not None:
            assert mine.lane > mine.parent_lane


@given(node_trees())
def test_the_first_line_keeps_the_first_lane_for_itself(nodes: list[TreeNode]) -> None:
    placed = by_id(lay_out(nodes))
    root = nodes[0].branch_id
    assert {node.branch_id for node in nodes if placed[node.request_id].lane == 0} == {root}
    assert all(placed[node.request_id].lane == 0 for node in nodes if node.branch_id == root)


@given(node_trees())
def test_every_lane_up_to_the_count_is_used(nodes: list[TreeNode]) -> None:
    assert set(lanes_of(nodes)) == set(range(lay_out(nodes).lanes))


def test_a_finished_subtask_leaves_its_lane_to_the_next() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", stop_reason="end_turn"),
        tree_node(3, parent=1),
        tree_node(4, parent=3, branch=4, edge="spawned"),
    ]
    assert lanes_of(nodes) == [0, 1, 0, 1]


def test_subtasks_side_by_side_stand_side_by_side() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", stop_reason="end_turn"),
        tree_node(3, parent=1, branch=3, edge="spawned", stop_reason="end_turn"),
        tree_node(4, parent=1),
    ]
    assert lanes_of(nodes) == [0, 1, 2, 0]


def test_a_subtask_that_goes_on_after_its_lane_was_given_away_gets_a_new_one() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", stop_reason="end_turn"),
        tree_node(3, parent=1),
        tree_node(4, parent=3, branch=4, edge="spawned"),
        tree_node(5, parent=2, branch=2),
    ]
    layout = lay_out(nodes)
    assert lanes_of(nodes) == [0, 1, 0, 1, 2]
    assert not by_id(layout)[request_id(5)].opens


def waiting_task(rows_between: int) -> list[TreeNode]:
    """A sub-task that never ended, then a while of the main line, then another sub-task."""
    last = rows_between + 3
    return [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned"),
        *(tree_node(number, parent=max(1, number - 1 if number > 3 else 1)) for number in range(3, last)),
        tree_node(last, parent=last - 1 if rows_between else 1, branch=last, edge="spawned"),
    ]


def test_a_line_that_waits_keeps_its_lane_for_a_while() -> None:
    assert lanes_of(waiting_task(REST_ROWS - 1))[-1] == 2
    assert lanes_of(waiting_task(REST_ROWS))[-1] == 1


def late_fork(distance: int) -> TreeLayout:
    nodes = [tree_node(1), *(tree_node(number, parent=number - 1) for number in range(2, distance + 1))]
    return lay_out([*nodes, tree_node(distance + 1, parent=1, branch=distance + 1, edge="branches")])


def test_an_edge_from_far_above_is_a_stub() -> None:
    assert not late_fork(FAR_ROWS).placed[-1].stub
    assert late_fork(FAR_ROWS + 1).placed[-1].stub
    assert late_fork(FAR_ROWS + 1).placed[-1].parent_row == 0


def test_a_side_question_is_a_twig() -> None:
    layout = lay_out([tree_node(1), tree_node(2, parent=1, edge="aside"), tree_node(3, parent=1)])
    assert [placed.twig for placed in layout.placed] == [False, True, False]
    assert [placed.lane for placed in layout.placed] == [0, 0, 0]


def test_a_node_whose_parent_is_not_there_stands_by_itself() -> None:
    layout = lay_out([tree_node(1), tree_node(3, parent=2)])
    assert layout.placed[1].parent_row is None
    assert layout.placed[1].lane == 0


def test_a_line_of_its_own_does_not_take_the_first_lane() -> None:
    layout = lay_out([tree_node(1, stop_reason="end_turn"), tree_node(3, parent=2, branch=3, stop_reason="end_turn")])
    assert [placed.lane for placed in layout.placed] == [0, 1]


def test_a_late_fork_of_a_line_at_rest_stands_beside_it() -> None:
    fork = FAR_ROWS + 3
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", stop_reason="end_turn"),
        *(tree_node(number, parent=1) for number in range(3, fork)),
        tree_node(fork, parent=2, branch=fork, edge="forks"),
    ]
    placed = lay_out(nodes).placed[-1]
    assert placed.stub
    assert (placed.parent_lane, placed.lane) == (1, 2)
