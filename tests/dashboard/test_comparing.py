"""Is held against each other what was asked for, from where it parts, and is it said where that cannot be done?"""

from dataclasses import replace
from typing import Any

import pytest

from dashboard import comparing
from dashboard.comparing import (
    BranchesCompared,
    CompactionCompared,
    NotCompared,
    RequestsCompared,
    comparison,
    requests_compared,
    way_of,
)
from schemas.read_api import TreeNode
from tests.compared_samples import branched, compacted, parted, put, wanted
from tests.fake_data import FakeDataStore
from tests.read_rows import conversation_tree, request_id, request_item, tree_node
from tests.recorded_details import REQUEST, request_details, text_answer


async def branches(store: FakeDataStore, a: int, b: int, **members: Any) -> BranchesCompared:
    found = await comparison(store, wanted(a, b, of="branches", **members))
    assert isinstance(found, BranchesCompared)
    return found


async def compaction(store: FakeDataStore, a: int, **members: Any) -> CompactionCompared:
    found = await comparison(store, wanted(a, **members))
    assert isinstance(found, CompactionCompared)
    return found


def numbers(nodes: tuple[TreeNode, ...]) -> list[int]:
    return [node.request_id.int & 0xFFFF for node in nodes]


def kinds(found: Any) -> list[tuple[str, int | None, int | None]]:
    return [(pair.kind, pair.left, pair.right) for pair in found.pairs]


def talk(*texts: Any, answer: str = "Fine.", number: int = 1, **members: Any) -> Any:
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return request_details(number, body={**REQUEST, "messages": messages, **members}, answer=text_answer(answer))


def test_messages_answers_and_the_rest_of_the_prompt_are_compared() -> None:
    left = talk("Mend it", "I look.", "Go on")
    right = talk("Mend it", "I look.", "Stop", "Yes.", "Why", answer="So.", number=2, model="another")
    found = requests_compared(left, right)
    assert kinds(found.messages) == [
        ("same", 0, 0), ("same", 1, 1), ("changed", 2, 2), ("right", None, 3), ("right", None, 4),
    ]  # fmt: skip
    assert kinds(found.answers) == [("changed", 0, 0)]
    assert [(change.part, change.before, change.now) for change in found.changes] == [
        ("model", REQUEST["model"], "another")
    ]
    assert (found.messages.differences, found.is_readable) == (3, True)


def test_a_request_against_itself_shows_no_difference() -> None:
    one = talk("Mend it", "I look.", "Go on")
    found = requests_compared(one, one)
    assert (found.changes, found.messages.differences, found.answers.differences) == ((), 0, 0)


def test_what_cannot_be_read_is_not_compared_but_answers_are() -> None:
    left, right = request_details(1, body=b"no json"), talk("Mend it", answer="There are three.", number=2)
    for found in (requests_compared(left, right), requests_compared(right, left)):
        assert not found.is_readable
        assert (found.changes, found.messages.pairs) == ((), ())
        assert kinds(found.answers) == [("same", 0, 0)]
    nothing = requests_compared(request_details(1, answer=b""), right)
    assert kinds(nothing.answers) == [("right", None, 0)]


async def test_two_branches_are_told_from_where_they_part() -> None:
    store = branched()
    found = await branches(store, 4, 5)
    assert (numbers(found.shared), numbers(found.left.nodes), numbers(found.right.nodes)) == ([1, 2], [3, 4], [5])
    assert [pair.kind for pair in found.turns.pairs] == ["changed", "left"]
    parts = found.turns.pairs[0].parts
    assert [part.kind for part in parts] == ["same", "left", "right"]
    assert [piece.kind for piece in found.turns.left[0].pieces] == ["prompt", "call"]
    assert found.turns.left[0].pieces[1].result is not None, "the result that the next request brought"
    assert (found.turns.left[0].number, found.turns.right[0].edge) == (3, "branches")
    read = [tuple(map(request_id, numbers)) for numbers in ((2, 3, 4), (2, 5))]
    assert store.lines == read, "of what is shared only the last"
    assert "details" not in store.asked
    assert (found.left.branch.name, found.right.branch.name) == ("main", "branch 2")
    assert (found.left.totals.agents, found.right.totals.agents, found.unread) == (1, 0, 0)
    assert found.left.work.tools == {"Bash": 1}


async def test_swapped_it_is_the_same_the_other_way_round() -> None:
    one, other = await branches(branched(), 4, 5), await branches(branched(), 5, 4)
    assert (one.left, one.right, one.shared) == (other.right, other.left, other.shared)
    assert sorted((str(a), str(b)) for _, a, b in kinds(one.turns)) == sorted(
        (str(b), str(a)) for _, a, b in kinds(other.turns)
    )


async def test_a_branch_against_itself_has_nothing_behind_what_is_shared() -> None:
    found = await branches(branched(), 3, 1)
    assert (numbers(found.shared), found.left.nodes, found.right.nodes) == ([1, 2, 3, 4], (), ())
    assert (found.turns.pairs, found.left.totals.lasted_ms) == ((), None)


