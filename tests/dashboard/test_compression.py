"""The coding is one that the client takes, and nothing is lost in it."""

import argparse
import gzip
from pathlib import Path

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.compression import CODINGS, best_coding, compress, compress_well


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip; Q = 0.2 , br;q=0.5", "br"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("br;q=0, gzip;q=0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("br;q=0, *", "gzip"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("deflate", None),
        ("gzip;level=9", "gzip"),
        (", ,", None),
    ],
)
def test_the_client_decides(accept: str, coding: str | None) -> None:
    assert best_coding(accept) == coding


def test_only_codings_that_are_offered_are_taken() -> None:
    assert best_coding("br, gzip;q=0.1", ("gzip",)) == "gzip"


@given(st.text())
def test_no_header_breaks_it(accept: str) -> None:
    assert best_coding(accept) in {None, *CODINGS}


@given(st.binary(max_size=3000))
def test_both_ways_give_the_bytes_back(data: bytes) -> None:
    for pack in (compress, compress_well):
        assert gzip.decompress(pack(data, "gzip")) == data
        assert brotli.decompress(pack(data, "br")) == data


def test_the_same_bytes_compress_to_the_same_bytes() -> None:
    assert {compress(b"x" * 5000, "gzip") for _ in range(3)} == {compress(b"x" * 5000, "gzip")}


def test_what_is_kept_is_compressed_harder() -> None:
    text = Path(argparse.__file__).read_bytes()
    for coding in CODINGS:
        assert len(compress_well(text, coding)) < len(compress(text, coding)) < len(text)
