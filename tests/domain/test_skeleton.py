"""The skeleton is the body with its blocks taken out, and nobody can smuggle a block in."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given

from domain.blocks import Lifetime
from domain.errors import PayloadMissingError
from domain.parts import cut, items_of
from domain.recipes import BlockRef, Fetch, Glue, GlueRef, Item, RunRef, decode
from domain.skeleton import Placeholders, Skeleton, skeleton_of
from tests.strategies import Json, json_texts, request_bodies

KEY = b"k" * 32
NAMES = Placeholders("secret:")


def read(items: list[Item], fetch: Fetch) -> Skeleton:
    return skeleton_of(items, NAMES, fetch, lambda key: read(list(decode(fetch(key))), fetch))


@given(json_texts(request_bodies()))
def test_putting_the_blocks_back_gives_the_body(body: bytes) -> None:
    one = cut(body, KEY)
    fetch = {key: part.data for key, part in one.parts.items()}.__getitem__
    skeleton = read(list(items_of(one.reference, fetch)), fetch)

    def filled(value: Json) -> Json:
        held = NAMES.read(value) if isinstance(value, str) else None
        if held is not None:
            assert value in skeleton.blocks
            block = json.loads(fetch(held[0]))
            return {**block, "cache_control": "marked"} if held[1] else block
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    assert plain(filled(json.loads(skeleton.text))) == plain(json.loads(body))


def plain(value: Json) -> Json:
    """Whether there is a cache mark counts, not what it says; the order of members does not count."""
    if isinstance(value, dict):
        return {key: "marked" if key == "cache_control" else plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def test_runs_are_asked_for_by_their_key_and_stand_where_they_were() -> None:
    parts: Mapping[bytes, bytes] = {b"g" * 16: b"<glue>"}
    runs = {b"r" * 16: Skeleton(b"<run>", ("one", "two"))}
    items: list[Item] = [Glue(b"["), RunRef(b"r" * 16), GlueRef(b"g" * 16), BlockRef(b"b" * 16, 3, b"mark"), Glue(b"]")]
    found = skeleton_of(items, NAMES, parts.__getitem__, runs.__getitem__)
    name = NAMES.write(b"b" * 16, "5m")
    assert found == Skeleton(f'[<run><glue>"{name}"]'.encode(), ("one", "two", name))


def test_what_is_missing_is_not_passed_over() -> None:
    def missing(_: bytes) -> bytes:
        raise PayloadMissingError

    with pytest.raises(PayloadMissingError):
        read([GlueRef(b"g" * 16)], missing)


@pytest.mark.parametrize("mark", [None, "5m", "1h"])
def test_a_placeholder_is_read_as_it_was_written(mark: Lifetime | None) -> None:
    assert NAMES.read(NAMES.write(b"\x00\xff" * 8, mark)) == (b"\x00\xff" * 8, mark)


@pytest.mark.parametrize(
    ("splice", "mark"),
    [
        (b',"cache_control":{"type":"ephemeral","ttl":"1h"}', "1h"),
        (b'"cache_control" : {"ttl" : "1h"} ,', "1h"),
        (b',"cache_control":{"type":"ephemeral"}', "5m"),
        (b',"cache_control":"1h"', "5m"),
        (b"mark", "5m"),
    ],
)
def test_a_mark_says_for_how_long(splice: bytes, mark: Lifetime) -> None:
    found = read([BlockRef(b"b" * 16, 3, splice)], lambda key: key)
    assert found.blocks == (NAMES.write(b"b" * 16, mark),)


@pytest.mark.parametrize(
    "text", ["", "other:00", "secret", "secret:xyz", "secret:0", "secret:00**", "secret:00*2h", "00"]
)
def test_a_string_of_the_client_is_no_placeholder(text: str) -> None:
    assert NAMES.read(text) is None
