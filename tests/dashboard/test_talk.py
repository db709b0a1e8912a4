"""A message is what somebody typed or what was answered to it; the client's own calls add none."""

from typing import Any

import pytest

from dashboard.talk import messages_in, typed
from tests.read_rows import tree_node

HANDED_ON = "This session is being continued from a previous conversation that ran out of context."


@pytest.mark.parametrize(
    ("changes", "prompt"),
    [
        ({"prompt": "Mend it"}, "Mend it"),
        ({"prompt": None}, None),
        ({"prompt": HANDED_ON, "edge": "resumes"}, None),
        ({"prompt": "Sum it up", "request_class": "compaction"}, None),
        ({"prompt": "And that?", "request_class": "auxiliary"}, "And that?"),
    ],
)
def test_what_was_typed(changes: dict[str, Any], prompt: str | None) -> None:
    assert typed(tree_node(2, parent=1, **changes)) == prompt


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"prompt": "Mend it", "stop_reason": "end_turn"}, 2),
        ({"prompt": None, "stop_reason": "tool_use"}, 1),
        ({"prompt": "Mend it", "stop_reason": None}, 1),
        ({"prompt": None, "stop_reason": None}, 0),
        ({"prompt": "Mend it", "edge": "retries", "stop_reason": "end_turn"}, 1),
        ({"prompt": "Mend it", "edge": "retries", "stop_reason": None}, 0),
        ({"prompt": "Sum it up", "request_class": "compaction", "stop_reason": "end_turn"}, 0),
        ({"prompt": "And that?", "request_class": "auxiliary", "stop_reason": "end_turn"}, 0),
    ],
)
def test_messages_are_prompts_and_finished_answers(changes: dict[str, Any], messages: int) -> None:
    assert messages_in(tree_node(2, parent=1, **changes)) == messages
