"""How is a record framed on disk? The journal's format, version 1, pure: bytes in, frames out.

A segment file is a header and then frames, nothing else:

* header, 32 bytes: ``NXJ1`` | segment number u32 | journal id 16 | wall clock at the journal's start, ns u64
* frame: ``NX`` | kind u8 | flags u8 | payload length u32 | CRC32 u32 | exchange id 16 | time u64 | payload

All integers little-endian. The CRC covers kind, flags, length, id, time and payload. ``time`` is microseconds since
the journal's start on a monotonic clock, so the times of one journal never go back. The two magic bytes let a reader
find the next good frame after a damaged one: nothing but the damaged frame is lost.

The payload of REQUEST_BODY and CHUNK is a *piece*: the offset of its first byte in the body or answer, u64, and then
at most 64 KiB of bytes; larger ones are split by the writer. So every piece says where it belongs, whatever was lost
before it.

What the kinds mean stands in ``gateway/records.py``.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from uuid import UUID

import msgspec

from domain.errors import BrokenFrameError
from domain.ids import JournalId

SEGMENT_MAGIC = b"NXJ1"
FRAME_MAGIC = b"NX"
MAX_PIECE_BYTES = 64 * 1024
MAX_PAYLOAD_BYTES = 1024 * 1024
"""A longer length field is damage. Only header records of a request can come near a piece's size."""

_SEGMENT_HEADER = struct.Struct("<4sI16sQ")
_FRAME_HEADER = struct.Struct("<2sBBII16sQ")
_CHECKED = struct.Struct("<BBI16sQ")
"""What the CRC covers before the payload, in one piece."""
_PIECE_OFFSET = struct.Struct("<Q")
_CRC_END = 12
SEGMENT_HEADER_BYTES = _SEGMENT_HEADER.size
FRAME_HEADER_BYTES = _FRAME_HEADER.size


class Kind(IntEnum):
    """What a frame tells."""

    REQUEST = 1
    """Request line, headers and facts of a request, and how many body bytes follow."""
    REQUEST_BODY = 2
    """A piece of the request body, in order."""
    FORWARDED = 3
    """The request is whole and goes upstream now."""
    RESPONSE = 4
    """Status and headers of the answer."""
    CHUNK = 5
    """Bytes of the answer as they came off the socket."""
    END = 6
    """The exchange is over."""
    GAP = 7
    """Something of this exchange could not be kept."""
    TICK = 8
    """Nothing but the time: lets a reader close runs of a silent stream by record times alone."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One good frame."""

    kind: Kind
    exchange: UUID
    """The request id; the journal's own id in a TICK."""
    time_us: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a segment that holds no good frame."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """The head of a segment file."""

    number: int
    journal: JournalId
    started_ns: int
    """Wall clock at the journal's start, nanoseconds since 1970: time 0 of its frames."""


def encode_segment_header(header: SegmentHeader) -> bytes:
    return _SEGMENT_HEADER.pack(SEGMENT_MAGIC, header.number, header.journal.bytes, header.started_ns)


def decode_segment_header(data: bytes) -> SegmentHeader:
    """Raises BrokenFrameError."""
    if len(data) < SEGMENT_HEADER_BYTES:
        raise BrokenFrameError("The segment is shorter than its header.")
    magic, number, journal, started_ns = _SEGMENT_HEADER.unpack_from(data)
    if magic != SEGMENT_MAGIC:
        raise BrokenFrameError(f"Not a journal segment of this version: {magic!r}.")
    return SegmentHeader(number, JournalId(UUID(bytes=journal)), started_ns)


def encode_frame_header(kind: Kind, exchange: bytes, time_us: int, payload: bytes) -> bytes:
    """The 36 bytes that go before ``payload``. ``exchange``: 16 bytes."""
    length = len(payload)
    crc = zlib.crc32(payload, zlib.crc32(_CHECKED.pack(kind, 0, length, exchange, time_us)))
    return _FRAME_HEADER.pack(FRAME_MAGIC, kind, 0, length, crc, exchange, time_us)


def encode_piece(offset: int, data: bytes | memoryview) -> bytes:
    """Payload of REQUEST_BODY and CHUNK. ``data``: at most MAX_PIECE_BYTES."""
    return _PIECE_OFFSET.pack(offset) + data


def decode_piece(payload: bytes) -> tuple[int, bytes]:
    """(offset, bytes). Raises BrokenFrameError."""
    if len(payload) < _PIECE_OFFSET.size:
        raise BrokenFrameError("A piece is shorter than its offset.")
    return _PIECE_OFFSET.unpack_from(payload)[0], payload[_PIECE_OFFSET.size :]


def read_frames(data: bytes, start: int, *, complete: bool) -> Iterator[tuple[int, Frame | Damage]]:
    """Read frames of ``data`` from offset ``start``; yields (offset behind it, frame or damage).

    ``complete`` False: the file may still grow, so an unfinished frame at the end is left for later. True: nothing
    will be added, so an unfinished frame is damage.
    """
    at = start
    while at < len(data):
        found = _frame_at(data, at)
        if isinstance(found, Frame):
            at += FRAME_HEADER_BYTES + len(found.payload)
            yield at, found
            continue
        if found is _UNFINISHED and not complete:
            return
        end = _next_good_frame(data, at + 1)
        if end == len(data) and not complete:
            return
        yield end, Damage(at, end)
        at = end


_IDS_REMEMBERED = 1000
_KINDS = {int(kind): kind for kind in Kind}
_UNFINISHED = "unfinished"
_DAMAGED = "damaged"


def _frame_at(data: bytes, at: int) -> Frame | str:
    if len(data) - at < FRAME_HEADER_BYTES:
        return _UNFINISHED if data[at : at + 2] == FRAME_MAGIC[: len(data) - at] else _DAMAGED
    magic, kind, flags, length, crc, exchange, time_us = _FRAME_HEADER.unpack_from(data, at)
    if magic != FRAME_MAGIC or flags or length > MAX_PAYLOAD_BYTES or kind not in _KINDS:
        return _DAMAGED
    payload_at = at + FRAME_HEADER_BYTES
    if payload_at + length > len(data):
        return _UNFINISHED
    payload = data[payload_at : payload_at + length]
    checked = zlib.crc32(data[at + 2 : at + _CRC_END - 4])
    checked = zlib.crc32(data[at + _CRC_END : payload_at], checked)
    if zlib.crc32(payload, checked) != crc:
        return _DAMAGED
    return Frame(_KINDS[kind], _uuid(exchange), time_us, payload)


@lru_cache(_IDS_REMEMBERED)
def _uuid(exchange: bytes) -> UUID:
    """The frames of an exchange come near each other."""
    return UUID(bytes=exchange)


def _next_good_frame(data: bytes, start: int) -> int:
    at = data.find(FRAME_MAGIC, start)
    while at >= 0:
        if isinstance(_frame_at(data, at), Frame):
            return at
        at = data.find(FRAME_MAGIC, at + 1)
    return len(data)
