"""The timeline has a bar for each exchange, in the lane of its talk."""

from datetime import timedelta

import pytest
from hypothesis import given

from dashboard.figures import TINTS
from dashboard.tree_layout import lay_out
from dashboard.views.lanes import MOST_NAMED, Lanes, lanes_of
from dashboard.views.tree_rows import TreeRows
from schemas.read_api import TreeNode
from tests.read_rows import START, conversation_tree, node_trees, tree_node

NOW = START + timedelta(hours=1)


def lanes(nodes: list[TreeNode]) -> Lanes:
    tree = conversation_tree(nodes)
    rows = TreeRows()
    rows.update(tree, lay_out(nodes).placed)
    return lanes_of(tree, rows.by_id, NOW)


@given(node_trees())
def test_every_exchange_has_a_bar_in_the_lane_of_its_branch(nodes: list[TreeNode]) -> None:
    shown = lanes(nodes)
    assert [bar.request_id for bar in shown.bars] == [str(node.request_id) for node in nodes]
    assert all(0 <= bar.lane < len(shown.names) for bar in shown.bars)
    assert all(bar.start <= bar.end for bar in shown.bars)
    assert all(bar.tint in TINTS for bar in shown.bars)
    branches = {node.branch_id for node in nodes}
    if len(branches) <= MOST_NAMED:
        by_branch = {node.branch_id: bar.lane for node, bar in zip(nodes, shown.bars, strict=True)}
        assert sorted(by_branch.values()) == list(range(len(branches)))


def test_lanes_are_named_after_their_branch() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1, branch=2, edge="spawned", task="Look"), tree_node(3, parent=1)]
    assert lanes(nodes).names == ("main", "Look")
    assert [bar.lane for bar in lanes(nodes).bars] == [0, 1, 0]


def many(count: int) -> list[TreeNode]:
    tasks = [
        tree_node(number, parent=1, branch=number, edge="spawned", stop_reason="end_turn")
        for number in range(2, count + 1)
    ]
    return [tree_node(1), *tasks]


def test_very_many_lines_share_the_lanes_of_the_tree() -> None:
    assert len(lanes(many(MOST_NAMED)).names) == MOST_NAMED
    shared = lanes(many(MOST_NAMED + 1))
    assert shared.names[0] == "main"
    assert set(shared.names[1:]) == {""}
    assert [bar.lane for bar in shared.bars] == [placed.lane for placed in lay_out(many(MOST_NAMED + 1)).placed]


@pytest.mark.parametrize(
    ("changes", "tint"),
    [
        ({}, "main"),
        ({"request_class": "subagent"}, "subagent"),
        ({"request_class": "compaction"}, "compaction"),
        ({"request_class": "auxiliary"}, "auxiliary"),
        ({"request_class": "something"}, "auxiliary"),
        ({"outcome": "open", "completed_at": None}, "running"),
        ({"status": 529}, "failed"),
        ({"outcome": "client"}, "main"),
    ],
)
def test_class_and_state_have_a_colour(changes: dict[str, object], tint: str) -> None:
    (bar,) = lanes([tree_node(1).model_copy(update=changes)]).bars
    assert bar.tint == tint


def test_a_bar_says_what_the_exchange_was() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", task="Look", agent_type="Explore").model_copy(
            update={"model": None, "output_tokens": None, "outcome": "open", "completed_at": None}
        ),
    ]
    first, second = lanes(nodes).bars
    assert (first.label, first.said) == ("Conversation 1", "opus 4.5 · 4.0 s · 480 tokens out")
    assert (second.label, second.said) == ("Explore: Look", "running")
    assert second.end == NOW


def test_a_clock_that_is_ahead_makes_no_negative_bar() -> None:
    ahead = tree_node(1).model_copy(
        update={"received_at": NOW + timedelta(seconds=9), "completed_at": None, "outcome": "open"}
    )
    (bar,) = lanes([ahead]).bars
    assert bar.start == bar.end


def test_a_node_without_a_row_has_no_bar() -> None:
    assert lanes_of(conversation_tree([tree_node(1)]), {}, NOW).bars == ()
