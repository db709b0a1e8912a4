"""The spans of a JSON text are those that a parser would find."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.json_spans import JsonSpans, NotCuttableError
from tests.strategies import Json, json_texts, json_values


def rebuilt(text: bytes, spans: JsonSpans, value: int) -> Json:
    """Read a value through the spans alone; leaves through json."""
    if spans.is_object(value):
        return {json.loads(spans.token(m.key)): rebuilt(text, spans, m.value) for m in spans.members(value)}
    if spans.is_array(value):
        return [rebuilt(text, spans, item) for item in spans.items(value)]
    leaf = text[spans.start(value) : spans.end(value)]
    assert spans.is_string(value) == leaf.startswith(b'"')
    return json.loads(leaf)


@given(json_texts(json_values(30)))
def test_spans_agree_with_a_parser(text: bytes) -> None:
    spans = JsonSpans(text, 10_000)
    assert rebuilt(text, spans, 0) == json.loads(text)
    assert json.loads(text[spans.start(0) : spans.end(0)]) == json.loads(text)


@given(json_texts(json_values(30)))
def test_members_end_where_the_next_token_begins(text: bytes) -> None:
    spans = JsonSpans(text, 10_000)
    if spans.is_object(0):
        assert all(member.end == spans.after(member.value) for member in spans.members(0))


@pytest.mark.parametrize("text", [b"[", b"]", b'{"a":[}', b'{"a":1'])
def test_unpaired_brackets_are_refused(text: bytes) -> None:
    with pytest.raises(NotCuttableError):
        JsonSpans(text, 100)


def test_more_tokens_than_allowed_are_refused() -> None:
    JsonSpans(b"[1,2]", 5)
    with pytest.raises(NotCuttableError):
        JsonSpans(b"[1,2]", 4)


@pytest.mark.parametrize("text", [b'{"a"}', b'{"a" 1}', b'{"a":1 "b":2}'])
def test_members_without_colon_or_comma_are_refused(text: bytes) -> None:
    with pytest.raises(NotCuttableError):
        list(JsonSpans(text, 100).members(0))


def test_items_without_a_comma_are_refused() -> None:
    with pytest.raises(NotCuttableError):
        list(JsonSpans(b"[1 2]", 100).items(0))


@given(json_texts(json_values(30)), st.sampled_from([b'"a"', b"1", b"{", b"null"]))
def test_a_value_mentions_what_its_bytes_hold(text: bytes, token: bytes) -> None:
    spans = JsonSpans(text, 10_000)
    assert spans.mentions(0, token) == (token in text)
    if spans.is_array(0):
        for item in spans.items(0):
            assert spans.mentions(item, token) == (token in text[spans.start(item) : spans.end(item)])
