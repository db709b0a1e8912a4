"""Is every encoding opened as its own encoder closed it, cut or split anywhere, and no bomb?"""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from domain.decoding import FREE_BYTES, MAX_RATIO, DecodedBody, decode_body, decode_chunks
from domain.errors import UndecodableBodyError
from tests.strategies import Cut, cuts


def raw_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()


def streamed_zstd(data: bytes) -> bytes:
    """As a server writes it: the size is not in the header, every piece is flushed."""
    encoder = zstandard.ZstdCompressor().compressobj()
    pieces = [
        encoder.compress(data[at : at + 50]) + encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for at in range(0, len(data), 50)
    ]
    return b"".join(pieces) + encoder.flush()


def streamed_brotli(data: bytes) -> bytes:
    encoder = brotli.Compressor()
    pieces = [encoder.process(data[at : at + 50]) + encoder.flush() for at in range(0, len(data), 50)]
    return b"".join([*pieces, encoder.finish()])


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "stored deflate": ("deflate", lambda data: zlib.compress(data, 0)),
    "brotli": ("br", brotli.compress),
    "streamed brotli": ("br", streamed_brotli),
    "zstd": ("zstd", zstandard.compress),
    "streamed zstd": (" ZSTD ", streamed_zstd),
    "identity": ("identity", lambda data: data),
    "nothing": ("", lambda data: data),
}
COMPRESSING = sorted(set(ENCODERS) - {"identity", "nothing"})
STREAMING = ["gzip", "zlib", "raw deflate", "streamed brotli", "streamed zstd"]
"""Encodings whose every byte, or every flush, gives something."""


def bodies() -> st.SearchStrategy[bytes]:
    return st.binary(max_size=400) | st.text(max_size=100).map(str.encode) | st.just(b"word " * 400)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@given(bodies(), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=4))
def test_what_was_encoded_comes_back(body: bytes, names: list[str]) -> None:
    encoded = body
    for name in names:
        encoded = ENCODERS[name][1](encoded)
    header = ", ".join(ENCODERS[name][0] for name in names)
    assert decode_body(encoded, header) == DecodedBody(body, "complete", (len(body),))


@given(bodies(), st.sampled_from(sorted(ENCODERS)), st.sampled_from(sorted(ENCODERS)), cuts(6))
def test_any_split_gives_the_same(body: bytes, inner: str, outer: str, cut: Cut) -> None:
    encoded = ENCODERS[outer][1](ENCODERS[inner][1](body))
    header = f"{ENCODERS[inner][0]},{ENCODERS[outer][0]}"
    pieces = cut.split(encoded)
    decoded = decode_chunks(pieces, header)
    assert (decoded.data, decoded.state) == (body, "complete")
    for count, end in enumerate(decoded.ends, 1):
        so_far = decode_chunks(pieces[:count], header)
        assert (so_far.data, so_far.ends) == (body[:end], decoded.ends[:count])


@given(bodies(), st.sampled_from(COMPRESSING), st.integers(0, 2**30))
def test_a_cut_body_gives_its_beginning(body: bytes, name: str, place: int) -> None:
    header, encode = ENCODERS[name]
    encoded = encode(body)
    part = encoded[: place % len(encoded)]
    decoded = decode_body(part, header)
    assert body.startswith(decoded.data)
    assert decoded.state == ("truncated" if part else "complete")


