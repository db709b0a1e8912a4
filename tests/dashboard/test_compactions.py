"""A compaction knows what it summarised, and who went on from its summary."""

from typing import Any
from uuid import UUID

from hypothesis import given

from dashboard.compactions import compactions_of
from dashboard.talk import messages_in
from schemas.read_api import TreeNode
from tests.read_rows import node_trees, request_id, tree_node


def compacts(number: int, parent: int | None, **changes: Any) -> TreeNode:
    return tree_node(number, parent=parent, **{"edge": "compacts", "request_class": "compaction", **changes})


@given(node_trees())
def test_its_history_is_the_way_up_to_where_a_history_begins(nodes: list[TreeNode]) -> None:
    by_id = {node.request_id: node for node in nodes}

    def history(request: UUID | None) -> list[TreeNode]:
        if request is None:
            return []
        node = by_id[request]
        begins = node.edge in {"root", "spawned", "resumes"}
        return [node] if begins else [node, *history(node.parent_request_id)]

    found = compactions_of(nodes)
    assert [one.request_id for one in found] == [node.request_id for node in nodes if node.edge == "compacts"]
    for one in found:
        summarised = history(by_id[one.request_id].parent_request_id)
        assert one.branch_id == by_id[one.request_id].branch_id
        assert (one.to_request_id, one.from_request_id) == (summarised[0].request_id, summarised[-1].request_id)
        assert (one.requests, one.messages) == (len(summarised), sum(map(messages_in, summarised)))


def test_a_second_compaction_begins_with_who_resumed_the_first() -> None:
    nodes = [
        tree_node(1, prompt="Begin"),
        tree_node(2, parent=1),
        compacts(3, 2),
        tree_node(4, parent=3, edge="resumes", prompt="Go on"),
        tree_node(5, parent=4),
        compacts(6, 5),
    ]
    first, second = compactions_of(nodes)
    assert (first.from_request_id, first.to_request_id, first.messages) == (request_id(1), request_id(2), 3)
    assert (second.from_request_id, second.to_request_id, second.requests) == (request_id(4), request_id(5), 2)
    assert (first.resumed_by, second.resumed_by) == ([request_id(4)], [])


def test_who_goes_on_from_a_second_attempt_goes_on_from_the_compaction() -> None:
    nodes = [
        tree_node(1),
        compacts(2, 1, status=529),
        tree_node(3, parent=2, edge="retries", request_class="compaction"),
        tree_node(4, parent=3, edge="resumes"),
        tree_node(5, parent=2, edge="resumes"),
    ]
    (one,) = compactions_of(nodes)
    assert one.resumed_by == [request_id(4), request_id(5)]


def test_a_summary_from_elsewhere_is_not_ours() -> None:
    nodes = [
        tree_node(1),
        compacts(2, 1),
        tree_node(3, parent=1, edge="resumes"),
        tree_node(4, parent=1, edge="retries"),
    ]
    assert compactions_of(nodes)[0].resumed_by == []


def test_a_history_that_is_not_known_is_said_so() -> None:
    for parent in (None, 77):
        (one,) = compactions_of([compacts(2, parent)])
        assert (one.from_request_id, one.to_request_id, one.requests, one.messages) == (None, None, 0, 0)
