"""Is JSON read as the standard library reads it, and is what nobody could write again kept out?"""

import json
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.anthropic.stream import MAX_DEPTH, NotJsonError, read_json, read_object
from tests.strategies import Json, json_values

BS = chr(92)


@given(json_values() | st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_values_are_those_that_were_written(value: Json, ascii_only: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text(max_size=60) | st.text(alphabet='[]{}",:0-e \\ud8cnultrfas', max_size=40))
def test_a_text_is_read_as_the_standard_library_does_or_not_at_all(text: str) -> None:
    try:
        value = read_json(text)
    except NotJsonError:
        return
    mended = re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(json.loads(text), ensure_ascii=False))
    assert json.dumps(value, ensure_ascii=False) == mended


def refuse(word: str) -> Any:
    raise ValueError(word)


@given(json_values(20).map(json.dumps) | st.text(alphabet='[]{}",:01 ', max_size=12))
def test_what_the_strict_standard_library_reads_is_read(text: str) -> None:
    try:
        value = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(NotJsonError):
            read_json(text)
        return
    assert read_json(text) == value


@example([BS + "ud83d", "x", BS + BS, "ud83d"])
@given(
    st.lists(st.sampled_from([BS + "ud83d", BS + "ude00", BS + BS, BS + "n", "x", "ud83d", BS + "u00e9"]), max_size=9)
)
def test_lone_surrogates_become_replacement_characters(escapes: list[str]) -> None:
    text = '{"a": "' + "".join(escapes) + '"}'
    loose: str = json.loads(text)["a"]
    value = read_object(text)
    assert value == {"a": re.sub("[\ud800-\udfff]", "\ufffd", loose)}
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "-Infinity",
        "1e400",
        "9" * 5000,
        "{",
        '{"a":1} x',
        "'a'",
        '"\x01"',
        '"\\x"',
        "\ud800",
        '"\ud800"',
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJsonError):
        read_json(text)
    assert read_object(text) is None


@pytest.mark.parametrize("opener", ["[", '{"a":', '[{"a":'])
def test_nesting_has_a_limit(opener: str) -> None:
    levels = MAX_DEPTH // sum(opener.count(bracket) for bracket in "[{")
    closer = "".join({"[": "]", "{": "}"}.get(one, "") for one in reversed(opener))
    fits = opener * levels + '"[["' + closer * levels
    assert json.loads(fits) == read_json(fits)
    with pytest.raises(NotJsonError, match="deeper"):
        read_json(f"[{fits}]")


def test_only_nesting_counts_not_the_number_of_brackets() -> None:
    flat = "[" + ",".join(["[]", "{}"] * MAX_DEPTH) + "]"
    assert read_json(flat) == json.loads(flat)
    in_text = json.dumps(["[{" * MAX_DEPTH, BS + '"[' * MAX_DEPTH])
    assert read_json(in_text) == json.loads(in_text)


def test_a_long_text_with_many_brackets_takes_no_more_memory_than_a_few_copies() -> None:
    """A pattern that goes back step by step would need a hundred bytes for each character."""
    text = json.dumps("[" * 200 + "a" * 1_000_000)
    tracemalloc.start()
    try:
        assert read_json(text) == json.loads(text)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", "true"])
def test_only_an_object_is_an_object(text: str) -> None:
    assert read_object(text) is None
