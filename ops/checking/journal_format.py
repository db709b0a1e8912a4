"""Which records does a journal segment hold? A reader of its own, made from the written format; pure.

It shares no code with the gateway's reader, so that a mistake there cannot hide here. Format, version 1: a header of 32
bytes (``NXJ1``, number u32, journal id, wall clock u64), then frames: ``NX``, kind u8, flags u8, payload length u32,
CRC32 u32 over everything else but the magic, exchange id, time u64, payload. Little-endian throughout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID
from zlib import crc32

import msgspec

HEADER_BYTES = 32
FRAME_BYTES = 36
LONGEST_PAYLOAD = 1 << 20
LONGEST_FRAME = FRAME_BYTES + LONGEST_PAYLOAD
REQUEST, BODY, FORWARDED, RESPONSE, CHUNK, END, GAP, TICK = range(1, 9)
_MAGIC = b"NX"


@dataclass(frozen=True, slots=True)
class Head:
    """What a segment says of itself."""

    number: int
    journal: UUID
    started_ns: int


@dataclass(frozen=True, slots=True)
class Record:
    """A frame whose checksum is right."""

    kind: int
    exchange: UUID
    time_us: int
    payload: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that belong to no good frame."""

    start: int
    end: int


def head_of(data: bytes) -> Head | None:
    """None: these bytes begin no segment of this format."""
    if len(data) < HEADER_BYTES or data[:4] != b"NXJ1":
        return None
    return Head(_number(data[4:8]), UUID(bytes=data[8:24]), _number(data[24:32]))


def scan(data: bytes, at: int, *, last: bool) -> Iterator[Record | Damage]:
    """The frames of ``data`` from ``at`` on. Not ``last``: more may follow, so what is undecided is left out."""
    while at < len(data):
        found = _record_at(data, at)
        if isinstance(found, Record):
            yield found
            at = found.end
            continue
        end = _next_record(data, at + 1)
        if end is None:
            if found == "short" and not last:
                return  # it is being written
            # A frame that begins further on may still come to its end; one that begins before cannot.
            end = len(data) if last else len(data) - LONGEST_FRAME
        if end <= at:
            return
        yield Damage(at, end)
        at = end


def piece_of(payload: bytes) -> tuple[int, bytes] | None:
    """(offset, bytes) of a BODY or CHUNK; None: too short to be one."""
    return (_number(payload[:8]), payload[8:]) if len(payload) >= 8 else None


def _record_at(data: bytes, at: int) -> Record | Literal["short", "bad"]:
    head = data[at : at + FRAME_BYTES]
    if head[:2] != _MAGIC[: len(head)]:
        return "bad"
    if len(head) < FRAME_BYTES:
        return "short"
    kind, flags, length = head[2], head[3], _number(head[4:8])
    if flags or length > LONGEST_PAYLOAD or not REQUEST <= kind <= TICK:
        return "bad"
    end = at + FRAME_BYTES + length
    if end > len(data):
        return "short"
    checked = head[2:8] + head[12:] + data[at + FRAME_BYTES : end]
    if crc32(checked) != _number(head[8:12]):
        return "bad"
    return Record(kind, UUID(bytes=head[12:28]), _number(head[28:36]), checked[FRAME_BYTES - 6 :], at, end)


def _next_record(data: bytes, at: int) -> int | None:
    while (at := data.find(_MAGIC, at)) >= 0:
        if isinstance(_record_at(data, at), Record):
            return at
        at += 1
    return None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class Header(msgspec.Struct, frozen=True, array_like=True):
    """A header line."""

    name: str
    value: str | None = None
    length: int | None = None
    fingerprint: str | None = None


class Request(msgspec.Struct, frozen=True):
    """Payload of REQUEST."""

    wall_ns: int
    mode: str
    method: str
    target: str
    headers: tuple[Header, ...]
    client_domain: str
    byte_count: int
    key_id: str | None = None
    account: str | None = None


class Response(msgspec.Struct, frozen=True):
    """Payload of RESPONSE."""

    origin: str
    status: int
    headers: tuple[Header, ...]
    upstream_request_id: str | None = None


class End(msgspec.Struct, frozen=True):
    """Payload of END."""

    outcome: str
    received: int
    delivered: int
    detail: str = ""


class Gap(msgspec.Struct, frozen=True):
    """Payload of GAP."""

    part: str
    reason: str
    offset: int
    byte_count: int
