"""The places that a walk finds are those that a parser would find."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.json_spans import JsonWalk, NotCuttableError
from tests.strategies import Json, json_texts, json_values


def rebuilt(text: bytes, walk: JsonWalk, *, deep: bool = True) -> Json:
    """Read a value through the walk alone; leaves through json. Not ``deep``: members are passed over at once."""
    if walk.kind == b"{" and deep:
        return {json.loads(text[name]): rebuilt(text, walk) for name in walk.members()}
    if walk.kind == b"[" and deep:
        return [rebuilt(text, walk) for _ in walk.items()]
    return json.loads(text[walk.value()])


@given(json_texts(json_values(30)))
def test_a_walk_agrees_with_a_parser(text: bytes) -> None:
    assert rebuilt(text, JsonWalk(text, 10_000)) == json.loads(text)
    assert rebuilt(text, JsonWalk(text, 10_000), deep=False) == json.loads(text)


@given(json_texts(st.dictionaries(st.text(max_size=5), json_values(10), max_size=5)))
def test_what_the_caller_does_not_look_at_is_passed_over(text: bytes) -> None:
    assert [json.loads(text[name]) for name in JsonWalk(text, 10_000).members()] == list(json.loads(text))


@given(json_texts(st.lists(json_values(10), max_size=5)))
def test_items_begin_where_their_values_do(text: bytes) -> None:
    walk = JsonWalk(text, 10_000)
    assert all(start == walk.at == walk.value().start for start in walk.items())
    walk = JsonWalk(text, 10_000)
    assert sum(1 for _ in walk.items()) == len(json.loads(text))


@pytest.mark.parametrize("depth", [1, 7, 8, 9, 10, 11, 30, 3000])
def test_values_of_any_depth_are_passed_over(depth: int) -> None:
    deep = b'{"a]":[' * depth + b'"}\\""' + b"]}" * depth
    text = b"[" + deep + b" , 1]"
    walk = JsonWalk(text, 10)
    assert [text[walk.value()] for _ in walk.items()] == [deep, b"1"]


@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\ 1', max_size=40).map(str.encode))
def test_no_text_keeps_the_walk_from_its_end(text: bytes) -> None:
    walk = JsonWalk(text, 50)
    seen = [walk.at]
    try:
        seen.extend(walk.at for _ in (walk.members() if walk.kind == b"{" else walk.items()))
        seen.append(walk.at)
    except NotCuttableError:
        pass
    assert seen == sorted(seen)
    assert seen[-1] <= len(text)


@pytest.mark.parametrize("text", [b"[", b"]", b"[[[[[[[[[[[[1", b'["', b"[1 2]", b"[1}", b"[,]", b'"a"', b""])
def test_what_is_no_array_is_refused(text: bytes) -> None:
    with pytest.raises(NotCuttableError):
        list(JsonWalk(text, 100).items())


@pytest.mark.parametrize("text", [b'{"a"}', b'{"a" 1}', b'{"a":1 "b":2}', b"{1:2}", b'{"a":1]', b'{"a":}', b"[]"])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(NotCuttableError):
        list(JsonWalk(text, 100).members())


def test_more_values_than_allowed_are_refused() -> None:
    assert len(list(JsonWalk(b"[1,2]", 2).items())) == 2
    with pytest.raises(NotCuttableError):
        list(JsonWalk(b"[1,2]", 1).items())
