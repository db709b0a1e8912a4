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


HOST = (b"Host", b"localhost:3000")


def check(*lines: tuple[bytes, bytes], start: tuple[str, bytes] = ("GET", b"/"), version: HttpVersion) -> None:
    check_head(*start, version, lines)


@pytest.mark.parametrize(
    ("method", "target", "version", "lines"),
    [
        ("POST", b"/v1/messages?beta=true", HttpVersion11, [HOST, (b"transfer-encoding", b"Chunked")]),
        ("GET", b"//evil/%2e%2e", HttpVersion10, []),
        ("OPTIONS", b"/", HttpVersion11, [HOST, (b"te", b"trailers"), (b"upgrade", b"h2c")]),
        ("POST", b"/", HttpVersion11, [HOST, (b"Sec-Fetch-Site", b"same-origin")]),
        ("POST", b"/", HttpVersion11, [HOST, (b"Sec-Fetch-Site", b"none")]),
    ],
)
def test_what_passes(method: str, target: bytes, version: HttpVersion, lines: list[tuple[bytes, bytes]]) -> None:
    check(*lines, start=(method, target), version=version)


@pytest.mark.parametrize(
    ("method", "target", "version", "lines", "why"),
    [
        ("TRACE", b"/", HttpVersion11, [], "TRACE"),
        ("CONNECT", b"/", HttpVersion11, [], "CONNECT"),
        ("GET", b"http://other/", HttpVersion11, [], "base URL"),
        ("OPTIONS", b"*", HttpVersion11, [], "must be a path"),
        ("GET", b"", HttpVersion11, [], "must be a path"),
        ("GET", b"/", HttpVersion(2, 0), [], "HTTP/1.1"),
        ("GET", b"/", HttpVersion(0, 9), [], "HTTP/1.1"),
        ("POST", b"/", HttpVersion11, [(b"transfer-encoding", b"identity, chunked")], "chunked"),
        ("POST", b"/", HttpVersion11, [(b"transfer-encoding", b"gzip")], "chunked"),
        ("POST", b"/", HttpVersion11, [(b"transfer-encoding", b"chunked"), (b"Transfer-Encoding", b"x")], "chunked"),
        ("POST", b"/", HttpVersion10, [(b"transfer-encoding", b"chunked")], "chunked"),
    ],
)
def test_what_is_turned_away(
    method: str, target: bytes, version: HttpVersion, lines: list[tuple[bytes, bytes]], why: str
) -> None:
    with pytest.raises(RejectedError, match=why) as rejected:
        check(HOST, *lines, start=(method, target), version=version)
    assert (rejected.value.status, rejected.value.reason) == (400, "malformed")


@pytest.mark.parametrize(
    "host",
    [
        b"a", b"api.example.com", b"127.0.0.1:3000", b"[::1]", b"[::1]:3000", b"Under_Score.example.:80", b"[FE80::1]",
        b"xn--bcher-kva.example", b"a:", b"a:65535",
    ],
)  # fmt: skip
def test_a_host_with_or_without_a_port_is_one(host: bytes) -> None:
    check((b"host", host), version=HttpVersion11)
    check((b"host", host), version=HttpVersion10)


@pytest.mark.parametrize(
    "host",
    [
        b"", b" ", b":80", b"../../etc/passwd", b"a/b", b"a@evil.example", b"user:pass@a", b"a b", b"a,b", b"a?x",
        b"a#x", b"<script>", b"a:b", b"a:65536", b"a:123456", b"a:80:80", b"[::1", b"::1", b"[::1]x", b"[evil.example]",
        b"a\\b", b"b\xc3\xbccher.example", b"a%2fb", b"a" * 256, b"a\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [HttpVersion10, HttpVersion11])
def test_a_host_that_is_none_is_turned_away(host: bytes, version: HttpVersion) -> None:
    with pytest.raises(RejectedError, match="must name a host") as rejected:
        check((b"Host", host), version=version)
    assert (rejected.value.status, rejected.value.reason) == (400, "malformed")


def test_http_1_1_wants_exactly_one_host_and_http_1_0_at_most_one() -> None:
    check(version=HttpVersion10)
    for lines in ([], [HOST, HOST], [HOST, (b"hOST", b"other")]):
        with pytest.raises(RejectedError, match="exactly one Host") as rejected:
            check(*lines, version=HttpVersion11)
        assert (rejected.value.status, rejected.value.reason) == (400, "malformed")
    with pytest.raises(RejectedError, match="exactly one Host"):
        check(HOST, HOST, version=HttpVersion10)


@pytest.mark.parametrize("sites", [[b"cross-site"], [b"Cross-Site"], [b"none", b"cross-site"]])
def test_what_a_page_of_another_site_has_caused_is_forbidden(sites: list[bytes]) -> None:
    with pytest.raises(RejectedError, match="another site") as rejected:
        check(HOST, *[(b"sec-fetch-SITE", site) for site in sites], version=HttpVersion11)
    assert (rejected.value.status, rejected.value.reason) == (403, "cross_site")


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
