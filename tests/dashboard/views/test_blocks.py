"""Every block can be shown, and nothing of it is lost."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views.blocks import MAX_IMAGE, SHORT_VALUE, Shown, as_json, raw_input, shown_block
from dashboard.views.prose import Prose
from tests.strategies import json_values

PNG = base64.b64encode(b"not really a picture").decode()
objects = st.dictionaries(
    st.sampled_from(["type", "text", "thinking", "content", "input", "source", "id", "x"]), json_values(4)
)


def text_of(it: Prose | None) -> str:
    return "" if it is None else "".join(segment.text for segment in it.segments)


def image(**source: object) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG} | source}


@given(objects)
def test_any_object_can_be_shown(block: dict[str, Any]) -> None:
    assert isinstance(shown_block(block), Shown)


@given(st.text())
def test_a_text_is_shown_as_it_is(text: str) -> None:
    shown = shown_block({"type": "text", "text": text})
    assert shown.kind == "text"
    assert shown.body is not None
    assert shown.body.characters == len(text)


def test_thinking_is_thinking() -> None:
    shown = shown_block({"type": "thinking", "thinking": "Let me see.", "signature": "abc"})
    assert (shown.kind, text_of(shown.body)) == ("thinking", "Let me see.")


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
def test_a_call_shows_its_arguments(kind: str) -> None:
    block: dict[str, Any] = {
        "type": kind,
        "id": "toolu_1",
        "name": "Bash",
        "input": {"command": "ls", "timeout": 5, "deep": {"a": [1]}},
    }
    shown = shown_block(block)
    assert (shown.kind, shown.title, shown.tool_use_id) == ("call", "Bash", "toolu_1")
    assert [(one.name, one.short, one.body) for one in shown.arguments] == [
        ("command", "ls", None),
        ("timeout", "5", None),
        ("deep", '{"a":[1]}', None),
    ]


@pytest.mark.parametrize("value", ["x" * (SHORT_VALUE + 1), "two\nlines"])
def test_a_long_argument_stands_on_its_own(value: str) -> None:
    (argument,) = shown_block({"type": "tool_use", "input": {"code": value}}).arguments
    assert (argument.short, text_of(argument.body)) == ("", value)


def test_a_large_structure_stands_on_its_own_as_json() -> None:
    value: dict[str, Any] = {"key": ["word"] * 40}
    (argument,) = shown_block({"type": "tool_use", "input": {"deep": value}}).arguments
    assert json.loads(text_of(argument.body)) == value


@pytest.mark.parametrize(("given_input", "names"), [(None, []), ({}, []), ([1], ["input"]), ("x", ["input"])])
def test_an_input_of_any_shape_is_shown(given_input: Any, names: list[str]) -> None:
    shown = shown_block({"type": "tool_use", "input": given_input})
    assert [argument.name for argument in shown.arguments] == names
    assert shown.title == "tool_use"


def test_input_that_was_cut_is_shown_as_text() -> None:
    (argument,) = raw_input('{"command": "ls')
    assert text_of(argument.body) == '{"command": "ls'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("ok", "ok"),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "a"}, "b", None], "a\nb\n"),
        ([{"type": "tool_reference", "tool_name": "X"}], '{\n  "type": "tool_reference",\n  "tool_name": "X"\n}'),
        (7, "7"),
    ],
)
def test_a_result_shows_its_content(content: Any, text: str) -> None:
    shown = shown_block({"type": "tool_result", "tool_use_id": "t", "content": content})
    assert (shown.kind, shown.tool_use_id, text_of(shown.body)) == ("result", "t", text)


def test_a_result_says_whether_it_failed() -> None:
    assert shown_block({"type": "tool_result", "is_error": True}).failed
    assert not shown_block({"type": "tool_result", "is_error": "yes"}).failed
    assert shown_block({"type": "web_search_tool_result"}).kind == "result"


def test_pictures_in_results_are_shown() -> None:
    shown = shown_block({"type": "tool_result", "content": [{"type": "text", "text": "see"}, image()]})
    assert text_of(shown.body) == "see"
    assert [picture.uri for picture in shown.pictures] == [f"data:image/png;base64,{PNG}"]


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_known_images_are_shown(media_type: str) -> None:
    (picture,) = shown_block(image(media_type=media_type)).pictures
    assert picture.uri == f"data:{media_type};base64,{PNG}"


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ({"media_type": "image/svg+xml"}, "type image/svg+xml"),
        ({"media_type": "text/html"}, "type text/html"),
        ({"media_type": None}, "type unknown"),
        ({"type": "url", "url": "http://x/y.png"}, "by url, which is not fetched"),
        ({"type": 7}, "by unknown"),
        ({"data": '"><script>'}, "no base64"),
        ({"data": ""}, "no base64"),
        ({"data": "A" * (MAX_IMAGE + 1)}, "too large"),
    ],
)
def test_other_images_are_told_and_not_shown(source: dict[str, object], note: str) -> None:
    (picture,) = shown_block(image(**source)).pictures
    assert picture.uri == ""
    assert note in picture.note


@pytest.mark.parametrize(
    "block",
    [
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": None},
        {"type": "image"},
        {"type": "thinking"},
        {"no": "type"},
        {},
        {"type": 3},
    ],
)
def test_what_is_not_understood_is_shown_as_json(block: dict[str, Any]) -> None:
    shown = shown_block(block)
    assert shown.kind == "other"
    assert shown.title
    assert json.loads(text_of(shown.body)) == block


@given(json_values())
def test_json_is_written_whole(value: Any) -> None:
    assert json.loads(text_of(as_json(value))) == json.loads(json.dumps(value))


def test_cache_marks_are_seen() -> None:
    assert shown_block({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}).marked
    assert not shown_block({"type": "text", "text": "x"}).marked
