"""Calls and results come together, new messages are told from old ones, and a page costs what it shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.details import SentMessage
from dashboard.views.messages import shown_answer, shown_messages, stretch
from domain.assembly import assemble
from tests.answers import sse
from tests.recorded_details import text_answer


def said(role: str, *blocks: dict[str, Any]) -> SentMessage:
    return SentMessage(role, blocks)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(name: str, tool: str = "Bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": tool, "input": {}}


def result(name: str, content: str = "ok", *, failed: bool = False) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": name, "content": content, "is_error": failed}


LOOP = (
    said("user", text("Do it")),
    said("assistant", call("a"), call("b", "Read")),
    said("user", result("b"), result("a", failed=True)),
    said("assistant", call("c", "Edit")),
    said("user", result("c", "edited"), text("and more")),
)


def test_an_earlier_result_is_shown_with_its_call_and_a_pointer_stays() -> None:
    shown = shown_messages(LOOP)
    first, second = shown[1].blocks
    assert first.result is not None
    assert first.result.failed
    assert second.result is not None
    assert not second.result.failed
    assert [(block.elsewhere, block.title, block.failed) for block in shown[2].blocks] == [
        (True, "Read", False),
        (True, "Bash", True),
    ]


def test_a_new_result_stands_where_it_came_and_says_whose_it_is() -> None:
    shown = shown_messages(LOOP)
    assert shown[3].blocks[0].result is None
    new = shown[4].blocks[0]
    assert (new.kind, new.title, new.elsewhere) == ("result", "Edit", False)
    assert new.body is not None


def test_what_stands_behind_the_newest_answer_is_new() -> None:
    assert [message.last for message in shown_messages(LOOP)] == [False, False, False, False, True]
    assert [message.last for message in shown_messages(LOOP[:1])] == [True]
    assert [message.last for message in shown_messages((said("user"), said("system")))] == [True, True]


def test_a_result_without_a_call_is_shown_by_itself() -> None:
    (message,) = shown_messages((said("user", result("nobody")),))
    assert not message.blocks[0].elsewhere
    assert message.blocks[0].title == ""


def test_numbers_and_roles() -> None:
    shown = shown_messages((said(""), said("user"), said("anything")))
    assert [(message.number, message.role) for message in shown] == [(1, "unknown"), (2, "user"), (3, "anything")]


@given(st.integers(0, len(LOOP)))
def test_a_stretch_is_the_end_of_the_whole(first: int) -> None:
    assert shown_messages(LOOP, range(first, len(LOOP))) == shown_messages(LOOP)[first:]


def test_ids_of_any_type_do_no_harm() -> None:
    odd: tuple[dict[str, Any], ...] = (
        {"type": "tool_use", "id": 7},
        {"type": "tool_result", "tool_use_id": ["x"]},
        {"type": None},
    )
    assert len(shown_messages((said("user", *odd),))[0].blocks) == 3


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 10), st.integers(0, 200))
def test_the_last_messages_that_fit_are_shown(sizes: list[int], most: int, most_chars: int) -> None:
    """Oracle: the longest end of at least one message that keeps both limits."""
    messages = [said("user", {"x": "y" * size}) for size in sizes]
    ends = [
        place
        for place in range(len(sizes) + 1)
        if len(sizes) - place <= most and (sum(sizes[place:]) <= most_chars or len(sizes) - place <= 1)
    ]
    assert stretch(messages, most, most_chars) == min(ends)


def test_numbers_and_lists_weigh_a_little() -> None:
    assert stretch([said("user", {"n": 1, "deep": ["x"] * 999}), said("user")], 10, 100) == 1


@pytest.mark.parametrize("cut", [False, True])
def test_an_answer_is_shown_as_far_as_it_came(cut: bool) -> None:
    events = [
        *text_answer()[:4],
        {"type": "content_block_start", "index": 1, "content_block": call("d")},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"command": "ls'},
        },
    ]
    if not cut:
        events.append(
            {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '"}'}}
        )
    first, second = shown_answer(assemble(sse(events), "text/event-stream"))
    assert first.kind == "text"
    (argument,) = second.arguments
    assert (argument.name, argument.short) == (("input, cut", "") if cut else ("command", "ls"))
