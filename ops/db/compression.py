"""How are stored bytes made small? Zstandard where it pays, as they are where it does not."""

import threading
from enum import IntEnum

import zstandard

from domain.errors import BrokenPayloadError

LEVEL = 3
MIN_BYTES = 128
"""Shorter bytes hardly shrink."""


class Codec(IntEnum):
    """The ``codec`` column of the payload tables. The numbers are stored: never change one."""

    RAW = 0
    ZSTD = 1


class _PerThread(threading.local):
    """Compressor objects must not be used by two threads at once."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _PerThread()


def pack(data: bytes) -> tuple[Codec, bytes]:
    """``data`` as it is to be stored. Compressed only if that saves an eighth: opening it again costs too."""
    if len(data) >= MIN_BYTES:
        packed = _zstd.compressor.compress(data)
        if len(packed) <= len(data) * 7 // 8:
            return Codec.ZSTD, packed
    return Codec.RAW, data


def unpack(codec: int, data: bytes, raw_length: int) -> bytes:
    """What ``pack`` was given; ``raw_length``: its length. Raises BrokenPayloadError."""
    match codec:
        case Codec.RAW:
            raw = data
        case Codec.ZSTD:
            raw = unpack_frame(data, raw_length)
        case _:
            raise BrokenPayloadError(f"Stored with codec {codec}, which this version of Nexus does not know.")
    if len(raw) != raw_length:
        raise BrokenPayloadError(f"Stored bytes open to {len(raw)} bytes, not to {raw_length}.")
    return raw


def unpack_frame(data: bytes, limit: int) -> bytes:
    """The content of a Zstandard frame, at most ``limit`` bytes. Raises BrokenPayloadError."""
    try:
        if zstandard.frame_content_size(data) > limit:
            raise BrokenPayloadError(f"Stored bytes open to more than {limit} bytes.")
        return _zstd.decompressor.decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BrokenPayloadError("Stored bytes are no Zstandard frame.") from error