@pytest.mark.parametrize("name", STREAMING)
def test_a_cut_body_decodes_as_far_as_it_goes(name: str) -> None:
    header, encode = ENCODERS[name]
    body = b"".join(f"event: {number}\n".encode() for number in range(2000))
    encoded = encode(body)
    decoded = decode_body(encoded[: len(encoded) * 9 // 10], header)
    assert (decoded.state, body.startswith(decoded.data)) == ("truncated", True)
    assert len(decoded.data) > len(body) * 8 // 10


@given(st.binary(max_size=300), st.sampled_from(COMPRESSING), st.sampled_from(COMPRESSING))
def test_no_bytes_raise(body: bytes, inner: str, outer: str) -> None:
    assert decode_body(body, f"{ENCODERS[inner][0]},{ENCODERS[outer][0]}").state != "too_large"
    assert decode_body(body, ENCODERS[outer][0]).state != "too_large"


@given(st.sampled_from(STREAMING), st.integers(0, 2**30), st.integers(1, 255))
def test_a_damaged_body_gives_what_came_before_the_damage(name: str, place: int, change: int) -> None:
    """Noise hardly shrinks, so a place in the encoded body is nearly the same place in the body."""
    header, encode = ENCODERS[name]
    body = noise(8000)
    encoded = bytearray(encode(body))
    at = place % len(encoded)
    encoded[at] ^= change
    sure = max(0, at - 300) * 8 // 10
    assert decode_body(bytes(encoded), header).data[:sure] == body[:sure]


@pytest.mark.parametrize("name", COMPRESSING)
def test_bytes_behind_the_end_are_damage(name: str) -> None:
    header, encode = ENCODERS[name]
    body = noise(5000)
    decoded = decode_chunks([encode(body), b"\xff" * 40], header)
    assert decoded == DecodedBody(body, "broken", (5000, 5000))


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_one_after_the_other_are_one_body(name: str) -> None:
    header, encode = ENCODERS[name]
    encoded = encode(b"one ") + encode(b"") + encode(b"two")
    assert decode_body(encoded, header) == DecodedBody(b"one two", "complete", (7,))


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_no_bytes_are_no_body(name: str) -> None:
    assert decode_body(b"", ENCODERS[name][0]) == DecodedBody(b"", "complete", (0,))
    assert decode_chunks([], ENCODERS[name][0]) == DecodedBody(b"", "complete", ())


@pytest.mark.parametrize("header", ["compress", "gzip, aws-chunked", "br;q=1", "\0", "gzip gzip"])
def test_an_unknown_encoding_raises(header: str) -> None:
    with pytest.raises(UndecodableBodyError, match="is none of br, deflate, gzip, x-gzip, zstd"):
        decode_body(b"", header)


def test_too_many_encodings_raise() -> None:
    assert decode_body(b"", ",".join(["gzip"] * 4 + ["identity"] * 9)).state == "complete"
    with pytest.raises(UndecodableBodyError, match="5 encodings"):
        decode_body(b"", ",".join(["gzip"] * 5))


@pytest.mark.parametrize("name", sorted(ENCODERS))
@pytest.mark.parametrize(("size", "state"), [(999, "complete"), (1000, "complete"), (1001, "too_large")])
def test_the_limit_is_exact(name: str, size: int, state: str) -> None:
    header, encode = ENCODERS[name]
    body = noise(size)
    assert decode_body(encode(body), header, 1000) == DecodedBody(body[:1000], state, (min(size, 1000),))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", COMPRESSING)
def test_the_ratio_counts_above_the_free_bytes_only(name: str) -> None:
    header, encode = ENCODERS[name]
    if name == "stored deflate" or "streamed" in name:
        encode = ENCODERS[name.removeprefix("streamed ").replace("stored deflate", "zlib")][1]
    small, large = encode(bytes(FREE_BYTES)), encode(bytes(30 * FREE_BYTES))
    assert decode_body(small, header).state == "complete"
    decoded = decode_body(large, header)
    assert decoded.state == "too_large"
    assert len(decoded.data) == max(FREE_BYTES, MAX_RATIO * len(large))


@pytest.mark.parametrize("inner", ["gzip", "brotli", "zstd"])
@pytest.mark.parametrize("outer", ["nothing", "gzip", "brotli", "zstd"])
def test_a_bomb_takes_no_more_memory_than_its_share(inner: str, outer: str) -> None:
    bomb = ENCODERS[outer][1](ENCODERS[inner][1](bytes(40_000_000)))
    tracemalloc.start()
    try:
        decoded = decode_body(bomb, f"{ENCODERS[inner][0]}, {ENCODERS[outer][0]}")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoded.state == "too_large"
    assert most < 2 * len(decoded.data) + 20_000_000


def test_a_bomb_inside_a_bomb_is_too_large_though_the_inner_one_is_cut() -> None:
    bomb = gzip.compress(gzip.compress(bytes(30_000_000)) + noise(10) * 400_000)
    decoded = decode_body(bomb, "gzip, gzip", FREE_BYTES)
    assert decoded.state == "too_large"


def test_damage_counts_more_than_the_cut_that_follows_from_it() -> None:
    encoded = bytearray(gzip.compress(gzip.compress(noise(9000))))
    encoded[5000] ^= 0xFF
    encoded[5001] ^= 0xFF
    assert decode_body(bytes(encoded), "gzip, gzip").state == "broken"


def test_a_zstd_window_beyond_the_standards_limit_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=24)
    encoder = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    encoded = encoder.compress(noise(1000)) + encoder.flush()
    assert decode_body(encoded, "zstd") == DecodedBody(b"", "broken", (0,))
