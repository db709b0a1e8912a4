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


def test_both_names_of_the_task_tool_are_known() -> None:
    assert {"Task", "Agent"} == phrases.TASK_TOOLS
