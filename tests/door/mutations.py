"""Requests as a grammar makes them, and then damaged: the seed decides everything."""

import random
from collections.abc import Callable

METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"HEAD", b"TRACE", b"PROPFIND", b"get", b"")
TARGETS = (
    b"/", b"/v1/messages", b"/v1/messages?beta=true", b"/health/live", b"/metrics", b"//evil", b"/%2e%2e/%00",
    b"/\xff\xfe",
    b"*", b"http://evil/", b"?", b"#", b"/#a", b"/[", b"/v1/..;/x", b"/a\\b", b"a:443", b"/" + b"a" * 300,
    b"/\xe2\x80\xae",
)  # fmt: skip
VERSIONS = (b"HTTP/1.1",) * 12 + (b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.9", b"HTTP/9.9", b"http/1.1", b"")
LINES = (
    (b"Host", b"localhost"), (b"Host", b"[::1]:3000"), (b"Host", b""), (b"Host", b"\xff"), (b"Host", b"a:99999"),
    (b"Content-Length", b"0"), (b"Content-Length", b"4"), (b"Content-Length", b"-1"), (b"Content-Length", b"9" * 30),
    (b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"gzip, chunked"), (b"Connection", b"close"),
    (b"Connection", b"keep-alive, x"), (b"Connection", b"content-length, host"), (b"Upgrade", b"h2c"),
    (b"Connection", b"Upgrade"), (b"Expect", b"100-continue"), (b"Content-Encoding", b"gzip"), (b"Content-Type", b"x"),
    (b"Content-Type", b"multipart/form-data; boundary="), (b"X-Nexus-Domain", b"\xff" * 10),
    (b"x-nexus-request-id", b"1"),
    (b"X-Api-Key", b"sk-ant-planted"), (b"Authorization", b"Bearer sk-ant-planted"), (b"Sec-Fetch-Site", b"cross-site"),
    (b"Cookie", b"a=b; c"), (b"Range", b"bytes=0-"), (b"Trailer", b"x"), (b"TE", b"trailers"),
    (b"X" * 200, b"y" * 2000),
    (b"Sec-WebSocket-Key1", b"x"), (b"Forwarded", b"for=1"), (b"", b"x"), (b"a b", b"c"), (b"x", b"\x00"),
    (b"x", b"\r"),
)  # fmt: skip
BODIES = (
    b"", b"abcd", b'{"model":"m","messages":[]}', b"[" * 5000, b'{"n":' + b"9" * 6000 + b"}",
    b"\x1f\x8b\x08\x00garbage",
    b"4\r\nabcd\r\n0\r\n\r\n", b"4;x=y\r\nabcd\r\n0\r\nx: y\r\n\r\n", b"zz\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n",
    b"\xed\xa0\x80", b"\r\n\r\n" * 50, b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n",
)  # fmt: skip
JUNK = (
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b"\xff",
    b"\x80",
    b"%",
    b";",
    b",",
    b"0",
    b"-",
    b"HTTP/1.1",
)


def request(dice: random.Random) -> bytes:
    """Mostly what a client would send; often damaged after that."""
    made = _made(dice)
    for _ in range(dice.choice((0, 0, 0, 1, 1, 1, 2, 4))):
        made = dice.choice(DAMAGES)(made, dice)
    return made


def _made(dice: random.Random) -> bytes:
    method, target, version = dice.choice(METHODS[:7]), dice.choice(TARGETS[:5]), b"HTTP/1.1"
    if dice.random() < 0.2:
        method, target, version = dice.choice(METHODS), dice.choice(TARGETS), dice.choice(VERSIONS)
    lines = [(b"Host", b"localhost:3000"), *dice.sample(LINES[5:], dice.choice((0, 0, 1, 2, 5)))]
    if dice.random() < 0.1:
        lines = dice.sample(LINES, dice.randrange(6))
    body = dice.choice(BODIES)
    if dice.random() < 0.6:
        lines.append((b"Content-Length", b"%d" % len(body)))
    text = b"".join(b"%b: %b\r\n" % line for line in lines)
    return b"%b %b %b\r\n%b\r\n%b" % (method, target, version, text, body)


def _replaced(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]


def _inserted(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice(JUNK) + data[at:]


def _cut_out(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) + 1)
    return data[:at] + data[at + dice.randrange(1, 20) :]


def _repeated(data: bytes, dice: random.Random) -> bytes:
    begin, end = sorted(dice.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[begin : min(end, begin + 200)] * dice.choice((1, 1, 3, 40)) + data[end:]


def _ended_early(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _a_line_more(data: bytes, dice: random.Random) -> bytes:
    first, end, rest = data.partition(b"\r\n")
    return first + end + b"%b: %b\r\n" % dice.choice(LINES) + rest


def _a_bit_changed(data: bytes, dice: random.Random) -> bytes:
    if not data:
        return data
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: tuple[Damage, ...] = (
    _replaced, _inserted, _inserted, _cut_out, _repeated, _ended_early, _a_line_more, _a_line_more, _a_bit_changed,
)  # fmt: skip
