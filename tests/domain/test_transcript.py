"""Does a transcript tell everything once, in order, with results at their calls, and say what is missing?"""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from domain.content_blocks import Block
from domain.phrases import CONTINUATION
from domain.transcript import Loss, RecordedTurn, Said, Turn, TurnFacts, transcript
from domain.transcript_entries import Entry
from schemas.anthropic.stream import JsonObject
from tests.forest import talk
from tests.forest.client import World, begun
from tests.forest.dialects import CLAUDE_CODE, Dialect
from tests.forest.playing import somebody
from tests.forest.shapes import text, thinking, tool_result, tool_use
from tests.forest.telling import Item, recorded_turn, remembered, told
from tests.forest.truth import BEGIN

MOVES = (
    talk.prompt,
    talk.tools,
    talk.limit_hit,
    talk.paused,
    talk.interrupted,
    talk.interrupted_at_once,
    talk.interrupted_before_headers,
    talk.empty_answer,
)
SUBTASK = UUID(int=77)


def user(*blocks: JsonObject) -> Said:
    return Said("user", blocks)


def model(*blocks: JsonObject) -> Said:
    return Said("assistant", blocks)


def turn(
    number: int,
    *messages: Said,
    answer: Sequence[JsonObject] = (),
    edge: str = "continues",
    outcome: str = "completed",
    system: tuple[str, ...] = (),
    error: str = "",
    lost_request: Loss = "",
    lost_answer: Loss = "",
) -> RecordedTurn:
    return RecordedTurn(
        facts=TurnFacts(
            request_id=UUID(int=number), received_at=BEGIN + timedelta(seconds=number), edge=edge, outcome=outcome
        ),
        system=system,
        messages=messages,
        answer=tuple(Block(dict(block), 0, 1) for block in answer),
        whole=outcome == "completed",
        error=error,
        lost_request=lost_request,
        lost_answer=lost_answer,
    )


