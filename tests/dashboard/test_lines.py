"""Is a branch's line of talk what one reads from its beginning to its end, and is what was lost said to be lost?"""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from dashboard.details import Kept, OpenedBody, RequestDetails
from dashboard.lines import branch_for, line_of, recorded_turn, subtasks_of
from domain.transcript import Loss
from schemas.read_api import TreeNode
from tests.read_rows import conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import REQUEST, request_details, text_answer


def numbers(line: list[TreeNode]) -> list[int]:
    return [node.request_id.int & 0xFFFF for node in line]


NODES = [
    tree_node(1),
    tree_node(2, parent=1),
    tree_node(3, parent=2, branch=3, edge="spawned", tool_use_id="toolu_1"),
    tree_node(4, parent=3, branch=3),
    tree_node(5, parent=2),
    tree_node(6, parent=2, branch=6, edge="branches"),
    tree_node(7, parent=5),
    tree_node(8, parent=6, branch=6),
]


@pytest.mark.parametrize(("branch", "line"), [(1, [1, 2, 5, 7]), (3, [3, 4]), (6, [1, 2, 6, 8]), (9, [])])
def test_a_line_begins_with_the_history_that_its_branch_left_from(branch: int, line: list[int]) -> None:
    assert numbers(line_of(NODES, request_id(branch))) == line


def test_a_line_whose_parents_go_round_ends() -> None:
    nodes = [tree_node(1, parent=2), tree_node(2, parent=1, branch=2, edge="branches")]
    assert numbers(line_of(nodes, request_id(2))) == [1, 2]


def test_subtasks_are_known_by_their_calls() -> None:
    assert subtasks_of(NODES) == {"toolu_1": request_id(3)}


@pytest.mark.parametrize(
    ("wanted", "member", "branch"), [(6, None, 6), (99, 4, 3), (None, 99, 1), (None, None, 1), (3, 8, 3)]
)
def test_the_branch_is_the_wanted_one_or_that_of_the_request(
    wanted: int | None, member: int | None, branch: int
) -> None:
    def given(number: int | None) -> UUID | None:
        return None if number is None else request_id(number)

    assert branch_for(conversation_tree(NODES), given(wanted), given(member)) == request_id(branch)


def test_there_may_be_no_branch() -> None:
    empty = conversation_tree(NODES).model_copy(update={"branches": [], "nodes": []})
    assert branch_for(empty, None, None) is None


def test_a_turn_has_what_was_recorded() -> None:
    system = [{"type": "text", "text": "x-anthropic-billing-header: a"}, {"type": "text", "text": "Be brief."}]
    item = request_item(2, cost_usd=Decimal("0.5"))
    turn = recorded_turn(request_details(2, body={**REQUEST, "system": system}, item=item), tree_node(2))
    assert turn.system == ("Be brief.",)
    assert [said.role for said in turn.messages] == ["user"]
    assert turn.answer[0].value["text"] == "There are three."
    assert (turn.whole, turn.error, turn.lost_request, turn.lost_answer) == (True, "", "", "")
    assert turn.facts.cost_usd == Decimal("0.5")
    node = tree_node(2)
    counts = (node.input_tokens, node.cache_read_tokens, node.cache_write_tokens)
    assert turn.facts.prompt_tokens == sum(count or 0 for count in counts)
    assert recorded_turn(None, tree_node(2, input_tokens=None)).facts.prompt_tokens is None


def test_nothing_recorded_is_a_loss() -> None:
    turn = recorded_turn(None, tree_node(1))
    assert (turn.lost_request, turn.lost_answer, turn.whole) == ("not_kept", "not_kept", False)


@pytest.mark.parametrize(
    ("kept", "request_loss", "answer_loss"),
    [("not_kept", "not_kept", "not_kept"), ("erased", "erased", "erased"), ("none", "unreadable", "")],
)
def test_what_is_not_there_is_said_with_its_reason(kept: Kept, request_loss: Loss, answer_loss: Loss) -> None:
    whole = request_details(1)
    nothing = OpenedBody(kept, "complete", b"")
    details = replace(
        whole,
        sent=replace(whole.sent, body=nothing, parsable=False),
        answer=replace(whole.answer, body=nothing),
    )
    turn = recorded_turn(details, tree_node(1))
    assert (turn.lost_request, turn.lost_answer) == (request_loss, answer_loss)


def error_answer(kind: str) -> RequestDetails:
    return request_details(1, answer=[{"type": "error", "error": {"type": kind, "message": "Overloaded"}}], status=529)


def test_an_error_is_told_in_its_own_words() -> None:
    assert recorded_turn(error_answer("overloaded_error"), tree_node(1)).error == "overloaded_error: Overloaded"
    assert recorded_turn(error_answer(""), tree_node(1)).error == "Overloaded"
    assert recorded_turn(request_details(1, answer=b"<html>", status=502), tree_node(1)).error == "HTTP 502"
    assert recorded_turn(request_details(1, answer=text_answer(), status=200), tree_node(1)).error == ""
