"""However an answer is cut into reads, the same head and the same body come out; what is no answer is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream_reading import AnswerReader
from tests.cut import cut_at

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(said: bytes, *, method: str = "POST", cuts: list[int] | None = None) -> tuple[AnswerReader, bytes]:
    reader, body = AnswerReader(method), b""
    for piece in cut_at(said, cuts or []):
        body += reader.feed(piece)
    return reader, body


def test_a_head_comes_out_as_it_was_sent() -> None:
    reader, body = read(b"HTTP/1.1 299 F\xefne\r\nX-B: 1 \t\r\nx-b:2\r\nEmpty:\r\nContent-Length: 2\r\n\r\nhi")
    assert reader.headers == ((b"X-B", b"1"), (b"x-b", b"2"), (b"Empty", b""), (b"Content-Length", b"2"))
    assert reader.head is not None
    assert (reader.head.status, reader.head.reason, reader.head.length) == (299, b"F\xefne", 2)
    assert reader.told[b"x-b"] == b"1"
    assert body == b"hi"
    assert reader.is_complete
    assert not reader.is_last


ANSWERS = [
    (OK + b"Content-Length: 11\r\n\r\nhello world", b"hello world", True),
    (CHUNKED + b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n", b"hello world", True),
    (CHUNKED + b"b  \r\nhello world\r\n0\r\nTrailer: x\r\nMore: y\r\n\r\n", b"hello world", True),
    (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"0\r\n\r\n", b"", True),
    (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", b"hi", True),
    (OK + b"\r\ntill the end\r\n\r\n", b"till the end\r\n\r\n", False),
    (b"HTTP/1.0 200 OK\r\n\r\nold", b"old", False),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", b"hi", True),
]


@given(st.sampled_from(ANSWERS), st.lists(st.integers(1, 120), max_size=6) | st.just(list(range(1, 200))))
def test_however_it_is_cut_the_same_comes_out(answer: tuple[bytes, bytes, bool], cuts: list[int]) -> None:
    said, expected, ends_by_itself = answer
    reader, body = read(said, cuts=cuts)
    assert body == expected
    assert reader.is_complete == ends_by_itself
    assert not reader.is_malformed
    assert reader.ends_with_connection() != ends_by_itself or reader.head is None or ends_by_itself
    assert all(name not in reader.told for name in (b"link", b"trailer", b"more"))


@pytest.mark.parametrize("cuts", [[], list(range(1, 200))])
@pytest.mark.parametrize(
    ("said", "is_last"),
    [
        (OK + b"Content-Length: 999\r\n\r\n", False),
        (CHUNKED, False),
        (OK + b"Content-Length: 9\r\nConnection: close\r\n\r\n", True),
        (OK + b"Content-Length: 9\r\n\r\nunasked", True),
    ],
)
def test_an_answer_to_head_is_over_with_its_head(said: bytes, cuts: list[int], *, is_last: bool) -> None:
    reader, body = read(said, method="HEAD", cuts=cuts)
    assert reader.is_complete
    assert (body, reader.head is not None and reader.head.length) == (b"", 0)
    assert not reader.is_malformed
    if not cuts:  # else the connection, not the reader, hears the rest
        assert reader.is_last == is_last


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON", b"garbage", b"0"])
def test_what_follows_unasked_is_no_part_of_the_answer_and_its_connection_is_done_with(more: bytes) -> None:
    reader, body = read(OK + b"Content-Length: 2\r\n\r\nhi" + more)
    assert (body, reader.is_complete, reader.is_malformed, reader.is_last) == (b"hi", True, False, True)


@pytest.mark.parametrize("connection", [b"Connection: close\r\n", b""])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_connection_is_used_again_only_if_upstream_keeps_it(connection: bytes, version: bytes) -> None:
    reader, _ = read(b"HTTP/%b 200 OK\r\n%bContent-Length: 2\r\n\r\nhi" % (version, connection))
    assert reader.is_last == (version == b"1.0" or bool(connection))


@pytest.mark.parametrize(
    "said",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"x: " + b"a" * 70_000 + b"\r\n\r\n",
        OK + b"x: 1\r\n" * 513 + b"\r\n",
        OK + b"x: a\0b\r\n\r\n",
        OK + b"x: " + b"a" * 1_100_000,
    ],
)
def test_what_is_no_answer_is_malformed(said: bytes) -> None:
    reader, body = read(said)
    assert reader.is_malformed
    assert not reader.is_complete
    assert body == b""


def test_what_came_before_a_body_broke_is_there() -> None:
    reader, body = read(CHUNKED + b"4\r\nsome\r\nnonsense\r\n")
    assert body == b"some"
    assert reader.is_malformed
    assert not reader.ends_with_connection()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", OK + b"Content-Length: 5\r\n\r\nhi", CHUNKED + b"2\r\nhi\r\n"])
def test_a_connection_that_ends_early_leaves_no_whole_answer(said: bytes) -> None:
    reader, _ = read(said) if said else (AnswerReader("GET"), b"")
    assert not reader.ends_with_connection()
