"""The checker's own reader of segments agrees with the gateway's writer, and never takes a record that is damaged."""

import random
import struct
from uuid import UUID
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import JournalId
from gateway import frames, records
from gateway.frames import Frame, Kind, SegmentHeader, encode_segment_header
from ops.checking import journal_format
from ops.checking.journal_format import (
    FRAME_BYTES,
    HEADER_BYTES,
    LONGEST_FRAME,
    LONGEST_PAYLOAD,
    Damage,
    Head,
    Record,
    head_of,
    piece_of,
    scan,
)
from tests.journals import frame_bytes
from tests.requirements import scaled

payloads = st.binary(max_size=300) | st.just(b"NX" * 40)
some_frames = st.lists(
    st.builds(Frame, st.sampled_from(Kind), st.uuids(), st.integers(0, 2**63), payloads), max_size=12
)


def written(these: list[Frame]) -> bytes:
    return b"".join(map(frame_bytes, these))


def as_frames(data: bytes, *, last: bool = True) -> list[Frame]:
    return [
        Frame(Kind(found.kind), found.exchange, found.time_us, found.payload)
        for found in scan(data, 0, last=last)
        if isinstance(found, Record)
    ]


@given(some_frames, st.booleans())
def test_what_the_gateway_writes_is_read(these: list[Frame], last: bool) -> None:
    data = written(these)
    assert as_frames(data, last=last) == these
    ends = [found.end for found in scan(data, 0, last=last)]
    assert (ends or [0])[-1] == len(data)


@given(st.integers(0, 2**32 - 1), st.uuids(), st.integers(0, 2**64 - 1))
def test_the_head_of_a_segment_is_read(number: int, journal: UUID, started_ns: int) -> None:
    data = encode_segment_header(SegmentHeader(number, JournalId(journal), started_ns))
    assert head_of(data + b"more") == Head(number, journal, started_ns)
    assert head_of(data[: HEADER_BYTES - 1]) is None
    assert head_of(b"NXJ2" + data[4:]) is None


def test_the_numbers_are_those_of_the_gateway() -> None:
    assert [getattr(journal_format, kind.name.removeprefix("REQUEST_")) for kind in Kind] == list(Kind)
    assert (HEADER_BYTES, FRAME_BYTES) == (frames.SEGMENT_HEADER_BYTES, frames.FRAME_HEADER_BYTES)
    assert LONGEST_PAYLOAD == frames.MAX_PAYLOAD_BYTES


@given(some_frames, st.integers(1, 400), st.integers(1, 400))
def test_read_in_pieces_it_is_the_same(these: list[Frame], first: int, step: int) -> None:
    """A file that is still written, looked at again and again."""
    data, at, seen = written(these), 0, list[Frame]()
    for end in [*range(first, len(data), step), len(data)]:
        for found in scan(data[:end], at, last=False):
            assert isinstance(found, Record)
            seen += as_frames(data[found.start : found.end])
            at = found.end
    assert seen == these


@pytest.mark.bar(7)
def test_no_flipped_bit_brings_a_record_that_was_not_written() -> None:
    """And no record but the damaged one is lost."""
    rng = random.Random(7)
    these = [Frame(Kind(rng.randint(1, 8)), UUID(int=n), n, rng.randbytes(rng.randint(0, 200))) for n in range(30)]
    data = written(these)
    for _ in range(scaled(2000, 20_000)):
        bit = rng.randrange(len(data) * 8)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        read = as_frames(bytes(flipped))
        assert len(read) == len(these) - 1
        assert [one for one in these if one in read] == read


@pytest.mark.bar(7)
def test_cut_anywhere_the_rest_is_read_and_the_torn_end_is_told() -> None:
    these = [Frame(Kind.CHUNK, UUID(int=n), n, bytes([n]) * n) for n in range(12)]
    data = written(these)
    for end in range(len(data)):
        read = as_frames(data[:end])
        assert read == these[: len(read)]
        size = len(written(read))
        torn = [found for found in scan(data[:end], 0, last=True) if isinstance(found, Damage)]
        assert torn == ([Damage(size, end)] if size < end else [])
        assert not [found for found in scan(data[:end], 0, last=False) if isinstance(found, Damage)]


def test_agrees_with_the_gateways_reader_on_any_damage() -> None:
    rng = random.Random(11)
    these = [Frame(Kind(rng.randint(1, 8)), UUID(int=n), n, b"NX" * rng.randint(0, 30)) for n in range(12)]
    for _ in range(scaled(300, 3000)):
        data = bytearray(written(these))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            data[at : at + rng.randint(0, 30)] = rng.randbytes(rng.randint(0, 30))
        theirs = [found for _, found in frames.read_frames(bytes(data), 0, complete=True) if isinstance(found, Frame)]
        assert as_frames(bytes(data)) == theirs


def test_damage_longer_than_a_frame_is_told_before_its_end_is_seen() -> None:
    """So that a reader need not keep it."""
    data = bytes(LONGEST_FRAME + 100)
    assert list(scan(data, 0, last=False)) == [Damage(0, 100)]
    assert list(scan(data[:LONGEST_FRAME], 0, last=False)) == []


def test_a_length_that_was_changed_hides_nothing_behind_it() -> None:
    """It looks like a frame that is still being written; the good one behind it says otherwise."""
    one, two = (Frame(Kind.CHUNK, UUID(int=n), n, b"data") for n in (1, 2))
    data = bytearray(written([one, two]))
    data[6] ^= 1
    assert as_frames(bytes(data), last=False) == [two]


@pytest.mark.parametrize("change", [{"kind": 0}, {"kind": 9}, {"flags": 1}, {"length": LONGEST_PAYLOAD + 1}])
def test_what_no_writer_writes_is_no_record(change: dict[str, int]) -> None:
    told = {"kind": 5, "flags": 0, "length": 0, **change}
    payload = bytes(told["length"])
    head = struct.pack("<BBI", told["kind"], told["flags"], told["length"])
    rest = bytes(24)
    data = b"NX" + head + struct.pack("<I", crc32(head + rest + payload)) + rest + payload
    assert as_frames(data) == []


def test_a_piece_says_where_it_belongs() -> None:
    assert piece_of(frames.encode_piece(2**40, b"data")) == (2**40, b"data")
    assert piece_of(bytes(7)) is None


def test_the_records_read_as_they_were_written() -> None:
    import msgspec

    lines = (records.HeaderLine("Host", "here"), records.HeaderLine("x-api-key", None, 9, "f"))
    pairs = [
        (records.RequestRecord(1, "managed", "POST", "/x", lines, "d", 3, "k", "a"), journal_format.Request),
        (records.ResponseRecord("upstream", 200, lines, "req"), journal_format.Response),
        (records.EndRecord("client", 3, 2, "why"), journal_format.End),
        (records.GapRecord("response", "why", 3, 2), journal_format.Gap),
    ]
    for told, kind in pairs:
        assert msgspec.to_builtins(msgspec.json.decode(records.encode(told), type=kind)) == msgspec.to_builtins(told)
