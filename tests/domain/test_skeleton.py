"""The skeleton is the body with its blocks taken out, and nobody can smuggle a block in."""

import json

from hypothesis import given

from domain.parts import cut, items_of
from domain.recipes import BlockRef, Glue, GlueRef, flatten
from domain.skeleton import skeleton_of
from tests.strategies import Json, json_texts, request_bodies

KEY = b"k" * 32


@given(json_texts(request_bodies()))
def test_putting_the_blocks_back_gives_the_body(body: bytes) -> None:
    one = cut(body, KEY)
    fetch = {key: part.data for key, part in one.parts.items()}.__getitem__
    skeleton = skeleton_of(list(flatten(items_of(one.reference, fetch), fetch)), fetch, one.reference.digest)

    def filled(value: Json) -> Json:
        held = skeleton.placeholder(value)
        if held is not None:
            block = json.loads(fetch(held.key))
            return {**block, "cache_control": "marked"} if held.marked else block
        if isinstance(value, dict):
            return {key: filled(inner) for key, inner in value.items()}
        return [filled(inner) for inner in value] if isinstance(value, list) else value

    assert plain(filled(json.loads(skeleton.text))) == plain(json.loads(body))


def plain(value: Json) -> Json:
    """Whether there is a cache mark counts, not what it says; the order of members does not count."""
    if isinstance(value, dict):
        return {key: "marked" if key == "cache_control" else plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def test_a_string_of_the_client_is_no_placeholder() -> None:
    parts = {b"b" * 16: b'{"type":"text"}', b"g" * 16: b'[1,"secret:7","secret:x","other:0"'}
    skeleton = skeleton_of(
        [GlueRef(b"g" * 16), Glue(b","), BlockRef(b"b" * 16), Glue(b"]")], parts.__getitem__, "secret"
    )
    values = json.loads(skeleton.text)
    assert [skeleton.placeholder(value) for value in values[:-1]] == [None] * 4
    held = skeleton.placeholder(values[-1])
    assert held is not None
    assert (held.key, held.marked) == (b"b" * 16, False)