def said(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    """Kind and text of every entry; of a call its id, of a mark what it says."""
    return [(entry.kind, entry.text or entry.call_id or entry.mark) for entry in entries(turns)]


def entries(turns: Sequence[Turn]) -> list[Entry]:
    return [entry for turn in turns for entry in turn.entries]


def results(items: Sequence[Item]) -> list[str]:
    """Of the client's tools: a search upstream may come again with the answer that is tried again."""
    return sorted(name for who, name in items if who == "result" and not name.startswith("srv"))


@pytest.mark.parametrize("dialect", CLAUDE_CODE, ids=str)
@pytest.mark.parametrize("seed", range(12))
def test_a_transcript_tells_what_the_client_remembers(dialect: Dialect, seed: int) -> None:
    """Every prompt and every result exactly once and in order; every answer, of a cut one at least what was kept."""
    world = World(Random(f"transcript {dialect} {seed}"))
    world.trouble = 0.2
    thread = begun(world, somebody(world.words), dialect, 0.0)
    talk.prompt(thread)
    for _ in range(8):
        world.words.random.choice(MOVES)(thread)
    recorded = [recorded_turn(one, number) for number, one in enumerate(world.exchanges, start=1)]
    turns = transcript(recorded, {})
    truth = remembered(thread.history)
    found = told(turns)
    assert [one for one in found if one[0] == "user"] == [one for one in truth if one[0] == "user"]
    assert results(found) == results(truth)
    left = iter(text for who, text in found if who == "assistant")
    for who, words in truth:
        if who == "assistant":
            assert any(one.startswith(words) for one in left), words
    whole = frozenset(one.facts.request_id for one in recorded if one.whole)
    kept = [one for one in truth if one[0] == "assistant"]
    spoken = [one for one in told(turns, whole=whole) if one[0] == "assistant"]
    assert [one for one in spoken if one not in kept] == []
    assert len(spoken) <= len(kept)


@pytest.mark.parametrize("seed", range(6))
def test_a_stretch_reads_like_the_same_part_of_the_whole(seed: int) -> None:
    world = World(Random(f"stretch {seed}"))
    thread = begun(world, somebody(world.words), CLAUDE_CODE[-1], 0.0)
    for _ in range(6):
        talk.tools(thread)
    recorded = [recorded_turn(one, number) for number, one in enumerate(world.exchanges, start=1)]
    whole = transcript(recorded, {})
    stretch = transcript(recorded[4:10], {}, before=recorded[3], first=5)
    assert stretch[1:-1] == whole[5:9]
    assert [one.number for one in stretch] == [5, 6, 7, 8, 9, 10]


def test_a_call_stands_with_its_result_and_its_subtask() -> None:
    calls = [tool_use("t1", "Bash", {}), tool_use("t2", "Task", {"prompt": "Look"}), tool_use("t3", "Read", {})]
    begin = user(text("Go"))
    first = turn(1, begin, answer=calls, edge="root")
    second = turn(2, begin, model(*calls), user(tool_result("t2", "two"), tool_result("t1", "one", failed=True)))
    turns = transcript([first, second], {"t2": SUBTASK})
    shown = entries(turns)
    assert [one.call_id for one in shown] == ["", "t1", "t2", "t3"]
    assert shown[1].result == tool_result("t1", "one", failed=True)
    assert [one.subtask for one in shown] == [None, None, SUBTASK, None]
    assert shown[3].result is None
    assert turns[1].entries == ()


def test_a_result_comes_later_or_twice_or_for_no_call() -> None:
    call = tool_use("t1", "Bash", {})
    begin, later = user(text("Go")), user(text("And?"))
    first = turn(1, begin, answer=[call], edge="root")
    second = turn(2, begin, model(call), later, answer=[text("Wait")])
    third = turn(
        3, begin, model(call), later, model(text("Wait")), user(tool_result("t1", "late"), tool_result("t9", "lost"))
    )
    turns = transcript([first, second, third], {})
    assert entries(turns)[1].result == tool_result("t1", "late")
    assert said(turns)[-1] == ("result", "t9")


def test_a_retry_repeats_nothing() -> None:
    begin = user(text("Hello"))
    failed = turn(1, begin, edge="root", outcome="completed", error="overloaded_error: Overloaded")
    again = turn(2, begin, answer=[text("Hi")], edge="retries")
    turns = transcript([failed, again], {})
    assert said(turns) == [("prompt", "Hello"), ("mark", "failed"), ("mark", "retry"), ("text", "Hi")]
    assert turns[0].entries[1].detail == "overloaded_error: Overloaded"


def test_what_the_client_kept_of_a_cut_answer_is_not_told_again() -> None:
    begin = user(text("Tell"))
    cut = turn(1, begin, answer=[thinking("Hm", "s"), text("Once upon a time")], edge="root", outcome="client")
    kept = model(thinking("Hm", "s"), text("Once upon"))
    interrupted = text("[Request interrupted by user]")
    after = turn(2, begin, kept, user(interrupted), user(text("Stop")), answer=[text("Yes")], edge="interrupted")
    assert said(transcript([cut, after], {})) == [
        ("prompt", "Tell"),
        ("thinking", "Hm"),
        ("text", "Once upon a time"),
        ("mark", "cut"),
        ("mark", "[Request interrupted by user]"),
        ("prompt", "Stop"),
        ("text", "Yes"),
    ]


def test_an_answer_that_was_not_recorded_is_marked_and_told_from_the_history() -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("1")], edge="root")
    third = turn(3, begin, model(text("1")), user(text("Two")), model(text("2")), user(text("Three")))
    turns = transcript([first, third], {})
    assert said(turns)[2:] == [("prompt", "Two"), ("mark", "lost answer"), ("text", "2"), ("prompt", "Three")]
    assert turns[1].entries[1].detail == "unseen"


@pytest.mark.parametrize("loss", ["not_kept", "erased", "unreadable"])
def test_what_is_lost_is_a_mark(loss: Loss) -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("1")], edge="root")
    lost = turn(2, answer=[text("2")], lost_request=loss)
    silent = turn(3, begin, model(text("1")), user(text("Two")), model(text("2")), user(text("3")), lost_answer=loss)
    turns = transcript([first, lost, silent], {})
    assert said(turns[1:2]) == [("mark", "lost request"), ("text", "2")]
    assert said(turns)[-1] == ("mark", "lost answer")
    assert {one.detail for one in (turns[1].entries[0], turns[2].entries[-1])} == {loss}


