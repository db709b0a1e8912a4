"""What did a recorded body say before it was content-encoded?

Bodies are kept as they went over the wire. They are decoded here, piece by piece, so that a body that was cut gives
what it holds. A small body may open to a huge one: the output is capped, and no step makes more than a few megabytes
at once. Only an encoding that we do not know raises.
"""

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Literal, Protocol

import brotli
import zstandard

from domain.errors import UndecodableBodyError

MAX_BYTES = 64 * 1024 * 1024
MAX_RATIO = 200
"""Opened bytes per recorded byte."""
FREE_BYTES = 1024 * 1024
"""The ratio does not matter below this."""
MAX_ENCODINGS = 4
_SLICE_BYTES = 256
"""Input at a time: 256 bytes of zstd open to 8 MiB at most, and a broken body loses at most this much."""
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""The largest window that the zstd content-encoding allows (RFC 9659)."""
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_DEFLATE_METHOD = 8
"""Low half of a zlib header's first byte; no encoder begins a raw deflate stream with it."""

State = Literal["complete", "truncated", "broken", "too_large"]


@dataclass(frozen=True, slots=True)
class DecodedBody:
    """A body as far as it could be opened."""

    data: bytes
    state: State
    """``truncated``: the recorded bytes end too early; ``broken``: they are damaged, or more follows their end;
    ``too_large``: the limit was reached. ``data`` is then the beginning."""
    ends: tuple[int, ...]
    """For each chunk, how many decoded bytes it and those before it gave."""


def decode_body(body: bytes, content_encoding: str, max_bytes: int = MAX_BYTES) -> DecodedBody:
    """``content_encoding``: the header's value. Raises UndecodableBodyError."""
    return decode_chunks([body], content_encoding, max_bytes)


def decode_chunks(chunks: Sequence[bytes], content_encoding: str, max_bytes: int = MAX_BYTES) -> DecodedBody:
    """The same for a body in chunks, so that a place in the opened body has a time. Raises UndecodableBodyError."""
    limit = min(max_bytes, max(FREE_BYTES, MAX_RATIO * sum(map(len, chunks))))
    steps = [_STEPS[name](limit) for name in reversed(_names(content_encoding))]
    pieces = [_feed_through(steps, chunk) for chunk in chunks]
    ends = tuple(accumulate(map(len, pieces)))
    data = b"".join(pieces)[:limit]
    if ends and ends[-1] > limit:
        return DecodedBody(data, "too_large", tuple(min(end, limit) for end in ends))
    return DecodedBody(data, _worst({step.state for step in steps}), ends)


def _feed_through(steps: Sequence["_Step"], data: bytes) -> bytes:
    for step in steps:
        data = step.feed(data)
    return data


def _names(content_encoding: str) -> list[str]:
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if len(names) > MAX_ENCODINGS:
        raise UndecodableBodyError(f"The body has {len(names)} encodings; at most {MAX_ENCODINGS} are opened.")
    for name in names:
        if name not in _STEPS:
            raise UndecodableBodyError(f"The content-encoding {name!r} is none of {', '.join(sorted(_STEPS))}.")
    return names


def _worst(states: Collection[State]) -> State:
    """A body that is too large or broken is cut for the next step, so that says less."""
    order: tuple[State, ...] = ("too_large", "broken", "truncated")
    return next((state for state in order if state in states), "complete")


class _Member(Protocol):
    """One compressed stream; several may stand one after the other."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Brotli:
    """Brotli's decoder as a member; it says nothing about bytes behind the end, but refuses them."""

    unused_data = b""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    @property
    def eof(self) -> bool:
        finished: bool = self._decoder.is_finished()
        return finished

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        opened: bytes = self._decoder.process(data, output_buffer_limit=max_length)
        return opened


class _Zstd:
    """zstd's decoder as a member; it cannot be limited, so its input comes in small slices."""

    def __init__(self) -> None:
        self._decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, _: int, /) -> bytes:
        return self._decoder.decompress(data)


class _Step:
    """Takes one encoding off."""

    def __init__(self, open_member: Callable[[int], _Member], limit: int) -> None:
        self._open_member = open_member
        self._member: _Member | None = None
        self._room = limit
        self._problem: State | None = None

    @property
    def state(self) -> State:
        return self._problem or ("complete" if self._member is None else "truncated")

    def feed(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        for start in range(0, len(data), _SLICE_BYTES):
            rest = data[start : start + _SLICE_BYTES]
            while rest and self._problem is None:
                piece, rest = self._open(rest)
                pieces.append(piece)
        return b"".join(pieces)

    def _open(self, data: bytes) -> tuple[bytes, bytes]:
        """What is opened, and what lies behind the member's end."""
        member = self._member = self._member or self._open_member(data[0])
        try:
            opened = member.decompress(data, self._room + 1)
        except (zlib.error, brotli.error, zstandard.ZstdError):
            self._problem = "broken"
            return b"", b""
        self._room -= len(opened)
        if self._room < 0:
            self._problem = "too_large"
        if not member.eof:
            return opened, b""
        self._member = None
        return opened, member.unused_data


def _gzip(_: int) -> _Member:
    return zlib.decompressobj(_GZIP)


def _deflate(first_byte: int) -> _Member:
    """``deflate`` means zlib's format; some servers send the raw one."""
    return zlib.decompressobj(_ZLIB if first_byte & 0x0F == _DEFLATE_METHOD else _RAW_DEFLATE)


_STEPS: MappingProxyType[str, Callable[[int], _Step]] = MappingProxyType(
    {
        "gzip": lambda limit: _Step(_gzip, limit),
        "x-gzip": lambda limit: _Step(_gzip, limit),
        "deflate": lambda limit: _Step(_deflate, limit),
        "br": lambda limit: _Step(lambda _: _Brotli(), limit),
        "zstd": lambda limit: _Step(lambda _: _Zstd(), limit),
    }
)
