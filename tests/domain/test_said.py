"""Words are taken from whatever holds words, and from nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.said import MAX_DEPTH, Said, said_in, without_reminders
from tests.strategies import json_values

REMINDER = "<system-reminder>\nDo not forget.\n</system-reminder>"


def use(**given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": given}


def result(content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **more}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (" hello \n", Said("text", "hello")),
        (f"{REMINDER}hello", Said("text", "hello")),
        (REMINDER, None),
        ("", None),
        (None, None),
        (7, None),
        (["hello"], None),
        ({"type": "text", "text": "hello"}, Said("text", "hello")),
        ({"type": "text", "text": 7}, None),
        ({"type": "text"}, None),
        ({"type": "thinking", "thinking": " hm ", "signature": "abc"}, Said("thinking", "hm")),
        ({"type": "redacted_thinking", "data": "abc"}, None),
        ({"type": "image", "source": {"type": "base64", "data": "abc"}}, None),
        ({"text": "no type"}, None),
        (use(command="ls -la", timeout=5, quiet=True, none=None), Said("tool_input", "command: ls -la\ntimeout: 5")),
        (use(), None),
        ({"type": "server_tool_use", "input": {"query": "nexus"}}, Said("tool_input", "query: nexus")),
        ({"type": "mcp_tool_use", "input": "plain"}, Said("tool_input", "plain")),
        (
            use(edits=[{"old": "a", "new": "b"}, "c"], empty="", ratio=0.5),
            Said("tool_input", "old: a\nnew: b\nedits: c\nratio: 0.5"),
        ),
        (result("done"), Said("tool_result", "done")),
        (result(f"done{REMINDER}"), Said("tool_result", "done")),
        (result("no such file", is_error=True), Said("tool_result", "no such file", is_error=True)),
        (result("fine", is_error="yes"), Said("tool_result", "fine")),
        (
            result([{"type": "text", "text": "one"}, {"type": "image", "source": {"data": "x"}}, "two", 3]),
            Said("tool_result", "one\ntwo"),
        ),
        (
            {
                "type": "web_search_tool_result",
                "content": [{"type": "web_search_result", "title": "A page", "url": "u.example", "encrypted": "x"}],
            },
            Said("tool_result", "A page\nu.example"),
        ),
        (
            {"type": "web_fetch_tool_result", "content": {"content": {"content": [{"text": "deep"}]}}},
            Said("tool_result", "deep"),
        ),
        (result(None), None),
    ],
)
def test_a_block_says(block: Any, expected: Said | None) -> None:
    assert said_in(block) == expected


def test_what_is_too_deep_is_left_out() -> None:
    deep: Any = "bottom"
    for _ in range(MAX_DEPTH + 1):
        deep = {"a": deep}
    assert said_in(use(deep=deep, flat="top")) == Said("tool_input", "flat: top")
    inner: Any = [{"text": "bottom"}]
    for _ in range(MAX_DEPTH):
        inner = [{"content": inner}]
    assert said_in(result(inner)) is None
    listed: Any = "bottom"
    for _ in range(MAX_DEPTH + 1):
        listed = [listed]
    assert said_in(use(deep=listed)) is None
    assert said_in(result(listed)) is None


@given(json_values())
def test_anything_may_come(block: Any) -> None:
    said = said_in(block)
    assert said is None or said.text


@given(st.lists(st.builds(Said, st.sampled_from(["text", "thinking"]), st.text(min_size=1), st.booleans()), max_size=4))
def test_digests_tell_apart_what_differs(said: list[Said]) -> None:
    assert len({one.digest for one in said}) == len(
        {(one.kind, one.text.encode("utf-8", "replace"), one.is_error) for one in said}
    )


def test_how_a_block_is_written_makes_no_difference() -> None:
    one, other = said_in("hello"), said_in({"text": f"hello {REMINDER}", "cache_control": {}, "type": "text"})
    assert one is not None
    assert one == other
    assert one.digest != Said("thinking", "hello").digest


def test_a_reminder_that_is_not_closed_is_text() -> None:
    assert without_reminders("a <system-reminder> b ") == "a <system-reminder> b"