def test_an_open_answer_is_a_mark() -> None:
    assert said(transcript([turn(1, user(text("One")), edge="root", outcome="open")], {})) == [
        ("prompt", "One"),
        ("mark", "open"),
    ]


def test_a_system_prompt_stands_once_until_it_changes() -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("1")], edge="root", system=("Be brief.", "Be kind."))
    same = turn(2, begin, model(text("1")), user(text("2")), answer=[text("2")], system=("Be brief.", "Be kind."))
    side = turn(3, begin, user(text("Aside?")), edge="aside", system=("Other",))
    other = turn(4, begin, model(text("1")), user(text("2")), model(text("2")), user(text("3")), system=("Be long.",))
    shown = entries(transcript([first, same, side, other], {}))
    assert [one.text for one in shown if one.kind == "system"] == ["Be brief.\n\nBe kind.", "Be long."]


def test_a_side_question_does_not_disturb_the_talk() -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("1")], edge="root")
    side = turn(2, begin, model(text("1")), user(text("By the way?")), answer=[text("Oh")], edge="aside")
    on = turn(3, begin, model(text("1")), user(text("Two")), answer=[text("2")])
    assert said(transcript([first, side, on], {}))[2:] == [
        ("prompt", "By the way?"),
        ("text", "Oh"),
        ("prompt", "Two"),
        ("text", "2"),
    ]


def test_a_compaction_is_told_with_its_summary_and_what_it_kept_is_not_told_again() -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("The first answer")], edge="root")
    call = tool_use("t1", "Bash", {})
    second = turn(2, begin, model(text("The first answer")), user(text("Two")), answer=[call])
    history = (begin, model(text("The first answer")), user(text("Two")), model(call))
    results = user(tool_result("t1", "done"), text("Your task is to create a detailed summary of it"))
    summary = turn(3, *history, results, answer=[text("<summary>All</summary>")], edge="compacts")
    on = turn(
        4,
        user(text(f"{CONTINUATION} that ran out. All")),
        user(text("Two")),
        model(call),
        user(tool_result("t1", "done")),
        answer=[text("Next")],
        edge="resumes",
    )
    turns = transcript([first, second, summary, on], {})
    assert said(turns)[2:] == [
        ("prompt", "Two"),
        ("call", "t1"),
        ("note", "Your task is to create a detailed summary of it"),
        ("text", "<summary>All</summary>"),
        ("summary", f"{CONTINUATION} that ran out. All"),
        ("text", "Next"),
    ]


def test_a_history_that_was_changed_further_up_is_not_told_again() -> None:
    call = tool_use("t1", "Bash", {})
    first = turn(1, user(text("Old words")), answer=[call], edge="root")
    on = turn(2, user(text("Other words")), model(call), user(tool_result("t1", "done")), answer=[text("Fine")])
    turns = transcript([first, on], {})
    assert said(turns) == [("prompt", "Old words"), ("call", "t1"), ("text", "Fine")]
    assert entries(turns)[1].result == tool_result("t1", "done")


def test_reminders_behind_what_is_known_are_not_told_again() -> None:
    nag = text("<system-reminder>Mind</system-reminder>")
    begin = user(text("One"), nag)
    first = turn(1, begin, edge="root", error="overloaded")
    again = turn(2, begin, answer=[text("1")], edge="retries")
    after = turn(3, begin, model(text("1")), Said("system", (text("Linux"),)), user(nag, text("Two")))
    assert [kind for kind, _ in said(transcript([first, again, after], {}))] == [
        "prompt", "note", "mark", "mark", "text", "note", "note", "prompt",
    ]  # fmt: skip


def test_ids_stay_whoever_reads_and_are_unique() -> None:
    begin = user(text("One"))
    first = turn(1, begin, answer=[text("1")], edge="root", system=("Be brief.",))
    second = turn(2, begin, model(text("1")), user(text("Two"), text("Three")), answer=[text("2"), text("3")])
    whole, later = transcript([first, second], {}), transcript([second], {}, before=first, first=2)
    assert [one.id for one in entries(whole[1:])] == [one.id for one in entries(later)]
    names = [one.id for one in entries(whole)]
    assert len(set(names)) == len(names)
