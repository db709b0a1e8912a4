"""Stored bytes: what comes back is what went in, and never larger than it need be."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import BrokenPayloadError
from ops.db.compression import MIN_BYTES, Codec, pack, unpack, unpack_frame

BYTES = st.binary(max_size=400) | st.builds(lambda piece, n: piece * n, st.binary(max_size=20), st.integers(0, 400))


@given(BYTES)
@example(b"")
def test_what_was_packed_opens_to_itself(data: bytes) -> None:
    codec, stored = pack(data)
    assert unpack(codec, stored, len(data)) == data


@given(BYTES)
def test_packing_pays_or_is_left(data: bytes) -> None:
    codec, stored = pack(data)
    if codec is Codec.RAW:
        assert stored == data
    else:
        assert len(data) >= MIN_BYTES
        assert len(stored) * 8 <= len(data) * 7


def test_repeated_text_is_packed_and_noise_is_not() -> None:
    assert pack(b'{"type":"text"}' * 100)[0] is Codec.ZSTD
    assert pack(os.urandom(4096))[0] is Codec.RAW


def test_the_stored_numbers_never_change() -> None:
    assert {codec.name: int(codec) for codec in Codec} == {"RAW": 0, "ZSTD": 1}


def test_threads_do_not_disturb_each_other() -> None:
    texts = [bytes([65 + n]) * (500 + n * 997) for n in range(16)] * 20
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(pack, texts))
        opened = list(
            threads.map(lambda pair: unpack(pair[0][0], pair[0][1], len(pair[1])), zip(stored, texts, strict=True))
        )
    assert opened == texts


@pytest.mark.parametrize(
    ("codec", "data", "raw_length"),
    [
        (Codec.RAW, b"abc", 4),
        (Codec.ZSTD, b"abc", 3),
        (Codec.ZSTD, zstandard.compress(b"abc"), 2),
        (Codec.ZSTD, zstandard.compress(b"abc"), 4),
        (Codec.ZSTD, zstandard.compress(b"abc" * 99)[:-3], 297),
        (Codec.ZSTD, zstandard.compress(b"abc") + b"x", 3),
        (2, b"abc", 3),
    ],
)
def test_bytes_that_do_not_open_are_reported(codec: int, data: bytes, raw_length: int) -> None:
    with pytest.raises(BrokenPayloadError):
        unpack(codec, data, raw_length)


def test_a_frame_never_opens_beyond_the_limit() -> None:
    bomb = zstandard.compress(b"\0" * 1_000_000)
    with pytest.raises(BrokenPayloadError, match="more than 999"):
        unpack_frame(bomb, 999_999)
    assert len(unpack_frame(bomb, 1_000_000)) == 1_000_000
