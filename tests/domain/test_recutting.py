"""A memory of what was cut changes nothing but the time that cutting takes."""

import json
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.json_spans import JsonWalk
from domain.parts import cut
from domain.recutting import MAX_ARRAYS, Memory
from tests.strategies import Json, json_texts, request_bodies

KEY, OTHER = b"k" * 32, b"o" * 32
WORDS = "a text that is long enough to be a part of its own, whatever else is said here; "


@pytest.fixture(scope="module", autouse=True)
def short_arrays_count_too() -> Iterator[None]:
    with patch("domain.recutting.MIN_BYTES", 1):
        yield


def message(text: str, *, role: str = "user", marked: bool = False) -> dict[str, Json]:
    block: dict[str, Json] = {"type": "text", "text": text}
    return {"role": role, "content": [block | ({"cache_control": {"type": "ephemeral"}} if marked else {})]}


def body_of(texts: list[str], tools: int = 3, **members: Json) -> bytes:
    """A turn whose last message carries the cache mark."""
    messages: list[Json] = [message(text, marked=at == len(texts) - 1) for at, text in enumerate(texts)]
    listed: list[Json] = [{"name": f"tool {n}", "description": WORDS} for n in range(tools)]
    return json.dumps({"model": "m", "messages": messages, "tools": listed, **members}).encode()


def values_read(body: bytes, memory: Memory) -> int:
    """How many values the walk passes over to cut this body."""
    with patch.object(JsonWalk, "value", autospec=True, side_effect=JsonWalk.value) as passed:
        cut(body, KEY, memory)
    return passed.call_count


texts = st.lists(st.sampled_from(["short", WORDS, WORDS * 2, f'"{WORDS}\\"']), max_size=50)
patches = st.tuples(st.integers(0, 10_000), st.sampled_from([b"", b" ", b"]", b"}", b",", b'"', b"\\", b"1", b"[1]"]))


@given(st.lists(st.tuples(texts, st.integers(0, 40), patches | st.none(), st.sampled_from([KEY, OTHER])), max_size=6))
def test_cuts_are_those_without_a_memory(turns: list[tuple[list[str], int, tuple[int, bytes] | None, bytes]]) -> None:
    memory, said = Memory(), list[str]()
    for new, tools, changed, key in turns:
        said = [*said, *new]
        body = body_of(said, tools)
        if changed is not None:
            at = changed[0] % len(body)
            body = body[:at] + changed[1] + body[at + 1 :]
        assert cut(body, key, memory) == cut(body, key)


@given(st.lists(json_texts(request_bodies()), min_size=2, max_size=4), st.integers(0, 10_000))
def test_nor_do_bodies_of_any_shape_come_out_otherwise(bodies: list[bytes], at: int) -> None:
    memory = Memory()
    for body in [*bodies, bodies[0], bodies[0][: at % len(bodies[0])] + bodies[1][at % len(bodies[1]) :]]:
        assert cut(body, KEY, memory) == cut(body, KEY)


@pytest.mark.parametrize("most", range(1, 60))
def test_a_body_with_too_many_values_is_whole_with_a_memory_too(most: int) -> None:
    memory = Memory()
    with patch("domain.parts.MAX_VALUES", most):
        for length in (3, 4, 6):
            body = body_of([WORDS] * length)
            assert cut(body, KEY, memory) == cut(body, KEY)


@pytest.mark.parametrize("change", [b" ", b"]", b"1,", b"{", b""])
def test_what_differs_just_where_an_item_begins_is_seen(change: bytes) -> None:
    memory, body = Memory(), body_of([WORDS] * 20)
    cut(body, KEY, memory)
    at = body.rindex(b'{"role"')
    changed = body[:at] + change + body[at:]
    assert cut(changed, KEY, memory) == cut(changed, KEY)


@pytest.mark.parametrize("same", [15, 16, 20, 31])
def test_a_run_that_is_the_same_only_in_part_is_made_anew(same: int) -> None:
    memory, said = Memory(), [f"{n} {WORDS}" for n in range(32)]
    cut(body_of([*said, WORDS]), KEY, memory)
    changed = body_of([*said[:same], *reversed(said)])
    assert cut(changed, KEY, memory) == cut(changed, KEY)


@pytest.mark.parametrize("before", [b"", b'"x":[1,2,3],'])
def test_the_next_turn_is_cut_from_where_it_differs(before: bytes) -> None:
    memory, said = Memory(), [f"{n} {WORDS}" for n in range(200)]
    assert values_read(body_of(said), memory) > 200
    longer = body_of([*said, WORDS, WORDS]).replace(b'"messages"', before + b'"messages"')
    assert values_read(longer, memory) < 20
    assert values_read(longer, memory) < 20


def test_sessions_that_begin_alike_do_not_drive_each_other_out() -> None:
    memory = Memory()
    sessions = [[WORDS, *(f"{one} {n} {WORDS}" for n in range(100))] for one in ("a", "b")]
    for said in sessions:
        cut(body_of(said), KEY, memory)
    for said in sessions:
        assert values_read(body_of([*said, WORDS]), memory) < 20


def test_the_newest_turn_takes_the_place_of_the_one_before() -> None:
    memory, said = Memory(100_000), [WORDS] * 300
    other = ["something else", *said]
    cut(body_of(other), KEY, memory)
    for length in range(200, 300):
        cut(body_of(said[:length]), KEY, memory)
    assert values_read(body_of(other), memory) < 20


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_only_what_is_named_alike_is_found(key: bytes) -> None:
    memory, body = Memory(), body_of([WORDS] * 100)
    cut(body, OTHER, memory)
    assert (memory.find(key, b'"messages"', body, body.index(b"[")) is not None) == (key == OTHER)
    assert memory.find(key, b'"system"', body, body.index(b"[")) is None


def test_what_is_too_large_is_not_kept() -> None:
    memory, body = Memory(1000), body_of([WORDS] * 100, tools=0)
    assert values_read(body, memory) == values_read(body, memory)


def test_the_oldest_go_when_there_are_too_many() -> None:
    memory, first = Memory(), body_of(["first", *[WORDS] * 100], tools=0)
    often = values_read(first, memory)
    for n in range(MAX_ARRAYS + 1):
        cut(body_of([f"{n}"], tools=0), KEY, memory)
    assert values_read(first, memory) == often
