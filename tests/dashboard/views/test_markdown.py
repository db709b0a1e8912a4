"""Does a transcript as Markdown tell everything, and bring no HTML with it?"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from dashboard.views.markdown import markdown, tame
from domain.content_blocks import Block
from domain.transcript import RecordedTurn, Said, Turn, TurnFacts, transcript
from domain.transcript_entries import mark
from schemas.anthropic.stream import JsonObject

FACTS = TurnFacts(
    request_id=UUID(int=1),
    received_at=datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    model="claude-opus-4-5",
    cost_usd=Decimal("0.0125"),
)


def told(*blocks: JsonObject, result: JsonObject | None = None, raw: str | None = None, cut: bool = False) -> list[str]:
    """Lines of what an answer says, without head and blank lines."""
    answer = tuple(Block(dict(block), 0, 1, cut=cut, raw_input=raw) for block in blocks)
    first = RecordedTurn(facts=FACTS, answer=answer)
    then = RecordedTurn(facts=FACTS, messages=(Said("assistant", blocks), Said("user", (result,) if result else ())))
    text = markdown("Title", "About", transcript([first, then] if result else [first], {}))
    return [line for line in text.splitlines()[5:] if line]


def call(name: str, given: JsonObject) -> JsonObject:
    return {"type": "tool_use", "id": "t1", "name": name, "input": given}


def test_a_turn_has_its_time_model_and_cost() -> None:
    turns = [Turn(3, FACTS, (mark("x", "retry"),)), Turn(4, FACTS, ())]
    assert markdown("A <b>title</b>", "About", turns).splitlines() == [
        "# A \\<b>title\\</b>",
        "",
        "About",
        "",
        "## 3 · 2026-11-22 09:30:00 UTC · claude-opus-4-5 · $0.0125",
        "",
        "*Tried again*",
    ]


def test_an_untitled_conversation_has_a_heading() -> None:
    assert markdown("", "About", []).startswith("# Conversation\n")


def test_a_call_stands_with_its_input_and_its_result() -> None:
    result: JsonObject = {"type": "tool_result", "tool_use_id": "t1", "content": "three", "is_error": True}
    assert told(call("Bash", {"command": "ls"}), result=result) == [
        "**Tool: Bash**", "```json", "{", '  "command": "ls"', "}", "```", "**Error**", "```", "three", "```",
    ]  # fmt: skip


def test_edits_are_differences_and_things_to_do_are_boxes() -> None:
    edit = told(call("Edit", {"file_path": "a.py", "old_string": "x", "new_string": "y"}))
    assert edit == ["**Tool: Edit**", "`a.py`", "```diff", "-x", "+y", "```", "*No result is recorded.*"]
    todos: JsonObject = {"todos": [{"content": "Do", "status": "completed"}, {"content": "Then", "status": "pending"}]}
    assert told(call("TodoWrite", todos))[1:3] == ["- [x] Do", "- [ ] Then"]


def test_input_that_is_no_whole_json_and_what_is_cut_is_said() -> None:
    lines = told(call("Bash", {}), raw='{"comm', cut=True)
    assert '{"comm' in lines
    assert lines[-1] == "*cut here*"


def test_results_without_a_call_images_thinking_and_unknown_blocks_are_told() -> None:
    assert told({"type": "web_search_tool_result", "content": []}) == [
        "**Result**", "```", "(nothing that is text)", "```",
    ]  # fmt: skip
    assert told({"type": "image", "source": {}}) == ["*An image, which is left out here.*"]
    assert told({"type": "thinking", "thinking": "a\nb"}) == ["> **Thinking**", "> a", "> b"]
    assert '  "type": "hologram"' in told({"type": "hologram"})
    assert told({"type": "tool_use", "name": 5})[0] == "**Tool: tool**"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    result: JsonObject = {"type": "tool_result", "tool_use_id": "t1", "content": "````\ncode\n````"}
    assert told(call("Bash", {}), result=result)[-5:] == ["`````", "````", "code", "````", "`````"]


def test_marks_say_why() -> None:
    turns = [Turn(1, FACTS, (mark("x", "lost answer", "erased"), mark("y", "failed", "HTTP <b>")))]
    text = markdown("T", "A", turns)
    assert "*An answer is missing: it was erased*" in text
    assert "*Failed: HTTP \\<b>*" in text


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("<script>x</script>", "\\<script>x\\</script>"),
        ("<!-- a --> <?php", "\\<!-- a --> \\<?php"),
        ("1 < 2", "1 < 2"),
        ("```html\n<b>\n```\n<i>", "```html\n<b>\n```\n\\<i>"),
        ("    ```\n<b>\n    ```", "    ```\n\\<b>\n    ```"),
        ("```\n<b> never closed", "```\n\\<b> never closed"),
        ("[x](javascript:alert(1))", "[x](blocked:alert(1))"),
        ("[x]( <JavaScript:alert(1)>)", "[x]( \\<blocked:alert(1)>)"),
        ("[x]: data:text/html,x", "[x]: blocked:text/html,x"),
        ("[x](https://example.org)", "[x](https://example.org)"),
    ],
)
def test_html_is_tamed_and_code_stays(text: str, tamed: str) -> None:
    assert tame(text) == tamed


def test_what_the_client_put_in_is_a_quotation_without_its_tags() -> None:
    note: JsonObject = {"type": "text", "text": "<system-reminder>\nMind\n</system-reminder>"}
    prompt: JsonObject = {"type": "text", "text": "Go <b>on</b>"}
    turns = transcript([RecordedTurn(facts=FACTS, messages=(Said("user", (note, prompt)),))], {})
    lines = [line for line in markdown("T", "A", turns).splitlines()[5:] if line]
    assert lines == ["> **Put in by the client**", "> Mind", "**User**", "Go \\<b>on\\</b>"]
