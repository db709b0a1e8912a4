"""Does every entry of a transcript look like what it is?"""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from dashboard.views.reading import MAX_DIFF, MAX_ENTRIES, ShownEntry, prompts_of, shown_turns
from domain.content_blocks import Block
from domain.transcript import RecordedTurn, Said, Turn, TurnFacts, transcript
from domain.transcript_entries import Mark, mark
from schemas.anthropic.stream import JsonObject
from tests.read_rows import tree_node

ID = UUID(int=5)
FACTS = TurnFacts(request_id=ID, received_at=datetime(2026, 11, 22, tzinfo=UTC))


def shown(*blocks: JsonObject, sent: tuple[JsonObject, ...] = (), raw: str | None = None) -> list[ShownEntry]:
    answer = tuple(Block(dict(block), 0, 1, raw_input=raw) for block in blocks)
    turns = transcript([RecordedTurn(facts=FACTS, messages=(Said("user", sent),), answer=answer)], {"t9": ID})
    return [entry for turn in shown_turns(turns, "") for entry in turn.entries]


def call(name: str, given: JsonObject, call_id: str = "t1") -> JsonObject:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def test_an_edit_is_shown_as_a_difference() -> None:
    (entry,) = shown(call("Edit", {"file_path": "a.py", "old_string": "x", "new_string": "y"}))
    assert [(line.sign, line.text) for line in entry.edits[0].lines] == [("-", "x"), ("+", "y")]
    assert entry.block is not None
    assert entry.block.arguments == ()
    assert entry.unanswered


def test_a_long_edit_is_cut_and_says_so() -> None:
    (entry,) = shown(call("Write", {"file_path": "a.py", "content": "x\n" * (MAX_DIFF + 7)}))
    assert (len(entry.edits[0].lines), entry.edits[0].hidden) == (MAX_DIFF, 7)


def test_a_list_of_things_to_do_is_a_list() -> None:
    (entry,) = shown(call("TodoWrite", {"todos": [{"content": "Look", "status": "pending"}]}))
    assert [todo.text for todo in entry.todos] == ["Look"]


def test_any_other_call_has_its_arguments_and_its_subtask() -> None:
    (entry,) = shown(call("Task", {"prompt": "Count"}, "t9"))
    assert entry.block is not None
    assert [argument.short for argument in entry.block.arguments] == ["Count"]
    assert entry.subtask == ID


def test_input_that_is_no_whole_json_is_shown_as_it_came() -> None:
    (entry,) = shown(call("Edit", {}), raw='{"file')
    assert entry.block is not None
    assert entry.block.arguments[0].body is not None
    assert entry.block.arguments[0].body.segments[0].text == '{"file'


def test_a_result_stands_with_its_call() -> None:
    turns = transcript(
        [
            RecordedTurn(facts=FACTS, answer=(Block(call("Bash", {}), 0, 1),)),
            RecordedTurn(
                facts=FACTS,
                messages=(
                    Said("assistant", (call("Bash", {}),)),
                    Said("user", ({"type": "tool_result", "tool_use_id": "t1", "content": "done", "is_error": True},)),
                ),
            ),
        ],
        {},
    )
    (turn,) = shown_turns(turns, "")
    block = turn.entries[0].block
    assert block is not None
    assert block.result is not None
    assert block.result.failed
    assert not turn.entries[0].unanswered


def test_what_the_client_put_in_is_read_without_its_tags() -> None:
    note: JsonObject = {"type": "text", "text": "<system-reminder>\nMind\n</system-reminder>"}
    prompt: JsonObject = {"type": "text", "text": "Hello"}
    entries = shown(sent=(note, prompt))
    assert [(entry.kind, entry.text.preview if entry.text else "") for entry in entries] == [
        ("note", "Mind"),
        ("prompt", "Hello"),
    ]
    assert entries[0].reminders == ()


def test_an_unknown_block_is_shown_as_json() -> None:
    (entry,) = shown({"type": "hologram", "depth": 3})
    assert entry.block is not None
    assert entry.block.body is not None
    assert '"depth": 3' in entry.block.body.segments[0].text


@pytest.mark.parametrize(
    ("what", "detail", "words"),
    [
        ("failed", "overloaded_error: x", ("Failed", "overloaded_error: x")),
        ("lost answer", "erased", ("An answer is missing", "it was erased")),
        ("retry", "", ("Tried again", "")),
    ],
)
def test_a_mark_is_told_in_words(what: Mark, detail: str, words: tuple[str, str]) -> None:
    (turn,) = shown_turns([Turn(1, FACTS, (mark("x", what, detail),))], "")
    assert (turn.entries[0].mark, turn.entries[0].detail) == words


def test_the_one_in_the_address_is_chosen() -> None:
    entries = tuple(mark(f"{ID}.q{number}", "retry") for number in range(3))
    for chosen, flags in ((f"{ID}.q1", [False, True, False]), (str(ID), [True, False, False]), ("", [False] * 3)):
        (turn,) = shown_turns([Turn(1, FACTS, entries)], chosen)
        assert [entry.chosen for entry in turn.entries] == flags


def test_of_very_many_entries_the_newest_are_shown_or_those_from_the_chosen_one_on() -> None:
    entries = tuple(mark(f"{ID}.q{number}", "retry") for number in range(MAX_ENTRIES + 50))
    (turn,) = shown_turns([Turn(1, FACTS, entries)], "")
    assert (turn.entries[0].id, turn.hidden) == (f"{ID}.q50", 50)
    (turn,) = shown_turns([Turn(1, FACTS, entries)], f"{ID}.q7")
    assert (turn.entries[0].id, turn.entries[0].chosen, turn.hidden) == (f"{ID}.q7", True, 50)


def test_a_turn_that_adds_nothing_is_left_out() -> None:
    assert shown_turns([Turn(1, FACTS, ())], "") == ()


def test_prompts_stand_once() -> None:
    nodes = [
        tree_node(1, prompt="One"),
        tree_node(2, parent=1, edge="retries", prompt="One"),
        tree_node(3, parent=2, prompt=None),
        tree_node(4, parent=3, prompt="Two"),
        tree_node(5, parent=4, edge="compacts", prompt="Summarise"),
    ]
    assert [(prompt.number, prompt.text) for prompt in prompts_of(nodes)] == [(1, "One"), (4, "Two")]
