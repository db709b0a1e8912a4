"""Requests that two servers could read in two ways, and what Nexus makes of each: one answer, or none of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TAIL = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
"""What whoever reads a request's end too early takes for a request."""
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
Fate = Literal["refused", "passed"]


@dataclass(frozen=True)
class Case:
    """Bytes of one request, as its sender means it or pretends to."""

    name: str
    sent: bytes
    fate: Fate
    body: bytes = b""
    """What upstream gets, if it passes."""

    def __str__(self) -> str:
        return self.name


def _post(*lines: bytes, version: bytes = b"HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([b"POST /v1/case " + version, b"Host: a", *lines, b"", body])


def _get(target: bytes = b"/v1/case", *lines: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"%b %b %b" % (method, target, version), b"Host: a", *lines, b"", b""])


def refused() -> Iterator[tuple[str, bytes]]:
    """Ambiguous or not HTTP: nobody behind us may see any of it."""
    yield from _two_lengths()
    yield from _codings()
    yield from _lengths()
    yield from _chunks()
    yield from _lines()
    yield from _start_lines()
    yield from _hosts()


def _two_lengths() -> Iterator[tuple[str, bytes]]:
    te, tail = b"Transfer-Encoding: chunked", CHUNKS + TAIL
    yield "length, then chunked", _post(b"Content-Length: %d" % len(tail), te, body=tail)
    yield "chunked, then length", _post(te, b"Content-Length: 4", body=tail)
    yield "length 0 and chunked", _post(b"Content-Length: 0", te, body=tail)
    yield "two lengths", _post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello" + TAIL)
    yield "the same length twice", _post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello" + TAIL)
    yield "a list of lengths", _post(b"Content-Length: 5, 0", body=b"hello" + TAIL)
    yield "the same length in a list", _post(b"Content-Length: 5, 5", body=b"hello" + TAIL)
    yield "lengths in two cases", _post(b"Content-Length: 5", b"content-length: 6", body=b"hello" + TAIL)


def _codings() -> Iterator[tuple[str, bytes]]:
    tail = CHUNKS + TAIL
    for value in (
        b"identity, chunked", b"chunked, identity", b"gzip, chunked", b"gzip", b"identity", b"chunked, chunked",
        b"xchunked", b"chunkedx", b"chunked;q=1", b'"chunked"', b"chunked,", b",chunked", b"x chunked", b"",
    ):  # fmt: skip
        yield f"coding {value.decode()!r}", _post(b"Transfer-Encoding: " + value, body=tail)
    yield "coding twice", _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=tail)
    yield "chunked, then identity", _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=tail)
    yield "identity, then chunked", _post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=tail)
    yield "a coding behind a vertical tab", _post(b"Transfer-Encoding: \x0bchunked", body=tail)
    yield "a coding with a null", _post(b"Transfer-Encoding: chunked\0", body=tail)
    yield "a coding before a space", _post(b"Transfer-Encoding : chunked", body=tail)
    yield "a folded coding", _post(b"Transfer-Encoding:\r\n chunked", body=tail)
    yield "a coding with a lone return", _post(b"Transfer-Encoding: chunked\r x: y", body=tail)
    yield "a coding in HTTP/1.0", _post(b"Transfer-Encoding: chunked", version=b"HTTP/1.0", body=tail)
    yield (
        "a coding and a length in HTTP/1.0",
        _post(b"Transfer-Encoding: chunked", b"Content-Length: 5", version=b"HTTP/1.0", body=tail),
    )


def _lengths() -> Iterator[tuple[str, bytes]]:
    for value in (
        b"+5", b"-5", b"0x5", b"5 5", b"5.0", b"5e0", b"five", b"", b"5\0", b"\xd9\xa5", b"5_0", b"'5'", b"5;",
        b"99999999999999999999999999",
    ):  # fmt: skip
        yield f"length {value!r}", _post(b"Content-Length: " + value, body=b"hello" + TAIL)
    yield "a length before a space", _post(b"Content-Length : 5", body=b"hello" + TAIL)
    yield "a folded length", _post(b"Content-Length:\r\n 5", body=b"hello" + TAIL)


def _chunks() -> Iterator[tuple[str, bytes]]:
    for name, body in {
        "a chunk's size signed": b"+5\r\nhello\r\n0\r\n\r\n",
        "a chunk's size negative": b"-5\r\nhello\r\n0\r\n\r\n",
        "a chunk's size with a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
        "a chunk's size behind a space": b" 5\r\nhello\r\n0\r\n\r\n",
        "a chunk's size that overflows": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "a chunk without a size": b"\r\nhello\r\n0\r\n\r\n",
        "a chunk longer than told": b"4\r\nhello\r\n0\r\n\r\n",
        "a chunk ended by a bare line feed": b"5\r\nhello\n0\r\n\r\n",
        "a size ended by a bare line feed": b"5\nhello\r\n0\r\n\r\n",
        "a length in the trailers": b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
        "a size ended by a lone return": b"5\rXhello\r\n0\r\n\r\n",
        "an extension with a line feed": b"5;a\nhello\r\n0\r\n\r\n",
        "an extension with a null": b"5;a=\0\r\nhello\r\n0\r\n\r\n",
    }.items():
        yield name, _post(b"Transfer-Encoding: chunked", body=body + TAIL)


