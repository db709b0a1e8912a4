"""Stretches of bytes: what is kept of them tells equal from other, and whole from incomplete."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from ops.checking.spans import Spans, Stretch, Witness, missing

DATA = bytes(range(200))
pieces = st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), max_size=12)


def stretch(start: int, end: int, data: bytes = DATA) -> Stretch:
    return Stretch(start, end, hashlib.sha256(data[start:end]).digest())


@given(pieces)
def test_pieces_of_growing_offset_make_the_stretches_they_cover(cuts: list[tuple[int, int]]) -> None:
    """The oracle is a set of places."""
    spans, there, reached = Spans(), set[int](), 0
    for start, size in sorted(cuts):
        spans.add(start, DATA[start : start + size])
        there |= set(range(start, min(start + size, len(DATA))))
        reached = max(reached, start + size)
    covered = [place for start, end in spans.ranges() for place in range(start, end)]
    assert covered == sorted(there)
    assert list(spans.all()) == [stretch(start, end) for start, end in spans.ranges()]


@given(st.integers(1, 200), pieces)
def test_what_comes_again_changes_nothing(end: int, again: list[tuple[int, int]]) -> None:
    spans = Spans()
    spans.add(0, DATA[:end])
    for start, size in again:
        spans.add(start, DATA[start : min(start + size, end)])
    assert spans.all() == (stretch(0, end),)


def test_settled_is_what_was_there_at_that_moment() -> None:
    spans = Spans()
    assert spans.settled() == ()
    spans.add(0, DATA[:5])
    spans.settle()
    spans.add(5, DATA[5:9])
    assert (spans.settled(), spans.all()) == ((stretch(0, 5),), (stretch(0, 9),))


def test_whole_only_if_every_byte_is_there() -> None:
    spans = Spans()
    assert spans.whole(0) == hashlib.sha256(b"").digest()
    assert spans.whole(1) is None
    spans.add(0, DATA[:5])
    assert spans.whole(5) == stretch(0, 5).sha256
    assert spans.whole(6) is None
    assert spans.whole(0) is None
    spans.add(6, DATA[6:7])
    assert spans.whole(7) is None


@given(st.integers(0, 199), st.integers(1, 60), st.integers(1, 50), st.integers(0, 199))
def test_a_witness_knows_its_stretch_however_it_is_cut(start: int, size: int, step: int, other: int) -> None:
    end = min(start + size, len(DATA))
    right, wrong, part = (Witness(stretch(start, end)) for _ in range(3))
    changed = DATA[:other] + bytes([DATA[other] ^ 1]) + DATA[other + 1 :]
    for at in range(0, len(DATA), step):
        right.feed(at, DATA[at : at + step])
        wrong.feed(at, changed[at : at + step])
        if at:
            part.feed(at, DATA[at : at + step])
    assert right.complaint is None
    assert (wrong.complaint is not None) == (start <= other < end)
    assert (part.complaint is not None) == (start < step)


@given(pieces, st.integers(0, 200))
def test_the_first_hole_is_found(cuts: list[tuple[int, int]], size: int) -> None:
    there = {place for start, length in cuts for place in range(start, start + length)}
    absent = sorted(set(range(size)) - there)
    hole = missing([(start, start + length) for start, length in cuts], size)
    if not absent:
        assert hole is None
    else:
        assert hole is not None
        assert hole[0] == absent[0]
        assert set(range(*hole)) <= set(absent)
