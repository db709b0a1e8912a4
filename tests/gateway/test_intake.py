"""What could mean one thing here and another upstream is turned away; so is a body too large or too slow."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.web import RequestPayloadError

from gateway.headers import HeaderMap
from gateway.intake import BodyLimits, RejectedError, awaits_continue, check_head, check_length, read_body

LIMITS = BodyLimits(size=10, idle_s=5, total_s=5)


@pytest.mark.parametrize(
    ("method", "target", "version", "told"),
    [
        ("POST", b"/v1/messages?beta=true", HttpVersion11, {b"transfer-encoding": b"Chunked"}),
        ("GET", b"//evil/%2e%2e", HttpVersion10, {}),
        ("OPTIONS", b"/", HttpVersion11, {b"te": b"trailers", b"upgrade": b"h2c"}),
    ],
)
def test_what_passes(method: str, target: bytes, version: HttpVersion, told: HeaderMap) -> None:
    check_head(method, target, version, told)


@pytest.mark.parametrize(
    ("method", "target", "version", "told", "why"),
    [
        ("TRACE", b"/", HttpVersion11, {}, "TRACE"),
        ("CONNECT", b"/", HttpVersion11, {}, "CONNECT"),
        ("GET", b"http://other/", HttpVersion11, {}, "base URL"),
        ("OPTIONS", b"*", HttpVersion11, {}, "must be a path"),
        ("GET", b"", HttpVersion11, {}, "must be a path"),
        ("GET", b"/", HttpVersion(2, 0), {}, "HTTP/1.1"),
        ("GET", b"/", HttpVersion(0, 9), {}, "HTTP/1.1"),
        ("POST", b"/", HttpVersion11, {b"transfer-encoding": b"identity, chunked"}, "chunked"),
        ("POST", b"/", HttpVersion11, {b"transfer-encoding": b"gzip"}, "chunked"),
        ("POST", b"/", HttpVersion10, {b"transfer-encoding": b"chunked"}, "chunked"),
    ],
)
def test_what_is_turned_away(method: str, target: bytes, version: HttpVersion, told: HeaderMap, why: str) -> None:
    with pytest.raises(RejectedError, match=why) as rejected:
        check_head(method, target, version, told)
    assert (rejected.value.status, rejected.value.reason) == (400, "malformed")


@pytest.mark.parametrize(
    ("told", "version", "waits"),
    [
        ({b"expect": b"100-Continue"}, HttpVersion11, True),
        ({b"expect": b"100-continue"}, HttpVersion10, False),
        ({b"expect": b"other"}, HttpVersion11, False),
        ({}, HttpVersion11, False),
    ],
)
def test_who_waits_to_be_asked_for_the_body(told: HeaderMap, version: HttpVersion, *, waits: bool) -> None:
    assert awaits_continue(told, version) == waits


def test_an_announced_length_is_judged_before_the_first_byte() -> None:
    check_length({b"content-length": b"10"}, LIMITS)
    check_length({}, LIMITS)
    with pytest.raises(RejectedError, match="10 bytes") as rejected:
        check_length({b"content-length": b"11"}, LIMITS)
    assert (rejected.value.status, rejected.value.reason) == (413, "too_large")


def body(*pieces: bytes, ended: bool = True) -> StreamReader:
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.transport = asyncio.Transport()  # connected
    stream = StreamReader(protocol, 2**16, loop=loop)
    for piece in pieces:
        stream.feed_data(piece)
    if ended:
        stream.feed_eof()
    return stream


async def test_a_body_that_is_there_is_taken_whole() -> None:
    assert await read_body(body(b"abc", b"def"), LIMITS) == b"abcdef"
    assert await read_body(body(), LIMITS) == b""
    assert await read_body(body(b"0123456789"), LIMITS) == b"0123456789"


async def test_a_body_that_comes_in_pieces_is_joined() -> None:
    stream = body(b"abc", ended=False)
    loop = asyncio.get_running_loop()
    loop.call_soon(stream.feed_data, b"def")
    loop.call_later(0.01, stream.feed_data, b"ghi")
    loop.call_later(0.02, stream.feed_eof)
    assert await read_body(stream, LIMITS) == b"abcdefghi"


@pytest.mark.parametrize("ended", [True, False])
async def test_a_body_beyond_the_limit_is_too_large(*, ended: bool) -> None:
    with pytest.raises(RejectedError) as rejected:
        await read_body(body(b"01234", b"567890", ended=ended), LIMITS)
    assert rejected.value.status == 413


async def test_a_silent_body_is_given_up() -> None:
    with pytest.raises(RejectedError) as rejected:
        await read_body(body(b"a", ended=False), BodyLimits(10, idle_s=0.01, total_s=5))
    assert (rejected.value.status, rejected.value.reason) == (408, "slow_body")


async def test_a_body_that_trickles_is_given_up_too() -> None:
    stream, loop = body(ended=False), asyncio.get_running_loop()
    for step in range(2000):
        loop.call_later(0.005 * step, stream.feed_data, b"a")
    began = loop.time()
    with pytest.raises(RejectedError) as rejected:
        await read_body(stream, BodyLimits(1 << 30, idle_s=1, total_s=0.05))
    assert rejected.value.status == 408
    assert loop.time() - began < 5


async def test_a_trickle_that_is_not_silent_is_not_given_up_as_silent() -> None:
    stream, loop = body(ended=False), asyncio.get_running_loop()
    for step in range(8):
        loop.call_later(0.02 * step, stream.feed_data, b"a")
    loop.call_later(0.16, stream.feed_eof)
    assert await read_body(stream, BodyLimits(10, idle_s=0.1, total_s=10)) == b"a" * 8


@pytest.mark.parametrize(
    ("error", "reason"), [(RequestPayloadError, "malformed"), (ConnectionResetError, "client_gone")]
)
async def test_a_body_that_breaks_off_is_turned_away(error: Callable[[], Exception], reason: str) -> None:
    stream = body(b"a", ended=False)
    asyncio.get_running_loop().call_soon(stream.set_exception, error())
    with pytest.raises(RejectedError) as rejected:
        await read_body(stream, LIMITS)
    assert (rejected.value.status, rejected.value.reason) == (400, reason)
