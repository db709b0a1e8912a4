"""The place of an exchange: its link with what its neighbours tell, its branch, and what it summarised."""

from typing import Any

import pytest
from hypothesis import given

from dashboard.tree_layout import lay_out
from dashboard.views.places import LABEL_CHARS, Place, ended_words, place_of
from dashboard.views.tree_rows import TreeRows
from schemas.read_api import TreeNode
from tests.read_rows import conversation_tree, node_trees, request_id, tree_node


def place(nodes: list[TreeNode], number: int = -1) -> Place:
    """Of the node at that index."""
    tree, rows = conversation_tree(nodes), TreeRows()
    rows.update(tree, lay_out(nodes).placed)
    return place_of(tree, rows.by_id, nodes[number])


def more(nodes: list[TreeNode]) -> str:
    told = place(nodes).why
    assert told is not None
    return told.more


@given(node_trees(max_size=20))
def test_every_exchange_has_a_place(nodes: list[TreeNode]) -> None:
    for number, node in enumerate(nodes):
        found = place(nodes, number)
        assert found.why is not None
        assert (found.why.parent.request_id if found.why.parent else None) == node.parent_request_id
        assert found.branch is not None
        assert found.branch.branch_id == node.branch_id
        assert (found.fork_point.request_id if found.fork_point else None) == found.branch.fork_point
        above = found.parent_branch.branch_id if found.parent_branch else None
        assert above == found.branch.parent_branch_id
        assert (found.summarised is not None) == (node.edge == "compacts")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 529, "error_type": "overloaded_error", "stop_reason": None}, "ended with 529 (overloaded_error)"),
        ({"status": 529}, "ended with 529"),
        ({"error_type": "overloaded_error"}, "ended with overloaded_error in the stream"),
        ({"error_type": ""}, "failed"),
        ({"outcome": "client"}, "was stopped by the client"),
        ({"outcome": "shutdown"}, "was cut by a shutdown"),
        ({"outcome": "upstream"}, "was cut by the API"),
        ({"outcome": "timeout"}, "timed out"),
        ({"outcome": "gateway_crash"}, "ended with the gateway"),
        ({"stop_reason": "refusal"}, "was refused"),
        ({"outcome": "open"}, "was open"),
        ({}, "was answered"),
    ],
)
def test_how_an_attempt_ended(changes: dict[str, Any], words: str) -> None:
    assert ended_words(tree_node(1, **changes)) == words


def test_a_retry_tells_of_the_attempt_right_before_it() -> None:
    first, second = tree_node(1, status=529), tree_node(2, parent=1, edge="retries", outcome="timeout")
    third, fourth = tree_node(3, parent=1, edge="retries"), tree_node(4, parent=1, edge="retries", status=500)
    assert more([first, second]) == "The attempt before ended with 529"
    assert more([first, second, third]) == "The attempt before timed out"
    assert place([first, second, third, fourth], 2).why == place([first, second, third]).why
    assert more([tree_node(3, parent=1, edge="retries")]) == ""


def test_the_attempts_of_a_turn_stand_together_whichever_is_shown() -> None:
    first, second = tree_node(1, status=529, prompt="Begin"), tree_node(2, parent=1, edge="retries", outcome="timeout")
    other, third = tree_node(3, parent=1), tree_node(4, parent=1, edge="retries")
    nodes = [first, second, other, third]
    for shown in (0, 1, 3):
        assert [(one.node, one.neighbour.label, one.words) for one in place(nodes, shown).attempts] == [
            (first, "“Begin”", "ended with 529"),
            (second, "Retry", "timed out"),
            (third, "Retry", "was answered"),
        ]
    assert place(nodes, 2).attempts == ()


def test_a_branch_tells_who_had_gone_on_before() -> None:
    first, earlier = tree_node(1), tree_node(2, parent=1, prompt="Let it wrap")
    other = tree_node(3, parent=2, prompt="Not this")
    branch = tree_node(4, parent=1, branch=4, edge="branches")
    assert more([first, earlier, other, branch]) == "“Let it wrap” had gone on from it before"
    assert more([first, branch]) == ""


def test_a_branch_knows_where_it_leaves() -> None:
    nodes = [
        tree_node(1, prompt="x" * 400),
        tree_node(2, parent=1, branch=2, edge="branches"),
        tree_node(3, parent=2, branch=2),
    ]
    found = place(nodes)
    assert found.parent_branch is not None
    assert found.parent_branch.name == "main"
    assert found.fork_point is not None
    assert len(found.fork_point.label) == LABEL_CHARS + 2


def test_a_compaction_shows_its_ends_and_who_went_on() -> None:
    nodes = [
        tree_node(1, prompt="Begin"),
        tree_node(2, parent=1),
        tree_node(3, parent=2, edge="compacts", request_class="compaction"),
        tree_node(4, parent=3, edge="resumes", prompt="Go on"),
    ]
    found = place(nodes, 2)
    assert found.summarised is not None
    assert found.summarised.first is not None
    assert found.summarised.last is not None
    labels = [
        found.summarised.first.label,
        found.summarised.last.label,
        *(it.label for it in found.summarised.resumed_by),
    ]
    assert labels == ["“Begin”", "Prompt 1 · step 2", "“Go on”"]


def test_a_compaction_of_what_is_not_known_has_no_ends() -> None:
    found = place([tree_node(1), tree_node(2, parent=77, edge="compacts", request_class="compaction")])
    assert found.why is not None
    assert (found.why.more, found.why.parent) == ("", None)
    assert found.summarised is not None
    assert (found.summarised.first, found.summarised.last, found.summarised.resumed_by) == (None, None, ())


def test_what_is_not_in_the_tree_yet_has_no_neighbours() -> None:
    tree = conversation_tree([tree_node(1)])
    found = place_of(tree, {}, tree_node(9, parent=8, branch=9))
    assert (found.branch, found.parent_branch, found.fork_point, found.summarised) == (None, None, None, None)
    assert found.why is not None
    assert found.why.parent is None
    assert request_id(8) not in {node.request_id for node in tree.nodes}
