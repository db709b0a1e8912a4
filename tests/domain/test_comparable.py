"""Is a block known by its words alone, and is what it says given as text to be compared?"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blocks import block_facts
from domain.comparable import (
    Piece,
    message_unit,
    piece_of_block,
    piece_of_entry,
    turn_unit,
    words_of_block,
    words_of_piece,
)
from domain.transcript_entries import Entry, by_client, mark, sent, system_entry

PNG: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
any_blocks: Any = st.dictionaries(
    st.sampled_from(["type", "text", "input", "content", "id", "name", "source", "thinking", "data", "is_error"]),
    json_values | st.sampled_from(["text", "tool_use", "tool_result", "image", "thinking"]),
)


def said(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **members}


def call(name: str = "Bash", **given_: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": given_}


def result(content: Any, **members: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **members}


def same(one: Any, other: Any) -> bool:
    return piece_of_block(one, "user").item.key == piece_of_block(other, "user").item.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (said("Go"), said("Go", cache_control={"type": "ephemeral"})),
        (said("Go"), said("Go\n<system-reminder>Mind.</system-reminder>\n")),
        (call(command="ls"), {**call(command="ls"), "id": "toolu_2"}),
        (call(a=1, b=2), call(b=2, a=1)),
        (result("three"), result([said("three")])),
        (result("three"), {**result("three"), "tool_use_id": "toolu_2", "is_error": False}),
        (result([said("three", cache_control={})]), result("three <system-reminder>Mind.</system-reminder>")),
        ({"type": "thinking", "thinking": "Hm", "signature": "a"}, {"type": "thinking", "thinking": "Hm"}),
    ],
)
def test_what_varies_by_itself_makes_no_difference(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (said("Go"), said("Gone")),
        (said("<system-reminder>One.</system-reminder>"), said("<system-reminder>Two.</system-reminder>")),
        (call(command="ls"), call(command="ls -l")),
        (call(content="a\n"), call(content="a")),
        (call("Read", a=1), call("Write", a=1)),
        (result("three"), result("three", is_error=True)),
        (result("three"), result("four")),
        ({"type": "thinking", "thinking": "Hm"}, said("Hm")),
        (PNG, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAB"}}),
        ({"type": "new", "x": 1}, {"type": "new", "x": 2}),
    ],
)
def test_what_says_something_else_is_another(one: Any, other: Any) -> None:
    assert not same(one, other)


def test_the_same_words_of_somebody_else_are_not_the_same() -> None:
    one, other = (piece_of_block(said("Go"), role) for role in ("user", "assistant"))
    assert one.item.key != other.item.key
    assert one.item.shape != other.item.shape


def test_heads_and_shapes() -> None:
    long = "Look into the bundle " * 10
    one, other, third = (piece_of_block(said(text), "user").item for text in (long, f"{long}.", "Another"))
    assert one.head == other.head != third.head
    assert one.shape == other.shape == third.shape
    reads = [piece_of_block(call("Read", path=path), "assistant").item for path in "ab"]
    assert reads[0].shape == reads[1].shape != piece_of_block(call("Bash", path="a"), "assistant").item.shape
    back = [piece_of_block({**result(text), "tool_use_id": name}, "user").item for text, name in ("a1", "b1", "c2")]
    assert back[0].head == back[1].head != back[2].head, "a result is known by its call"


@given(any_blocks)
def test_any_block_is_compared_and_is_the_same_as_itself(block: Any) -> None:
    assert piece_of_block(block, "user") == piece_of_block(dict(block), "user")
    assert isinstance(words_of_block(block), str)
    assert message_unit("user", [piece_of_block(block, "user")]).parts == (piece_of_block(block, "user").item,)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (said("Go\non"), "Go\non"),
        ({"type": "thinking", "thinking": "Hm"}, "Hm"),
        ({"type": "redacted_thinking", "data": "xyz"}, "xyz"),
        (call(command="ls -l", timeout=3), "command: ls -l\ntimeout: 3"),
        (call(content="a\nb"), "content:\na\nb"),
        ({"type": "tool_use", "id": "t", "name": "X"}, ""),
        ({"type": "tool_use", "id": "t", "name": "X", "input": ["a"]}, '[\n  "a"\n]'),
        (result("three"), "three"),
        (result([said("a"), "b", None, {"type": "new"}], is_error=True), 'is_error: true\na\nb\n{\n  "type": "new"\n}'),
        (result(None), ""),
        ({"type": "new", "x": 1, "cache_control": {}}, '{\n  "type": "new",\n  "x": 1\n}'),
    ],
)
def test_a_block_says_its_words(block: Any, words: str) -> None:
    assert words_of_block(block) == words


def test_an_image_is_told_by_its_digest() -> None:
    digest = "63c1dd951ffedf6f"
    assert words_of_block(PNG) == f"image image/png, 4 characters, digest {digest}"
    assert words_of_block(result([PNG])) == words_of_block(PNG)
    linked: Any = {"type": "image", "source": {"type": "url", "url": "AAAA"}}
    assert words_of_block(linked) == f"image , 4 characters, digest {digest}"


def entry(block: Any, role: str = "assistant", **changes: Any) -> Entry:
    return Entry(id="x", role=role, block=block, **{"kind": "text", **changes})


def test_a_call_stands_with_what_came_back() -> None:
    whole, failed, nothing = (
        piece_of_entry(entry(call(command="ls"), kind="call", result=back))
        for back in (result("a"), result("a", is_error=True), None)
    )
    assert len({whole.item.key, failed.item.key, nothing.item.key}) == 3
    assert whole.item.head == failed.item.head == nothing.item.head
    other = piece_of_entry(entry({**call(command="ls"), "id": "toolu_9"}, kind="call", result=result("a")))
    assert other.item.key == whole.item.key
    assert (whole.kind, whole.name, whole.result, whole.text) == ("call", "Bash", result("a"), None)
    assert words_of_piece(whole) == "command: ls"


def test_a_call_that_was_cut_is_known_by_what_came_of_it() -> None:
    one, other = (piece_of_entry(entry(call(), kind="call", raw_input=text)) for text in ('{"a', '{"b'))
    assert one.item.key != other.item.key
    assert words_of_piece(one) == '{"a'


def test_marks_and_the_system_prompt_are_known_by_their_words() -> None:
    failed = piece_of_entry(mark("x", "failed", "Overloaded"))
    assert (failed.kind, failed.name, failed.text) == ("mark", "failed", "Overloaded")
    assert failed.item.key != piece_of_entry(mark("x", "failed", "Other")).item.key
    assert failed.item.shape == piece_of_entry(mark("x", "failed", "Other")).item.shape
    assert failed.item.shape != piece_of_entry(mark("x", "cut", "Overloaded")).item.shape
    system = piece_of_entry(system_entry("x", ("Be brief.", "Be kind.")))
    assert words_of_piece(system) == "Be brief.\n\nBe kind."
    interrupted = sent("x", "user", said("[Request interrupted by user]"), block_facts(said("x")))
    assert piece_of_entry(interrupted).text == "[Request interrupted by user]"


def prompt(text: str) -> Piece:
    return piece_of_entry(sent("x", "user", said(text), block_facts(said(text))))


def test_turns_with_one_prompt_begin_alike_whatever_was_answered() -> None:
    notes = piece_of_entry(by_client("n", said("Mind.")))
    one = turn_unit([notes, prompt("Go"), piece_of_entry(entry(said("Gone.")))])
    other = turn_unit([prompt("Go"), piece_of_entry(entry(said("No.")))])
    third = turn_unit([prompt("Stay"), piece_of_entry(entry(said("No.")))])
    assert one.item.head == other.item.head != third.item.head
    assert one.item.shape == third.item.shape != turn_unit([piece_of_entry(entry(said("No.")))]).item.shape
    loops = [turn_unit([piece_of_entry(entry(call(command="ls"), kind="call", result=result(it)))]) for it in "ab"]
    assert loops[0].item.head == loops[1].item.head
    assert turn_unit([]).parts == ()


def test_a_message_with_results_is_held_against_another_one() -> None:
    results = message_unit("user", [piece_of_block(result("a"), "user")])
    typed = message_unit("user", [piece_of_block(said("a"), "user")])
    assert results.item.shape != typed.item.shape != message_unit("assistant", []).item.shape
    assert message_unit("user", []).item.key == message_unit("user", []).item.key
