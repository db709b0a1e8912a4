"""How is a body written as references to parts? The recipe format, version 1, frozen by golden files.

A recipe is a magic word followed by items; read in order, the items give the body's bytes back:

=====  ======================================  ==================================================================
tag    then                                    gives
=====  ======================================  ==================================================================
0x00   length, bytes                           these bytes: structure between blocks, and blocks too small to share
0x01   key (16)                                a part that is no block: a long stretch of structure
0x02   key (16)                                a block: a system block, a tool, a message block, a string content
0x03   key (16), offset, length, bytes         a block with ``bytes`` (its ``cache_control``) put in at ``offset``
0x04   key (16)                                a run: another recipe, stored as a part
=====  ======================================  ==================================================================

Lengths and offsets are unsigned LEB128. Runs nest, sixteen to one, so that a request with n blocks holds O(log n)
references of its own and two requests with a common history share nearly all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

import msgspec

from domain.errors import BrokenPayloadError

MAGIC = b"NXR\x01"
KEY_BYTES = 16
MAX_DEPTH = 12
"""Runs of runs: 16 ** 12 blocks, far above what a body of 64 MiB can hold."""


class Glue(msgspec.Struct, frozen=True, gc=False):
    """Bytes kept in the recipe itself."""

    data: bytes


class GlueRef(msgspec.Struct, frozen=True, gc=False):
    """A stored part that is structure, no block."""

    key: bytes


class BlockRef(msgspec.Struct, frozen=True, gc=False):
    """A stored block, perhaps with its cache mark put back in."""

    key: bytes
    at: int = 0
    """Offset in the block at which ``splice`` goes."""
    splice: bytes = b""


class RunRef(msgspec.Struct, frozen=True, gc=False):
    """A stored recipe."""

    key: bytes


Item = Glue | GlueRef | BlockRef | RunRef
_SMALL = [bytes([value]) for value in range(0x80)]
Fetch = Callable[[bytes], bytes]
"""Key to stored bytes; raises PayloadMissingError."""


def encode(items: Sequence[Item]) -> bytes:
    return MAGIC + b"".join(map(_encoded, items))


def _encoded(item: Item) -> bytes:
    match item:
        case BlockRef(key, _, b""):
            return b"\x02" + key
        case Glue(data):
            return b"\x00" + _varint(len(data)) + data
        case GlueRef(key):
            return b"\x01" + key
        case BlockRef(key, at, splice):
            return b"\x03" + key + _varint(at) + _varint(len(splice)) + splice
        case RunRef(key):
            return b"\x04" + key
        case _ as never:
            assert_never(never)


def decode(data: bytes) -> list[Item]:
    """Raises BrokenPayloadError for anything ``encode`` does not write."""
    if not data.startswith(MAGIC):
        raise BrokenPayloadError("A recipe starts with its magic word.")
    reader = _Reader(data, len(MAGIC))
    items: list[Item] = []
    while not reader.done:
        items.append(_decode_item(reader))
    return items


def _decode_item(reader: "_Reader") -> Item:
    match reader.byte():
        case 0:
            return Glue(reader.take(reader.varint()))
        case 1:
            return GlueRef(reader.take(KEY_BYTES))
        case 2:
            return BlockRef(reader.take(KEY_BYTES))
        case 3:
            key, at = reader.take(KEY_BYTES), reader.varint()
            return BlockRef(key, at, reader.take(reader.varint()))
        case 4:
            return RunRef(reader.take(KEY_BYTES))
        case tag:
            raise BrokenPayloadError(f"Unknown recipe item {tag}.")


def flatten(items: Sequence[Item], fetch: Fetch, depth: int = 0) -> Iterator[Glue | GlueRef | BlockRef]:
    """Open every run, depth first."""
    if depth > MAX_DEPTH:
        raise BrokenPayloadError("Runs nest too deep.")
    for item in items:
        if isinstance(item, RunRef):
            yield from flatten(decode(fetch(item.key)), fetch, depth + 1)
        else:
            yield item


def join(items: Sequence[Item], fetch: Fetch) -> bytes:
    """The body's bytes."""
    return b"".join(_bytes_of(item, fetch) for item in flatten(items, fetch))


def _bytes_of(item: Glue | GlueRef | BlockRef, fetch: Fetch) -> bytes:
    match item:
        case Glue(data):
            return data
        case GlueRef(key):
            return fetch(key)
        case BlockRef(key, at, splice):
            block = fetch(key)
            return block[:at] + splice + block[at:] if splice else block
        case _ as never:
            assert_never(never)


def _varint(value: int) -> bytes:
    if value <= 0x7F:
        return _SMALL[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Reader:
    """A cursor over bytes that refuses to read past the end."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    @property
    def done(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise BrokenPayloadError("The recipe ends in the middle of an item.")
        self._at += count
        return piece

    def byte(self) -> int:
        if self._at == len(self._data):
            raise BrokenPayloadError("The recipe ends in the middle of an item.")
        self._at += 1
        return self._data[self._at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise BrokenPayloadError("A number in the recipe is too long.")
