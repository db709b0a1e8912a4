"""The time of a conversation is told apart by what it was spent on, each moment of a line once."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given

from dashboard.talk_times import TimeSums, pauses_of, sums_of
from schemas.read_api import TreeNode
from tests.read_rows import START, node_trees, request_id, tree_node

NOW = START + timedelta(hours=1)


def node(number: int, begins: float, lasts: float | None = 1, **changes: object) -> TreeNode:
    """In seconds after START; ``lasts`` None: it is open."""
    at = START + timedelta(seconds=begins)
    members = {"received_at": at, "completed_at": None if lasts is None else at + timedelta(seconds=lasts)}
    parent = changes.pop("parent", number - 1 or None)
    placed = {name: changes.pop(name) for name in ("branch", "edge") if name in changes}
    one = tree_node(number, parent=parent, **placed)  # type: ignore[arg-type]  # one number, or none
    return one.model_copy(update=members | changes)


def told(nodes: list[TreeNode]) -> list[tuple[str, float, float]]:
    return [
        (one.spent, (one.start - START).total_seconds(), (one.end - START).total_seconds()) for one in pauses_of(nodes)
    ]


@pytest.mark.parametrize(
    ("before", "after", "spent"),
    [
        ({"stop_reason": "tool_use"}, {"prompt": None}, "tools"),
        ({"stop_reason": "tool_use"}, {"prompt": "Wait!"}, "tools"),
        ({"stop_reason": "tool_use"}, {"prompt": "Stop", "edge": "interrupted"}, "person"),
        ({"stop_reason": "end_turn"}, {"prompt": "Go on"}, "person"),
        ({"stop_reason": "end_turn"}, {"prompt": None}, "waiting"),
        ({"stop_reason": "max_tokens"}, {"prompt": None}, "waiting"),
        ({"stop_reason": None, "status": 529}, {"prompt": "Again", "edge": "retries"}, "waiting"),
        ({"stop_reason": "tool_use"}, {"prompt": None, "edge": "retries"}, "waiting"),
        ({"stop_reason": "end_turn"}, {"prompt": "Sum up", "request_class": "compaction"}, "waiting"),
    ],
)
def test_a_pause_says_what_it_was_spent_on(before: dict[str, object], after: dict[str, object], spent: str) -> None:
    nodes = [node(1, 0, 2, **before), node(2, 5, 1, **after)]
    assert told(nodes) == [(spent, 2, 5)]


def test_while_sub_agents_work_their_caller_waits() -> None:
    """Two of them, side by side, and the tools before and behind."""
    nodes = [
        node(1, 0, 2, stop_reason="tool_use"),
        node(2, 3, 3, branch=2, parent=1, edge="spawned", stop_reason="end_turn"),
        node(3, 4, 4, branch=3, parent=1, edge="spawned", stop_reason="end_turn"),
        node(4, 12, 1, parent=1, prompt=None),
    ]
    assert told(nodes) == [("tools", 2, 3), ("waiting", 3, 6), ("waiting", 6, 8), ("tools", 8, 12)]


def test_a_sub_agent_that_still_works_is_waited_for_to_the_end() -> None:
    nodes = [
        node(1, 0, 2, stop_reason="tool_use"),
        node(2, 1, 3, branch=2, parent=1, edge="spawned", stop_reason="tool_use"),
        node(3, 5, None, branch=2, parent=2),
        node(4, 9, 1, parent=1, prompt=None),
    ]
    assert told(nodes) == [("tools", 4, 5), ("waiting", 2, 9)]


@pytest.mark.parametrize("lasts", [None, 5, 9])
def test_there_is_no_pause_where_none_can_be_seen(lasts: float | None) -> None:
    """An answer is open, or over just then, or later."""
    assert told([node(1, 0, lasts), node(2, 5)]) == []


def test_a_side_question_is_no_part_of_the_line() -> None:
    nodes = [node(1, 0, 1, stop_reason="end_turn"), node(2, 2, edge="aside"), node(3, 9, parent=1, prompt="Next")]
    assert told(nodes) == [("person", 1, 9)]


def test_times_add_up_over_lines_side_by_side() -> None:
    nodes = [
        node(1, 0, 2, stop_reason="tool_use"),
        node(2, 2, 6, branch=2, parent=1, edge="spawned"),
        node(3, 9, None, parent=1, prompt=None),
    ]
    sums = sums_of(nodes, pauses_of(nodes), START + timedelta(seconds=10))
    seconds = {name: timedelta(seconds=lasted) for name, lasted in (("model", 9), ("tools", 1), ("waiting", 6))}
    assert sums == TimeSums(**seconds)


def test_a_clock_that_is_ahead_takes_nothing_away() -> None:
    assert sums_of([node(1, 50, None)], [], START) == TimeSums()


@given(node_trees())
def test_pauses_lie_between_the_exchanges_of_their_line_and_touch_no_other_pause(nodes: list[TreeNode]) -> None:
    by_id = {one.request_id: one for one in nodes}
    behind: dict[UUID, object] = {}
    for pause in pauses_of(nodes):
        ending = by_id[pause.request_id]
        assert pause.start < pause.end <= ending.received_at
        line = [one for one in nodes if one.branch_id == ending.branch_id and one.edge != "aside"]
        before = line[line.index(ending) - 1]
        assert before.completed_at is not None
        assert before.completed_at <= pause.start
        if pause.request_id in behind:
            assert behind[pause.request_id] == pause.start
        behind[pause.request_id] = pause.end
    assert all(by_id[one].received_at == end for one, end in behind.items())
    assert request_id(1) not in behind
