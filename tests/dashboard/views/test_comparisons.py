"""Does a comparison say what is on either side, what differs in a sentence, and what could not be compared?"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard import comparing
from dashboard.compared_facts import Fact
from dashboard.comparing import Comparison, NotCompared, comparison, requests_compared
from dashboard.details import OpenedBody
from dashboard.views import comparisons
from dashboard.views.comparisons import ShownComparison, ShownFact, is_same, notes_of, shown_comparison
from tests.compared_samples import branched, call_answer, compacted, parted, wanted
from tests.fake_data import FakeDataStore
from tests.read_rows import START, request_id, request_item, tree_node
from tests.recorded_details import REQUEST, request_details, text_answer

BEGAN, SECOND = "2026-11-22 09:30:00 UTC", timedelta(seconds=1)


async def found(store: FakeDataStore, a: int, b: int | None = None, **members: Any) -> Comparison:
    there = await comparison(store, wanted(a, b, **members))
    assert not isinstance(there, NotCompared)
    return there


async def shown(store: FakeDataStore, a: int, b: int | None = None, **members: Any) -> ShownComparison:
    return shown_comparison(await found(store, a, b, **members), 40, ())


def said(*texts: str, number: int = 1, answer: str = "Fine.", **members: Any) -> Any:
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return request_details(number, body={**REQUEST, "messages": messages, **members}, answer=text_answer(answer))


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (said("a"), said("a", number=2), "No message differs, 1 the same, the same answer."),
        (said("a"), said("b", number=2), "1 message differs, the same answer."),
        (said("a", "b", "c"), said("a", number=2, answer="No."), "2 messages differ, 1 the same, another answer."),
        (
            said("a"),
            said("a", number=2, model="x", system="Be long."),
            "No message differs, 1 the same, 2 differences beside them, the same answer.",
        ),
        (said("a"), said("a"), "Both sides are the same request."),
        (said("a"), request_details(2, body=b"no json"), "Their messages cannot be compared."),
    ],
)
def test_two_requests_in_a_sentence(left: Any, right: Any, verdict: str) -> None:
    assert shown_comparison(requests_compared(left, right), 40, ()).verdict == verdict


async def test_two_branches_in_a_sentence() -> None:
    assert (await shown(branched(), 4, 5, of="branches")).verdict == "They share 2 exchanges; behind, 2 turns differ."
    assert (await shown(branched(), 1, 3, of="branches")).verdict == "Both sides are the same branch."
    apart = await shown(parted(["Hello", "a"], ["Hello", "b"]), 1, 101)
    assert apart.verdict == "They share no exchange; 1 turn differs, 1 read the same."
    alike = await shown(parted(["Hello"], ["Hello"]), 1, 101)
    assert alike.verdict == "They share no exchange; no turn differs, 1 read the same."


async def test_only_what_was_compared_whole_is_the_same() -> None:
    same = requests_compared(said("a"), said("a", number=2))
    assert is_same(same)
    assert not is_same(requests_compared(said("a"), said("a", number=2, model="x")))
    assert not is_same(requests_compared(said("a"), said("b", number=2)))
    assert not is_same(requests_compared(said("a"), said("a", number=2, answer="No.")))
    long = await found(parted(["Hi"] * 3, ["Hi"] * 3), 1, 101, turns=2)
    assert isinstance(long, comparing.BranchesCompared)
    assert not is_same(long)
    whole = await found(parted(["Hi"], ["Hi"]), 1, 101)
    assert isinstance(whole, comparing.BranchesCompared)
    assert is_same(whole)


def test_cards_lead_to_the_requests() -> None:
    open_one = request_details(2, answer=b"", ended_by="open", item=request_item(2, edge="none"))
    it = shown_comparison(requests_compared(said("a"), open_one), 40, ())
    assert it.left is not None
    assert it.right is not None
    assert (it.left.name, it.left.link, it.left.detail) == (
        "Request 00000001", f"/requests/{request_id(1)}", "main · root",
    )  # fmt: skip
    assert (it.right.note, it.right.detail) == ("its answer is still coming", "main")


async def test_cards_lead_to_where_the_branches_part() -> None:
    it = await shown(branched(), 2, 5, of="branches")
    assert it.left is not None
    assert it.right is not None
    assert (it.left.name, it.left.link) == ("main", f"/conversations/{request_id(1)}?request={request_id(3)}")
    assert (it.right.name, it.right.detail, it.right.note) == ("branch 2", "Mend it", "")
    ends = await shown(branched(), 1, 1, of="branches")
    assert ends.left is not None
    assert (ends.left.link, ends.left.note) == (
        f"/conversations/{request_id(1)}?request={request_id(4)}", "it ends where they part",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "words"),
    [("erased", "was erased"), ("not_kept", "could not be recorded"), ("none", "is empty")],
)
def test_what_is_gone_is_said(kept: Any, words: str) -> None:
    whole = said("a", number=2)
    nothing = OpenedBody(kept, "complete", b"")
    lost = replace(
        whole,
        sent=replace(whole.sent, body=nothing, parsable=False),
        answer=replace(whole.answer, body=nothing),
    )
    notes = list(notes_of(requests_compared(said("a"), lost)))
    assert notes[0] == f"The body of the request on the right {words}."
    assert notes[1:] == ([f"The answer on the right {words}."] if kept != "none" else [])
    assert next(notes_of(requests_compared(lost, said("a")))).startswith("The body of the request on the left")


def test_an_answer_that_was_cut_is_said_to_be() -> None:
    cut = request_details(2, answer=text_answer()[:3], ended_by="client")
    assert list(notes_of(requests_compared(request_details(1), cut))) == ["The answer on the right was cut off."]


@pytest.mark.parametrize(
    ("form", "left", "right", "expected"),
    [
        ("count", 1000, 1500, ("1,000", "1,500", "+50 %")),
        ("count", 3, 0, ("3", "0", "-100 %")),
        ("count", 0, 3, ("0", "3", "")),
        ("count", 1000, 1001, ("1,000", "1,001", "+<1 %")),
        ("count", 1001, 1000, ("1,001", "1,000", "-<1 %")),
        ("count", 5, None, ("5", "–", "")),
        ("bytes", 2048, 1024, ("2.0 KiB", "1.0 KiB", "-50 %")),
        ("money", Decimal("0.5"), Decimal(2), ("$0.5000", "$2.00", "+300 %")),
        ("ms", 500.0, 2400.0, ("500 ms", "2.4 s", "+380 %")),
        ("text", "a\nb", "", ("a b", "–", "")),
        ("text", "a", "a", ("a", "a", "")),
        ("time", START, START + 90 * SECOND, (BEGAN, "2026-11-22 09:31:30 UTC", "1 m 30 s later")),
        ("time", START, START - 5 * SECOND, (BEGAN, "2026-11-22 09:29:55 UTC", "5.0 s earlier")),
    ],
)  # fmt: skip
def test_a_fact_reads_with_its_difference(form: Any, left: Any, right: Any, expected: tuple[str, str, str]) -> None:
    one, other, delta = expected
    assert comparisons._fact(Fact("x", form, left, right)) == ShownFact("x", one, other, left == right, delta)


async def test_a_compaction_is_told_with_its_numbers() -> None:
    it = await shown(compacted(9), 10, turns=4)
    told = it.compaction
    assert told is not None
    assert it.verdict == "A summary stands for 9 exchanges with 18 messages."
    assert (told.replaced, told.earlier, len(told.turns), it.offers_turns) == ("9 exchanges", 5, 4, True)
    assert (told.before, told.after, told.characters) == (49_212, 1_219, len("<summary>All of it.</summary>"))
    assert [node.request_id for node in told.resumed] == [request_id(11)]
    assert it.notes == ("Only the newest of what was replaced is shown; 5 exchanges stand before.",)
    store = compacted(2, resumed=False)
    store.all_details[request_id(3)] = request_details(3, answer=text_answer()[:3], ended_by="client")
    cut = await shown(store, 3)
    assert cut.notes == ("The summary did not come to its end.",)
    assert cut.compaction is not None
    assert (cut.compaction.after, cut.offers_turns) == (None, False)
    assert comparisons.prompt_tokens(tree_node(1, input_tokens=None)) is None


async def test_each_turn_that_was_replaced_says_what_it_is_about() -> None:
    store = compacted(3)
    store.all_details[request_id(2)] = request_details(
        2,
        body={"messages": [{"role": "user", "content": "Question 1"}, {"role": "assistant", "content": "Answer 1"}]},
        answer=call_answer("Bash", command="ls"),
    )
    store.all_details[request_id(3)] = request_details(3, body=b"no json", answer=text_answer("Words alone."))
    told = (await shown(store, 4)).compaction
    assert told is not None
    assert [about for about, _ in told.turns] == ["Question 1", "Bash", "Words alone."]
    del store.all_details[request_id(3)]
    gone = (await shown(store, 4)).compaction
    assert gone is not None
    assert gone.turns[-1][0] == "2 entries"


async def test_more_turns_are_offered_as_long_as_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    store = parted(["Hi"] * 9, ["Hi"] * 9)
    assert (await shown(store, 1, 101, turns=4)).offers_turns
    assert not (await shown(store, 1, 101, turns=9)).offers_turns
    monkeypatch.setattr(comparisons, "PAGE_TURNS", 4)
    assert not (await shown(store, 1, 101, turns=4)).offers_turns
    assert not (await shown(compacted(9), 10, turns=4)).offers_turns
