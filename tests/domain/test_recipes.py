"""A recipe decodes to what was encoded, and nothing else decodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BrokenPayloadError
from domain.recipes import (
    KEY_BYTES,
    MAGIC,
    MAX_DEPTH,
    BlockRef,
    Glue,
    GlueRef,
    Item,
    RunRef,
    decode,
    encode,
    flatten,
    join,
)

keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


def items() -> st.SearchStrategy[Item]:
    marked = st.builds(BlockRef, keys, st.integers(0, 2**40), st.binary(min_size=1, max_size=200))
    return (
        st.builds(Glue, st.binary(max_size=300))
        | st.builds(GlueRef, keys)
        | st.builds(BlockRef, keys)
        | marked
        | st.builds(RunRef, keys)
    )


@given(st.lists(items(), max_size=30))
def test_decode_undoes_encode(recipe: list[Item]) -> None:
    assert decode(encode(recipe)) == recipe


@given(st.lists(items(), min_size=1, max_size=5), st.data())
def test_a_recipe_cut_short_is_refused_or_lacks_whole_items(recipe: list[Item], data: st.DataObject) -> None:
    encoded = encode(recipe)
    short = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    try:
        assert decode(short) == recipe[: len(decode(short))]
    except BrokenPayloadError:
        return


@pytest.mark.parametrize("data", [b"", b"NXR\x02", MAGIC + b"\x05", MAGIC + b"\x00", MAGIC + b"\x00" + b"\xff" * 12])
def test_what_encode_never_writes_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenPayloadError):
        decode(data)


def test_join_opens_runs_and_puts_the_splice_back() -> None:
    store = {b"a" * 16: b"{12}", b"g" * 16: b"<long glue>"}
    store[b"r" * 16] = encode([BlockRef(b"a" * 16), Glue(b","), BlockRef(b"a" * 16, 3, b",3")])
    recipe: list[Item] = [GlueRef(b"g" * 16), RunRef(b"r" * 16), Glue(b"]")]
    assert join(recipe, store.__getitem__) == b"<long glue>{12},{12,3}]"
    assert [type(item) for item in flatten(recipe, store.__getitem__)] == [GlueRef, BlockRef, Glue, BlockRef, Glue]


def test_runs_that_hold_themselves_end() -> None:
    key = b"r" * 16
    with pytest.raises(BrokenPayloadError):
        join([RunRef(key)], {key: encode([RunRef(key)])}.__getitem__)
    assert MAX_DEPTH >= 6, "a body of 64 MiB has fewer than 16 ** 6 blocks"
