"""The phrases: the markers that recognise things by are there, and whatever is put in stands in them."""

from datetime import date

from ops.demo import phrases
from ops.demo.people import BILLING, MAYA


def test_markers_stand_where_claude_code_has_them() -> None:
    assert phrases.BILLING.startswith("x-anthropic-billing-header: cc_version=")
    assert "cc_is_subagent=true" in phrases.BILLING_AGENT
    assert phrases.SUMMARY_REQUEST.startswith("CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.")
    assert "Your task is to create a detailed summary of the conversation so far" in phrases.SUMMARY_REQUEST
    assert phrases.CONTINUATION.startswith("This session is being continued from a previous conversation that ran out")
    assert phrases.INTERRUPTED == "[Request interrupted by user]"


def test_a_report_is_put_in_as_it_is_even_with_braces() -> None:
    words = {"report": "{x: 1} & {}", "agent": "a1", "tokens": 7, "tool_uses": 2, "duration_ms": 3}
    text = phrases.HAND_BACK.format(**words)
    assert text.startswith("[Subagent hand-back]")
    assert "\n  {x: 1} & {}\nagentId: a1 (use SendMessage" in text
    assert text.endswith("<usage>subagent_tokens: 7\ntool_uses: 2\nduration_ms: 3</usage>")


def test_a_notification_names_task_tool_use_and_result() -> None:
    text = phrases.NOTIFICATION.format(
        agent="a1", tool_use="toolu_1", description="Audit", report="all fine", tokens=7, tool_uses=2, duration_ms=3
    )
    assert text.startswith("<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]")
    for part in ("<task-id>a1</task-id>", "<tool-use-id>toolu_1</tool-use-id>", "<result>all fine</result>"):
        assert part in text
    assert "<subagent_tokens>7</subagent_tokens><tool_uses>2</tool_uses><duration_ms>3</duration_ms>" in text


def test_reminders_are_reminders() -> None:
    for text in (phrases.signing_reminder(), *phrases.project_reminders(BILLING)):
        assert text.startswith("<system-reminder>\n")
        assert text.endswith("</system-reminder>\n")
    notes, status = phrases.project_reminders(BILLING)
    assert BILLING.notes in notes
    assert BILLING.status in status


def test_the_surroundings_say_where_and_when() -> None:
    text = phrases.environment(MAYA, BILLING, date(2026, 11, 20))
    assert text.startswith("# Environment\n")
    for part in (BILLING.path, MAYA.device, "Today's date is 2026-11-20."):
        assert part in text
    assert BILLING.path in phrases.main_prompt(BILLING)


def test_a_transcript_lies_in_the_projects_folder() -> None:
    place = phrases.transcript(BILLING, "1234")
    assert place == "~/.claude/projects/-home-maya-harbor-billing/1234.jsonl"


def test_a_command_leaves_its_traces() -> None:
    caveat, command, output = phrases.compact_command("keep it")
    assert caveat.startswith("<local-command-caveat>")
    assert "<command-name>/compact</command-name>" in command
    assert "<command-args>keep it</command-args>" in command
    assert output.startswith("<local-command-stdout>")
