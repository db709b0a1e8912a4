"""Does the read API tell the same differences as the page, cut where they are long, and what was left out?"""

from typing import Any

import pytest

from dashboard import compare_answer
from dashboard.compare_answer import answered, reason_of
from dashboard.comparing import NotCompared
from schemas.compare_api import CompareAnswer
from tests.compared_samples import branched, compacted, parted, put, wanted
from tests.fake_data import FakeDataStore
from tests.read_rows import request_id, tree_node
from tests.recorded_details import request_details


async def answer(store: FakeDataStore, a: int, b: int | None = None, **members: Any) -> CompareAnswer:
    found = await answered(store, wanted(a, b, **members))
    assert isinstance(found, CompareAnswer)
    return found


def two(left: list[Any], right: list[Any], **right_members: Any) -> FakeDataStore:
    store = FakeDataStore()
    put(store, tree_node(1), left, "Fine.")
    put(store, tree_node(2, parent=1), right, "Fine.", **right_members)
    return store


async def test_two_requests() -> None:
    found = await answer(two(["a", "b", "c"], ["a", "b", "x", "y"]), 1, 2, of="requests")
    assert [(one.kind, one.count, one.a and one.a.number, one.b and one.b.number) for one in found.differences] == [
        ("same", 2, 1, 1), ("changed", 1, 3, 3), ("right", 1, None, 4),
    ]  # fmt: skip
    (part,) = found.differences[1].parts
    assert part.a is not None
    assert part.b is not None
    assert (part.kind, part.a.text, part.b.text, part.a.kind) == ("changed", "c", "x", "text")
    assert [part.b and part.b.text for part in found.differences[2].parts] == ["y"]
    assert [(one.kind, one.count) for one in found.answers] == [("same", 1)]
    assert (found.of, found.same, found.a.request_id, found.b.outcome) == (
        "requests", False, request_id(1), "completed",
    )  # fmt: skip
    facts = {fact.name: fact for fact in found.facts}
    assert (facts["Cost"].a, facts["Received"].a, facts["Output"].a) == ("1", "2026-11-22T09:30:12Z", "480")


async def test_a_request_against_itself_is_the_same() -> None:
    found = await answer(two(["a"], ["a"]), 1, 1)
    assert (found.same, found.changes, found.not_compared) == (True, [], [])
    assert {fact.same for fact in found.facts} == {True}


async def test_what_else_of_the_prompt_changed_is_told_with_its_lines() -> None:
    store = two(["a"], ["a"])
    body = {"model": "new", "system": "Be long.", "messages": [{"role": "user", "content": "a"}], "max_tokens": 7}
    store.all_details[request_id(2)] = request_details(2, body=body)
    found = await answer(store, 1, 2, of="requests")
    told = {(one.part, one.kind): (one.name, one.a, one.b, one.lines) for one in found.changes}
    assert told["model", "changed"] == ("model", "claude-opus-4-5", "new", [])
    assert told["setting", "added"] == ("max_tokens", None, "7", [])
    assert told["system", "changed"] == ("1", None, None, ["-Be brief.", "+Be long."])
    assert not found.same


async def test_two_branches() -> None:
    found = await answer(branched(), 4, 5, of="branches")
    assert (found.of, found.shared, found.a.name, found.b.name) == ("branches", 2, "main", "branch 2")
    assert (found.a.request_id, found.b.request_id, found.a.title) == (request_id(3), request_id(5), "Mend it")
    assert [(one.kind, one.a and one.a.role) for one in found.differences] == [("changed", "turn"), ("left", "turn")]
    (call, text) = found.differences[0].parts
    assert call.a is not None
    assert (call.kind, call.a.name, call.a.text) == ("left", "Bash", "command: pytest -q\n\n3 passed")
    assert text.b is not None
    assert text.b.text == "It works without a test."
    assert found.work_a is not None
    assert found.work_b is not None
    assert (found.work_a.tools, found.work_a.agents, found.work_b.requests) == ({"Bash": 1}, 1, 1)
    assert (found.work_a.unrecorded, found.work_a.unrecorded_with_agents) == (0, 0)
    assert (str(found.work_a.cost_usd), str(found.work_a.cost_usd_with_agents)) == ("7", "13")
    itself = await answer(branched(), 1, 3, of="branches")
    assert (itself.same, itself.shared, itself.a.request_id) == (True, 4, request_id(4))


async def test_what_was_not_read_is_said() -> None:
    found = await answer(parted(["Hi"] * 5, ["Hi"] * 5), 1, 101, turns=2)
    assert found.not_compared == ["The first 2 turns of either side were read; the longer one has 3 more."]
    assert not found.same, "what was read is the same, and the rest is not known"
    assert [(one.kind, one.count) for one in found.differences] == [("same", 2)]


async def test_a_compaction() -> None:
    found = await answer(compacted(9), 10, turns=4)
    told = found.compaction
    assert told is not None
    assert (told.requests, told.summary, told.is_whole, told.resumed_by) == (
        9, "<summary>All of it.</summary>", True, [request_id(11)],
    )  # fmt: skip
    assert (told.tokens_before, told.tokens_after) == (48_000 + 1_200 + 12, 7 + 1_200 + 12)
    assert [one.a and one.a.number for one in found.differences] == [6, 7, 8, 9]
    assert {one.kind for one in found.differences} == {"left"}
    assert found.differences[0].parts[0].a is not None
    assert found.differences[0].parts[0].a.text == "Question 6"
    assert found.not_compared == ["Only the newest of what was replaced is shown; 5 exchanges stand before."]
    assert (await answer(compacted(2, resumed=False), 3)).compaction


async def test_long_texts_and_long_lists_are_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_answer, "MOST_CHARS", 3)
    found = await answer(two(["abcdef"], ["abcdeg"]), 1, 2, of="requests")
    side = found.differences[0].parts[0].a
    assert side is not None
    assert (side.text, side.cut) == ("abc", 3)
    monkeypatch.setattr(compare_answer, "MOST_ITEMS", 2)
    found = await answer(two(list("abcde"), list("vwxyz")), 1, 2, of="requests")
    assert len(found.differences) == 2
    assert found.not_compared == ["Only the first 2 differences and runs are listed."]
    monkeypatch.setattr(compare_answer, "MOST_PARTS", 1)
    blocks = [[{"type": "text", "text": text} for text in "abc"]]
    found = await answer(two(blocks, []), 1, 2, of="requests")
    assert (len(found.differences[0].parts), found.differences[0].left_out) == (1, 2)
    assert (await answer(compacted(1), 2)).differences[0].left_out == 2


async def test_a_body_that_is_gone_is_said_to_be() -> None:
    store = two(["a"], ["a"])
    store.all_details[request_id(2)] = request_details(2, body=b"no json", ended_by="open", answer=b"")
    found = await answer(store, 1, 2, of="requests")
    assert (found.differences, found.same) == ([], False)
    assert found.not_compared == [
        "The body of the request on the right is no JSON object; its bytes are kept.",
        "The answer on the right is still coming.",
    ]


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (NotCompared("a", "unknown"), f"There is no request {request_id(1)}."),
        (NotCompared("b", "unknown"), f"There is no request {request_id(2)}."),
        (NotCompared("b", "alone"), f"Request {request_id(2)} is in no conversation"),
        (NotCompared("b", "missing"), "b is missing"),
    ],
)
async def test_why_nothing_can_be_compared(refused: NotCompared, words: str) -> None:
    assert reason_of(refused, wanted(1, 2)).startswith(words)
    assert await answered(FakeDataStore(), wanted(1, 2)) == NotCompared("a", "unknown")
