"""Every exchange in the tree has a name, a state and its numbers, and only what changed comes again."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.tree_layout import lay_out
from dashboard.views.tree_rows import LABEL_CHARS, Numbered, Numbering, Row, TreeRows, as_json
from schemas.read_api import TreeNode
from tests.read_rows import conversation_tree, node_trees, request_id, tree_node


def rows_of(nodes: list[TreeNode], title: str = "Mend it") -> list[Row]:
    rows = TreeRows()
    rows.update(conversation_tree(nodes, title=title), lay_out(nodes).placed)
    return list(rows.by_id.values())


def changed(node: TreeNode, **changes: object) -> TreeNode:
    return node.model_copy(update=changes)


def test_a_row_is_told_whole() -> None:
    (row,) = rows_of([tree_node(1)])
    assert row == Row(
        id=str(request_id(1)),
        row=0,
        lane=0,
        twig=False,
        parent_row=None,
        parent_lane=0,
        stub=False,
        opens=True,
        edge="root",
        request_class="main",
        state="done",
        label="Mend it",
        typed=False,
        tag="",
        note="calls tools",
        model="opus 4.5",
        tokens="49k → 480",
        counts=(48_000, 1_200, 12, 480),
        duration="4.0 s",
        received_at="2026-11-22T09:30:12.000+00:00",
        depth=0,
    )


def test_what_is_not_known_is_empty() -> None:
    unknown = dict.fromkeys(
        ("model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "duration_ms")
    )
    (row,) = rows_of([changed(tree_node(1), **unknown)])
    assert (row.model, row.tokens, row.counts, row.duration) == ("", "", None, "")
    (row,) = rows_of([changed(tree_node(1), **(unknown | {"output_tokens": 5}))])
    assert (row.tokens, row.counts) == ("", (0, 0, 0, 5))


@given(node_trees())
def test_every_exchange_has_a_row_at_its_place(nodes: list[TreeNode]) -> None:
    rows = rows_of(nodes)
    placed = lay_out(nodes).placed
    assert [(row.id, row.row, row.lane) for row in rows] == [(str(one.request_id), one.row, one.lane) for one in placed]
    assert all(row.label for row in rows)


@pytest.mark.parametrize(
    ("edge", "changes", "label", "tag"),
    [
        ("spawned", {"task": "Look\naround", "agent_type": "Explore"}, "Look around", "Explore"),
        ("spawned", {}, "Sub-task", "sub-agent"),
        ("branches", {}, "Prompt 2", "branch 2"),
        ("forks", {}, "Prompt 2", "fork, branch 2"),
        ("retries", {}, "Retry", ""),
        ("aside", {}, "Side question", ""),
        ("compacts", {}, "Compaction of 1 message in 1 request", ""),
        ("resumes", {}, "Goes on from the summary", ""),
        ("interrupted", {}, "After an interruption", ""),
        ("continues", {}, "Prompt 1 · step 2", ""),
    ],
)
def test_every_edge_has_its_words(edge: str, changes: dict[str, object], label: str, tag: str) -> None:
    branch = 2 if edge in {"spawned", "branches", "forks"} else 1
    node = changed(tree_node(2, parent=1, branch=branch, edge=edge), **changes)
    row = rows_of([tree_node(1), node])[1]
    assert (row.label, row.tag) == (label, tag)


@pytest.mark.parametrize(
    ("edge", "label", "tag", "typed"),
    [
        ("continues", "And the tests?", "", True),
        ("branches", "And the tests?", "branch 2", True),
        ("forks", "And the tests?", "fork, branch 2", True),
        ("resumes", "And the tests?", "from the summary", True),
        ("interrupted", "And the tests?", "after a cut", True),
        ("spawned", "And the tests?", "sub-agent", False),
        ("aside", "Side question: And the tests?", "", False),
        ("retries", "Retry", "", False),
    ],
)
def test_what_was_typed_is_the_label(edge: str, label: str, tag: str, typed: bool) -> None:
    branch = 2 if edge in {"spawned", "branches", "forks"} else 1
    row = rows_of([tree_node(1), tree_node(2, parent=1, branch=branch, edge=edge, prompt="And the\ntests?")])[1]
    assert (row.label, row.tag, row.typed) == (label, tag, typed)


def test_what_was_typed_goes_before_the_title() -> None:
    assert rows_of([tree_node(1, prompt="Mend the parser")], "Parser repair")[0].label == "Mend the parser"


def test_a_summary_handed_on_is_no_prompt() -> None:
    handed_on = tree_node(
        2, parent=1, edge="resumes", prompt="This session is being continued from a previous conversation."
    )
    row = rows_of([tree_node(1), handed_on])[1]
    assert (row.label, row.tag, row.typed) == ("Goes on from the summary", "", False)


def test_a_compaction_says_how_much_it_summarised() -> None:
    nodes = [tree_node(1, prompt="a"), tree_node(2, parent=1), tree_node(3, parent=2, edge="compacts", prompt="Sum up")]
    nodes[2] = changed(nodes[2], request_class="compaction")
    assert rows_of(nodes)[2].label == "Compaction of 3 messages in 2 requests"
    assert rows_of([changed(nodes[2], parent_request_id=None)])[0].label == "Compaction"


def test_a_typed_prompt_begins_a_new_count() -> None:
    nodes = [
        tree_node(1, prompt="One"),
        tree_node(2, parent=1),
        tree_node(3, parent=2, prompt="Two"),
        tree_node(4, parent=3),
        tree_node(5, parent=4, edge="resumes", prompt="Three"),
        tree_node(6, parent=5),
    ]
    assert [row.label for row in rows_of(nodes)] == [
        "One",
        "Prompt 1 · step 2",
        "Two",
        "Prompt 2 · step 2",
        "Three",
        "Prompt 3 · step 2",
    ]


def test_a_prompt_is_counted_once_and_its_steps_each() -> None:
    stops = ["tool_use", "tool_use", "end_turn", "tool_use", "max_tokens", "end_turn", "end_turn"]
    nodes = [tree_node(n, parent=n - 1 or None, stop_reason=stop) for n, stop in enumerate(stops, 1)]
    assert [row.label for row in rows_of(nodes)] == [
        "Mend it",
        "Prompt 1 · step 2",
        "Prompt 1 · step 3",
        "Prompt 2",
        "Prompt 2 · step 2",
        "Prompt 2 · step 3",
        "Prompt 3",
    ]


def test_a_subtask_counts_its_own_steps() -> None:
    nodes = [
        tree_node(1),
        tree_node(2, parent=1, branch=2, edge="spawned", depth=1, stop_reason="end_turn", task="Look"),
        tree_node(3, parent=2, branch=2, depth=1),
        tree_node(4, parent=1),
    ]
    assert [row.label for row in rows_of(nodes)][1:] == ["Look", "Step 2", "Prompt 1 · step 2"]


def test_a_branch_counts_on_from_where_it_left() -> None:
    nodes = [
        tree_node(1, stop_reason="end_turn"),
        tree_node(2, parent=1, stop_reason="end_turn"),
        tree_node(3, parent=2),
        tree_node(4, parent=1, branch=4, edge="branches"),
        tree_node(5, parent=4, branch=4),
    ]
    assert [row.label for row in rows_of(nodes)][1:] == ["Prompt 2", "Prompt 3", "Prompt 2", "Prompt 2 · step 2"]


def test_attempts_share_their_number() -> None:
    numbering = Numbering()
    first = tree_node(1, stop_reason=None)
    assert numbering.number(first, None) == Numbered(1, 1)
    assert numbering.number(tree_node(2, parent=1, edge="retries"), first) == Numbered(1, 1)
    assert numbering.number(tree_node(9, parent=8), tree_node(8)) == Numbered(1, 1), "its parent is not known"


@pytest.mark.parametrize(
    ("outcome", "status", "stop", "state", "note"),
    [
        ("open", None, None, "running", ""),
        ("open", 200, None, "running", ""),
        ("completed", 200, "end_turn", "done", "answers"),
        ("completed", None, None, "done", ""),
        ("completed", 399, "refusal", "done", "refused"),
        ("completed", 400, None, "failed", "status 400"),
        ("client", 200, None, "cut", "stopped by the client"),
        ("shutdown", 200, None, "cut", "cut by a shutdown"),
        ("upstream", 200, None, "failed", "cut by the API"),
        ("timeout", None, None, "failed", "timed out"),
        ("gateway_crash", None, None, "failed", "the gateway died"),
        ("something", None, None, "failed", "something"),
        ("completed", 200, "max_tokens", "done", "at the limit"),
    ],
)
def test_how_it_ended(outcome: str, status: int | None, stop: str | None, state: str, note: str) -> None:
    (row,) = rows_of([changed(tree_node(1), outcome=outcome, status=status, stop_reason=stop)])
    assert (row.state, row.note) == (state, note)


@pytest.mark.parametrize(("error", "note"), [("overloaded_error", "overloaded_error"), ("", "failed")])
def test_an_error_inside_a_stream_is_a_failure(error: str, note: str) -> None:
    (row,) = rows_of([changed(tree_node(1), stop_reason=None, error_type=error)])
    assert (row.state, row.note) == ("failed", note)


def test_titles_of_any_length_fit() -> None:
    (row,) = rows_of([tree_node(1)], title="word " * 999)
    assert len(row.label) == LABEL_CHARS
    assert rows_of([tree_node(1)], title="")[0].label == "Without a prompt"


@given(node_trees(max_size=20), st.data())
def test_only_what_is_new_or_changed_comes_again(nodes: list[TreeNode], data: st.DataObject) -> None:
    known = data.draw(st.integers(0, len(nodes)))
    touched = data.draw(st.sets(st.integers(0, max(0, known - 1)), max_size=3)) if known else set()
    rows = TreeRows()
    placed = lay_out(nodes).placed
    rows.update(conversation_tree(nodes[:known] or nodes), placed[: known or len(nodes)])
    later = [changed(node, duration_ms=99.0) if place in touched else node for place, node in enumerate(nodes)]
    again = rows.update(conversation_tree(later), placed)
    expected = touched | set(range(known or len(nodes), len(nodes)))
    assert {row.row for row in again} == expected
    assert rows.update(conversation_tree(later), placed) == []
    assert list(rows.by_id.values()) == rows_of(later, "Conversation 1")


def test_a_number_that_changes_is_carried_down_the_line() -> None:
    """As of a moment at which the first answer was not over, nobody could tell a new prompt from a next step."""
    nodes = [tree_node(1, stop_reason="end_turn"), *(tree_node(number, number - 1) for number in (2, 3, 4))]
    rows, placed = TreeRows(), lay_out(nodes).placed
    rows.update(conversation_tree(nodes), placed)
    other = [changed(nodes[0], stop_reason="tool_use"), *nodes[1:]]
    assert len(rows.update(conversation_tree(other), placed)) == 4
    assert [row.label for row in rows.by_id.values()][1:] == [f"Prompt 1 · step {step}" for step in (2, 3, 4)]
    assert len(rows.update(conversation_tree(nodes[:2]), placed)) == 2
    assert len(rows.update(conversation_tree(nodes), placed)) == 2
    assert list(rows.by_id.values()) == rows_of(nodes, "Conversation 1")


def test_a_place_without_a_node_has_no_row() -> None:
    rows = TreeRows()
    placed = lay_out([tree_node(1), tree_node(2, parent=1)]).placed
    assert len(rows.update(conversation_tree([tree_node(1)]), placed)) == 1


def test_rows_go_over_the_wire_as_plain_lists() -> None:
    assert as_json(rows_of([tree_node(1)])).startswith(f'[["{request_id(1)}",0,0,false,null,0,false,true,"root"')


def test_an_attempt_of_several_tells_what_it_cost() -> None:
    failed = tree_node(1, status=529, stop_reason=None, cost_usd=Decimal(0))
    again = tree_node(2, parent=1, edge="retries", stop_reason="end_turn", cost_usd=Decimal("0.25"))
    cut = tree_node(3, parent=1, edge="retries", stop_reason=None, cost_usd=Decimal(2))
    lost = tree_node(4, parent=1, edge="retries", stop_reason=None, unrecorded=True)
    assert [row.note for row in rows_of([failed, again, cut, lost])] == [
        "status 529 · $0.00", "answers · $0.2500", "$2.00", "not recorded",
    ]  # fmt: skip
