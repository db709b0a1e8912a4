"""The phrases match what clients were seen to write, and no neighbour of it."""

import re

import pytest

from domain import phrases


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (phrases.AGENT_MENTION, "done\nagentId: a05a89f70305617df (use SendMessage", ["a05a89f70305617df"]),
        (phrases.AGENT_MENTION, "agentId: a05a89f70305617dfff", []),
        (phrases.AGENT_MENTION, "myagentId: a05a89f70305617df", []),
        (phrases.NOTIFICATION_TASK, "<task-id>ae248bda98502c919</task-id>", ["ae248bda98502c919"]),
        (phrases.NOTIFICATION_TOOL_USE, "<tool-use-id>toolu_01Ab</tool-use-id>", ["toolu_01Ab"]),
        (phrases.SUMMARY, "<analysis>a</analysis>\n<summary>\nkept\n</summary>", ["\nkept\n"]),
        (phrases.REMINDER, "a<system-reminder>x\ny</system-reminder>b<system-reminder>z</system-reminder>",
         ["<system-reminder>x\ny</system-reminder>", "<system-reminder>z</system-reminder>"]),
    ],
)  # fmt: skip
def test_a_pattern_finds_just_this(pattern: re.Pattern[str], text: str, found: list[str]) -> None:
    assert pattern.findall(text) == found


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("<system-reminder>This is a side question from the user. You must answer", True),
        ("The user stepped away and is coming back. Recap in under 40 words", True),
        ("This is a side question from the users", False),
        ("The user stepped away", False),
    ],
)
def test_a_side_question_has_words_of_its_own(text: str, asks: bool) -> None:
    assert any(words in text for words in phrases.SIDE_QUESTIONS) == asks


@pytest.mark.parametrize(
    "tail", ["the conversation so far", "the RECENT portion of the conversation", "this conversation"]
)
def test_every_version_asks_for_a_summary_in_these_words(tail: str) -> None:
    assert phrases.SUMMARY_REQUEST.search(f"CRITICAL: … Your task is to create a detailed summary of {tail}")
    assert not phrases.SUMMARY_REQUEST.search("create a detailed summary")


def test_a_passing_note_is_a_whole_text() -> None:
    assert phrases.PASSING_NOTES.fullmatch("Tool loaded.")
    assert not phrases.PASSING_NOTES.fullmatch("Tool loaded. Now count.")
    assert phrases.PASSING_NOTES.fullmatch("Output token limit hit. Resume directly\nand go on")
    assert not phrases.PASSING_NOTES.fullmatch("Output token limit hit. Resume directlyish")
    assert not phrases.PASSING_NOTES.fullmatch(phrases.SYNTHETIC_ANSWER)