def _lines() -> Iterator[tuple[str, bytes]]:
    yield "bare line feeds", _post(b"Content-Length: 0").replace(b"\r\n", b"\n") + TAIL
    yield "one bare line feed", _get(b"/v1/case", b"x: y\nTransfer-Encoding: chunked") + TAIL
    yield "a lone return in a value", _get(b"/v1/case", b"x: y\rz: w") + TAIL
    yield "a null in a value", _get(b"/v1/case", b"x: y\0z") + TAIL
    yield "a null in a name", _get(b"/v1/case", b"x\0y: z") + TAIL
    yield "a space in a name", _get(b"/v1/case", b"x y: z") + TAIL
    yield "a line without a colon", _get(b"/v1/case", b"nothing") + TAIL
    yield "a line without a name", _get(b"/v1/case", b": value") + TAIL
    yield "a first line that is folded", b"GET /v1/case HTTP/1.1\r\n Host: a\r\n\r\n" + TAIL
    yield "a folded line", _get(b"/v1/case", b"x: y", b"\tz") + TAIL
    yield "an escape in a value", _get(b"/v1/case", b"x: \x1b[2J") + TAIL


def _start_lines() -> Iterator[tuple[str, bytes]]:
    for version in (
        b"HTTP/2.0",
        b"HTTP/0.9",
        b"HTTP/1.2",
        b"HTTP/1.11",
        b"http/1.1",
        b"HTTP/1,1",
        b"HTTP/11",
        b"ICY/1.1",
    ):
        yield f"version {version.decode()}", _get(version=version) + TAIL
    yield "no version", b"GET /v1/case\r\nHost: a\r\n\r\n" + TAIL
    yield "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + TAIL
    yield "TRACE", _get(method=b"TRACE") + TAIL
    yield "CONNECT", _get(b"a:443", method=b"CONNECT") + TAIL
    yield "CONNECT with a path", _get(method=b"CONNECT") + TAIL
    yield "a method in lower case", _get(method=b"get") + TAIL
    yield "a method that is no token", _get(method=b"GE(T") + TAIL
    yield "no method", b" /v1/case HTTP/1.1\r\nHost: a\r\n\r\n" + TAIL
    yield "an absolute target", _get(b"http://b.example/smuggled") + TAIL
    yield "an absolute target of another scheme", _get(b"file:///etc/passwd") + TAIL
    yield "a page of ours in HTTP/2.0", _get(b"/health/live", version=b"HTTP/2.0") + TAIL
    yield "a page of ours in two codings", _get(b"/", b"Transfer-Encoding: identity, chunked") + CHUNKS + TAIL
    yield "a page of ours at a host that is none", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" + TAIL
    yield "an asterisk", _get(b"*", method=b"OPTIONS") + TAIL
    yield "a target with a space", _get(b"/v1/case x") + TAIL
    yield "a target with a tab", _get(b"/v1/case\tx") + TAIL
    yield "a target with a null", _get(b"/v1/\0case") + TAIL
    yield "a target that is no path", _get(b"v1/case") + TAIL
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\r\n\r\n" + TAIL


def _hosts() -> Iterator[tuple[str, bytes]]:
    yield "no host", b"GET /v1/case HTTP/1.1\r\nx: y\r\n\r\n" + TAIL
    yield "two hosts", _get(b"/v1/case", b"Host: b") + TAIL
    yield "the same host twice", _get(b"/v1/case", b"Host: a") + TAIL
    for host in (b"", b"a/../b", b"a@b", b"a b", b"a:x", b"a, b", b"<script>", b"[::1"):
        yield f"host {host.decode()!r}", b"GET /v1/case HTTP/1.1\r\nHost: " + host + b"\r\n\r\n" + TAIL


def passed() -> Iterator[tuple[str, bytes, bytes]]:
    """Unusual, and clear: it arrives as one request with exactly this body."""
    te = b"Transfer-Encoding: chunked"
    yield "a length", _post(b"Content-Length: %d" % len(TAIL), body=TAIL), TAIL
    yield "a length with zeros", _post(b"Content-Length: 005", body=b"hello"), b"hello"
    yield "a length between spaces", _post(b"Content-Length: \t 5 \t", body=b"hello"), b"hello"
    yield "chunks", _post(te, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(TAIL), TAIL)), TAIL
    yield "a coding in capitals", _post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS), b"hello"
    yield "an extension", _post(te, body=b'5;a="b\\"c"\r\nhello\r\n0\r\n\r\n'), b"hello"
    yield "a size with zeros", _post(te, body=b"0005\r\nhello\r\n000\r\n\r\n"), b"hello"
    yield "trailers", _post(te, b"Trailer: x", body=b"5\r\nhello\r\n0\r\nx: y\r\n\r\n"), b"hello"
    yield "a body of a GET", _get(b"/v1/case", b"Content-Length: 5") + b"hello", b"hello"
    yield "a listed length", _post(b"Connection: content-length", b"Content-Length: 5", body=b"hello"), b"hello"
    yield "a listed host", _post(b"Connection: host", b"Content-Length: 5", body=b"hello"), b"hello"
    yield "a listed coding", _post(te, b"Connection: transfer-encoding", body=CHUNKS), b"hello"
    yield "h2c", _get(b"/v1/case", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"), b""
    yield (
        "h2c with a body",
        _post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 5", body=b"hello"),
        b"hello",
    )
    yield "a websocket", _get(b"/v1/case", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: AA"), b""
    yield "HTTP/1.0 with a length", _post(b"Content-Length: 5", version=b"HTTP/1.0", body=b"hello"), b"hello"
    yield (
        "an underscore",
        _post(b"Content_Length: 9", b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello"),
        b"hello",
    )
    yield "a method of its own", _get(method=b"PROPFIND"), b""


CASES = (
    *(Case(name, sent, "refused") for name, sent in refused()),
    *(Case(*case[:2], "passed", case[2]) for case in passed()),
)
