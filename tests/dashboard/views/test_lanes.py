"""The timeline has a bar for each exchange, in the lane of its talk."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures import TINTS
from dashboard.talk_times import TimeSums
from dashboard.tree_layout import lay_out
from dashboard.views.lanes import MOST_NAMED, Bars, Lanes, Wanted, choices_of, lanes_of, sums_said, wanted_in
from dashboard.views.tree_rows import TreeRows
from schemas.read_api import TreeNode
from tests.read_rows import START, conversation_tree, node_trees, request_id, tree_node

NOW = START + timedelta(hours=1)


def lanes(nodes: list[TreeNode], **wanted: str) -> Lanes:
    tree = conversation_tree(nodes)
    rows = TreeRows()
    rows.update(tree, lay_out(nodes).placed)
    return lanes_of(tree, rows.by_id, NOW, Wanted(**wanted))


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


@given(node_trees(max_size=20), st.data())
def test_bars_that_are_kept_are_those_that_would_be_made(nodes: list[TreeNode], data: st.DataObject) -> None:
    rows, bars = TreeRows(), Bars()
    for _ in range(data.draw(st.integers(2, 4))):
        ends = data.draw(st.sets(st.integers(0, len(nodes) - 1), max_size=3))
        later = {"completed_at": NOW, "outcome": "completed", "output_tokens": 7}
        stands = [node.model_copy(update=later) if place in ends else node for place, node in enumerate(nodes)]
        tree = conversation_tree(stands[: data.draw(st.integers(1, len(nodes)))])
        rows.update(tree, lay_out(tree.nodes).placed)
        now = NOW + timedelta(seconds=data.draw(st.integers(0, 9)))
        wanted = Wanted(request_class=data.draw(st.sampled_from(("", "main", "subagent"))))
        assert lanes_of(tree, rows.by_id, now, wanted, bars) == lanes_of(tree, rows.by_id, now, wanted)


def test_what_has_ended_is_not_made_again_and_what_runs_is() -> None:
    nodes = [tree_node(1), tree_node(2, parent=1), tree_node(3, parent=2, outcome="open", completed_at=None)]
    tree, rows, bars = conversation_tree(nodes), TreeRows(), Bars()
    rows.update(tree, lay_out(nodes).placed)
    first, second = (lanes_of(tree, rows.by_id, NOW + timedelta(seconds=late), bars=bars) for late in (0, 1))
    assert [one is other for one, other in zip(first.bars, second.bars, strict=True)] == [True, True, False]
    assert [one is other for one, other in zip(first.pauses, second.pauses, strict=True)] == [True, True]


def test_a_lane_that_moves_takes_its_bars_along() -> None:
    nodes = [tree_node(1), tree_node(2, 1, 2, edge="spawned", request_class="subagent")]
    nodes.append(tree_node(3, 2, 2, request_class="subagent"))
    tree, rows, bars = conversation_tree(nodes), TreeRows(), Bars()
    rows.update(tree, lay_out(nodes).placed)
    for name, lane in (("", 1), ("subagent", 0), ("", 1)):
        shown = lanes_of(tree, rows.by_id, NOW, Wanted(request_class=name), bars)
        assert (shown.bars[-1].lane, shown.pauses[-1].lane) == (lane, lane)


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


def talk() -> list[TreeNode]:
    """A line with a tool, a sub-agent that is named, one that is not, and a summary."""
    spawned = {"edge": "spawned", "request_class": "subagent"}
    return [
        tree_node(1, stop_reason="tool_use"),
        tree_node(2, parent=1, branch=2, agent_type="Explore", **spawned),
        tree_node(3, parent=1, branch=3, **spawned),
        tree_node(9, parent=1, prompt=None),
        tree_node(10, parent=9, edge="compacts", request_class="compaction"),
    ]


def shown(**wanted: str) -> list[str]:
    return [bar.request_id for bar in lanes(talk(), **wanted).bars]


def ids(*numbers: int) -> list[str]:
    return [str(request_id(number)) for number in numbers]


def test_the_timeline_shows_what_is_wanted() -> None:
    assert shown() == ids(1, 2, 3, 9, 10)
    assert shown(branch=str(request_id(1))) == ids(1, 9, 10)
    assert shown(agent="Explore") == ids(2)
    assert shown(agent="sub-task") == ids(3)
    assert shown(request_class="subagent") == ids(2, 3)
    assert shown(branch=str(request_id(1)), request_class="compaction") == ids(10)
    assert shown(branch=str(request_id(2)), request_class="main") == shown(branch="nonsense") == []
    assert lanes(talk(), agent="Explore").names == ("Explore",)
    assert [bar.lane for bar in lanes(talk(), agent="Explore").bars] == [0]


def test_a_pause_is_shown_with_the_exchange_that_ends_it() -> None:
    whole = lanes(talk())
    assert {pause.tint for pause in whole.pauses} == {"tools", "waiting"}
    assert {pause.lane for pause in whole.pauses} == {0}
    assert len({pause.request_id for pause in whole.pauses}) == len(whole.pauses)
    assert all(pause.tint in TINTS for pause in whole.pauses)
    assert lanes(talk(), request_class="subagent").pauses == ()
    assert lanes(talk(), request_class="subagent").sums.model == timedelta(seconds=8)


def test_what_can_be_chosen_is_what_the_talk_has() -> None:
    choices = choices_of(conversation_tree(talk()))
    assert choices.branches == tuple(zip(ids(1, 2, 3), ("main", "Explore", "sub-task"), strict=True))
    assert choices.agents == (("Explore", "Explore"), ("sub-task", "sub-task"))
    assert [value for value, _ in choices.classes] == ["compaction", "main", "subagent"]


def test_filters_come_from_the_address_and_go_back_to_it() -> None:
    wanted = wanted_in({"branch": "b", "class": "main", "other": "x"})
    assert wanted == Wanted("b", "", "main")
    assert wanted.address == {"branch": "b", "class": "main"}
    assert wanted_in({}).address == {}


def test_sums_are_told_in_milliseconds_by_colour_and_name() -> None:
    sums = TimeSums(model=timedelta(seconds=1), person=timedelta(minutes=1))
    assert sums_said(sums) == [
        ("main", "Model", 1_000.0),
        ("tools", "Tools", 0.0),
        ("person", "People", 60_000.0),
        ("waiting", "Waiting", 0.0),
    ]
