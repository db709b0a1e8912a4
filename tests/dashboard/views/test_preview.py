"""What was said in an exchange, in a few lines: the new part of the request, the beginning of the answer."""

from typing import Any

import pytest

from dashboard.views.preview import MAX_CHARS, MAX_LINES, Line, Preview, preview
from tests.recorded_details import REQUEST, request_details, text_answer


def of(*messages: tuple[str, Any], answer: Any = None) -> Preview:
    body = REQUEST | {"messages": [{"role": role, "content": content} for role, content in messages]}
    return preview(request_details(body=body, answer=answer))


def test_only_what_is_new_is_asked() -> None:
    it = of(("user", "first"), ("assistant", "second"), ("user", "third"))
    assert it.asked == (Line("text", "", "third"),)
    assert it.answered == (Line("text", "", "There are three."),)
    assert (it.more_asked, it.more_answered) == (0, 0)


def test_a_tool_result_names_its_tool() -> None:
    call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls", "code": "a\nb"}}
    it = of(
        ("user", "x"),
        ("assistant", [call]),
        ("user", [{"type": "tool_result", "tool_use_id": "t", "content": "3 files"}]),
    )
    assert it.asked == (Line("result", "Bash", "3 files"),)


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (
            {"type": "tool_use", "name": "Bash", "input": {"command": "ls", "code": "a\nb"}},
            Line("call", "Bash", "ls a b"),
        ),
        ({"type": "thinking", "thinking": "Let me"}, Line("thinking", "", "Let me")),
        ({"type": "image", "source": {"type": "url"}}, Line("image", "", "an image by url, which is not fetched")),
        ({"type": "odd", "x": 1}, Line("other", "odd", '{ "type": "odd", "x": 1 }')),
        ({"type": "text", "text": "a<system-reminder>b</system-reminder>c"}, Line("text", "", "a c")),
        ({"type": "text", "text": "a" * 999}, Line("text", "", "a" * (MAX_CHARS - 1) + "…")),
    ],
)
def test_blocks_in_a_line(block: dict[str, Any], line: Line) -> None:
    assert of(("user", [block])).asked == (line,)


def test_what_says_nothing_has_no_line() -> None:
    assert of(("user", [{"type": "text", "text": "<system-reminder>b</system-reminder>"}])).asked == ()


def test_of_many_blocks_the_last_asked_and_the_first_answered_are_shown() -> None:
    blocks = [{"type": "text", "text": f"t{number}"} for number in range(MAX_LINES + 2)]
    starts = [
        {"type": "content_block_start", "index": number, "content_block": block} for number, block in enumerate(blocks)
    ]
    it = of(("user", blocks), answer=[*text_answer()[:1], *starts])
    assert [line.text for line in it.asked] == [f"t{number}" for number in range(2, MAX_LINES + 2)]
    assert [line.text for line in it.answered] == [f"t{number}" for number in range(MAX_LINES)]
    assert (it.more_asked, it.more_answered) == (2, 2)


def test_an_error_is_what_was_answered() -> None:
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"Over\\nloaded"}}'
    assert of(("user", "x"), answer=error).answered == (Line("error", "overloaded_error", "Over loaded"),)


def test_a_body_that_cannot_be_read_says_nothing() -> None:
    assert preview(request_details(body=b"{", answer=b"")) == Preview((), (), 0, 0)
