"""Reading an answer: however its bytes are cut, and whatever is missing at the end."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.torture.http_answer import AnswerReader, BrokenAnswerError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Nexus-Request-Id: abc\r\n"


def chunked(pieces: list[bytes], trailer: bytes = b"") -> bytes:
    framed = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


def with_length(body: bytes) -> bytes:
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


def fed(data: bytes, cuts: list[int]) -> AnswerReader:
    reader = AnswerReader()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        reader.feed(data[start:end])
    return reader


PIECES = st.lists(st.binary(max_size=300), max_size=8)
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@given(PIECES, CUTS, st.sampled_from([b"", b"x-checksum: 1\r\n"]))
def test_chunks_however_they_come(pieces: list[bytes], cuts: list[int], trailer: bytes) -> None:
    reader = fed(chunked(pieces, trailer), cuts)
    assert (reader.status, reader.whole, reader.excess) == (200, True, b"")
    assert bytes(reader.body) == b"".join(pieces)
    assert reader.headers["x-nexus-request-id"] == "abc"


def test_byte_by_byte() -> None:
    data = chunked([b"one", b"two"], b"x-checksum: 1\r\n")
    reader = fed(data, list(range(len(data))))
    assert (reader.whole, bytes(reader.body)) == (True, b"onetwo")


@given(st.binary(max_size=2000), CUTS)
def test_a_length_however_it_comes(body: bytes, cuts: list[int]) -> None:
    reader = fed(with_length(body), cuts)
    assert (reader.whole, bytes(reader.body)) == (True, body)


@given(PIECES, st.integers(0, 10_000))
def test_what_is_cut_off_is_a_prefix_and_not_whole(pieces: list[bytes], at: int) -> None:
    data = chunked(pieces)
    reader = AnswerReader()
    reader.feed(data[: at % len(data)])
    assert not reader.whole
    assert b"".join(pieces).startswith(bytes(reader.body))


@given(PIECES)
def test_every_byte_of_the_body_that_came_is_kept(pieces: list[bytes]) -> None:
    """Without the last chunk's end: all of the body, but not whole."""
    reader = AnswerReader()
    reader.feed(chunked(pieces).removesuffix(b"0\r\n\r\n"))
    assert bytes(reader.body) == b"".join(pieces)
    assert not reader.whole


def test_what_comes_behind_is_told() -> None:
    reader = AnswerReader()
    reader.feed(with_length(b"x") + b"HTTP/1.1")
    assert reader.excess == b"HTTP/1.1"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
        HEAD + b"\r\n",
        HEAD + b"content-length: x\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenAnswerError):
        AnswerReader().feed(data)
