"""What is written comes back; a damaged frame is lost alone."""

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BrokenFrameError
from gateway.frames import (
    FRAME_HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    SEGMENT_HEADER_BYTES,
    Damage,
    Frame,
    Kind,
    SegmentHeader,
    decode_piece,
    decode_segment_header,
    encode_piece,
    encode_segment_header,
    read_frames,
)
from tests.journals import JOURNAL, STARTED_NS, frame_bytes


def frames(most: int = 12) -> st.SearchStrategy[list[Frame]]:
    payloads = st.binary(max_size=60) | st.just(b"NX" * 40)
    frame = st.builds(Frame, st.sampled_from(Kind), st.uuids(version=4), st.integers(0, 2**63), payloads)
    return st.lists(frame, min_size=1, max_size=most)


def good(found: Sequence[tuple[int, Frame | Damage]]) -> list[Frame]:
    return [item for _, item in found if isinstance(item, Frame)]


@given(frames(), st.binary(max_size=40).filter(lambda junk: b"N" not in junk))
def test_frames_come_back_in_order_and_offsets_add_up(written: list[Frame], before: bytes) -> None:
    data = before + b"".join(map(frame_bytes, written))
    found = list(read_frames(data, len(before), complete=True))
    assert good(found) == written
    assert found[-1][0] == len(data)


@given(frames(), st.data())
def test_a_flipped_bit_loses_at_most_its_own_frame(written: list[Frame], data: st.DataObject) -> None:
    whole = bytearray(b"".join(map(frame_bytes, written)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = list(accumulate(FRAME_HEADER_BYTES + len(frame.payload) for frame in written))
    hit = next(number for number, end in enumerate(ends) if at < end)
    found = list(read_frames(bytes(whole), 0, complete=True))
    assert good(found) == written[:hit] + written[hit + 1 :]
    assert sum(isinstance(item, Damage) for _, item in found) == 1
    edges = [0] + [behind for behind, _ in found]
    assert edges == sorted(set(edges)), "every byte belongs to one frame or one damage"


@given(frames(), st.data())
def test_an_unfinished_frame_waits_while_the_file_may_grow(written: list[Frame], data: st.DataObject) -> None:
    whole = b"".join(map(frame_bytes, written))
    short = whole[: data.draw(st.integers(0, len(whole)))]
    found = list(read_frames(short, 0, complete=False))
    assert not any(isinstance(item, Damage) for _, item in found)
    rest = list(read_frames(whole, found[-1][0] if found else 0, complete=False))
    assert good(found) + good(rest) == written


@given(frames(), st.integers(1, FRAME_HEADER_BYTES - 1))
def test_an_unfinished_frame_is_damage_when_nothing_will_come(written: list[Frame], cut: int) -> None:
    whole = b"".join(map(frame_bytes, written))[:-cut]
    found = list(read_frames(whole, 0, complete=True))
    assert good(found) == written[:-1]
    assert isinstance(found[-1][1], Damage)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise_and_are_covered(data: bytes) -> None:
    found = list(read_frames(data, 0, complete=True))
    assert (found[-1][0] if found else 0) == len(data)


def test_damage_at_the_end_of_a_growing_file_waits_for_the_next_good_frame() -> None:
    one, two = (Frame(Kind.CHUNK, JOURNAL, 1, b"payload") for _ in range(2))
    broken = bytearray(frame_bytes(one))
    broken[-1] ^= 1
    assert list(read_frames(bytes(broken), 0, complete=False)) == []
    found = list(read_frames(bytes(broken) + frame_bytes(two), 0, complete=False))
    assert [type(item) for _, item in found] == [Damage, Frame]


def test_a_length_that_no_writer_writes_is_damage_at_once() -> None:
    data = bytearray(frame_bytes(Frame(Kind.CHUNK, JOURNAL, 1, b"x")))
    data[4:8] = (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "little")
    data += frame_bytes(Frame(Kind.TICK, JOURNAL, 2, b""))
    assert [type(item) for _, item in read_frames(bytes(data), 0, complete=False)] == [Damage, Frame]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**63))
def test_a_segment_header_comes_back(number: int, started_ns: int) -> None:
    header = SegmentHeader(number, JOURNAL, started_ns)
    encoded = encode_segment_header(header)
    assert len(encoded) == SEGMENT_HEADER_BYTES
    assert decode_segment_header(encoded + b"more") == header


@pytest.mark.parametrize("data", [b"", b"NXJ1", b"NXJ2" + bytes(28)])
def test_other_headers_are_refused(data: bytes) -> None:
    with pytest.raises(BrokenFrameError):
        decode_segment_header(data)


@given(st.integers(0, 2**63), st.binary(max_size=100))
def test_a_piece_comes_back(offset: int, data: bytes) -> None:
    assert decode_piece(encode_piece(offset, data)) == (offset, data)


def test_a_piece_without_offset_is_refused() -> None:
    with pytest.raises(BrokenFrameError):
        decode_piece(b"1234567")


def test_the_format_is_frozen() -> None:
    """A journal written by the first release must stay readable."""
    header = encode_segment_header(SegmentHeader(1, JOURNAL, STARTED_NS))
    assert header.hex() == "4e584a3101000000" + JOURNAL.hex + STARTED_NS.to_bytes(8, "little").hex()
    frame = frame_bytes(Frame(Kind.CHUNK, JOURNAL, 258, b"ab"))
    assert frame.hex() == "4e58050002000000" + "fa6d1fb4" + JOURNAL.hex + "0201000000000000" + "6162"
    assert [(kind.name, kind.value) for kind in Kind] == [
        ("REQUEST", 1), ("REQUEST_BODY", 2), ("FORWARDED", 3), ("RESPONSE", 4),
        ("CHUNK", 5), ("END", 6), ("GAP", 7), ("TICK", 8),
    ]  # fmt: skip