async def test_two_conversations_share_nothing_but_what_was_said() -> None:
    found = await branches(parted(["Hello", "Mend it", "Bye"], ["Hello", "Bye"]), 2, 101)
    assert (numbers(found.shared), numbers(found.right.nodes)) == ([], [101, 102])
    assert kinds(found.turns) == [("same", 0, 0), ("left", 1, None), ("same", 2, 1)]
    assert found.left.tree.conversation.title == "Talk 1"


async def test_so_many_turns_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    store = parted([f"Q{n}" for n in range(9)], ["Q0", "Q1"])
    found = await branches(store, 1, 101, turns=4)
    assert (len(found.turns.left), len(found.turns.right), found.read, found.unread) == (4, 2, 4, 5)
    assert found.left.totals.own.requests == 9, "totals are those of all"
    monkeypatch.setattr(comparing, "MOST_TURNS", 3)
    assert (await branches(store, 1, 101, turns=400)).read == 3


@pytest.mark.parametrize(
    ("a", "b", "of", "refused"),
    [
        (99, 1, "requests", NotCompared("a", "unknown")),
        (1, 99, "requests", NotCompared("b", "unknown")),
        (99, 1, "branches", NotCompared("a", "unknown")),
        (1, 99, None, NotCompared("b", "unknown")),
        (1, 98, "branches", NotCompared("b", "alone")),
        (98, 1, "branches", NotCompared("a", "alone")),
        (1, None, None, NotCompared("b", "missing")),
        (99, None, None, NotCompared("a", "unknown")),
        (98, None, None, NotCompared("b", "missing")),
    ],
)
async def test_what_cannot_be_compared_is_said(a: int, b: int | None, of: Any, refused: NotCompared) -> None:
    store = branched()
    store.put_item(request_item(98, request_class="compaction", conversation_id=None, branch_id=None))
    assert await comparison(store, wanted(a, b, of=of)) == refused


def test_ids_of_branches_mean_branches() -> None:
    first, second, third = (request_item(n, branch_id=request_id(branch)) for n, branch in ((1, 1), (5, 5), (6, 5)))
    assert way_of(first, second) == "branches"
    assert way_of(first, third) == way_of(third, second) == way_of(first, first) == way_of(None, first) == "requests"


async def test_without_a_word_it_goes_by_the_ids() -> None:
    assert isinstance(await comparison(branched(), wanted(1, 5)), BranchesCompared)
    assert isinstance(await comparison(branched(), wanted(2, 5)), RequestsCompared)
    assert isinstance(await comparison(branched(), wanted(1, 5, of="requests")), RequestsCompared)


async def test_a_compaction_stands_beside_what_it_replaced() -> None:
    found = await compaction(compacted(3), 4)
    assert numbers(found.replaced) == [1, 2, 3]
    assert [entry.text for turn in found.turns for entry in turn.entries if entry.kind != "system"] == [
        words for number in (1, 2, 3) for words in (f"Question {number}", f"Answer {number}")
    ]
    assert (found.first, numbers(found.resumed), found.is_whole) == (0, [5], True)
    assert [piece.block["text"] for piece in found.summary] == ["<summary>All of it.</summary>"]


async def test_of_a_long_history_the_newest_exchanges_are_read() -> None:
    found = await compaction(compacted(9), 10, turns=4)
    assert (found.first, len(found.turns), len(found.replaced)) == (5, 4, 9)
    assert found.turns[0].entries[0].text == "Question 6"
    assert (await compaction(compacted(2, resumed=False), 3)).resumed == ()


async def test_a_second_attempt_at_a_summary_is_that_of_the_first() -> None:
    store = compacted(2, resumed=False)
    again = tree_node(9, parent=3, edge="retries", request_class="compaction")
    resumes = tree_node(10, parent=3, edge="resumes")
    nodes = [*store.trees[0].nodes, again, resumes]
    put(store, again, ["Question 1"], "<summary>Better.</summary>")
    store.put_tree(conversation_tree(nodes))
    found = await compaction(store, 9)
    assert (numbers(found.replaced), numbers(found.resumed)) == ([1, 2], [10])
    assert found.summary[0].block["text"] == "<summary>Better.</summary>"
    assert found.call.request_id == request_id(9)


async def test_a_summary_whose_history_or_record_is_gone_is_still_told() -> None:
    store = compacted(2)
    lost = store.trees[0].nodes[2].model_copy(update={"parent_request_id": None})
    store.put_tree(conversation_tree([lost]))
    del store.all_details[request_id(3)]
    found = await compaction(store, 3)
    assert (found.replaced, found.turns, found.summary, found.is_whole) == ((), (), (), False)
    aside = replace(wanted(3), a=request_id(3))
    nodes = [tree_node(3, edge="none", request_class="compaction")]
    store.put_tree(conversation_tree(nodes))
    assert await comparison(store, aside) == NotCompared("b", "missing")
