"""Through the gateway everything is as it is without it: what upstream hears, what the client sees, and when."""

import asyncio
import gzip
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.fake_upstream import CHUNKED, EVENTS, Lines, Received, Script, Wire, fake_upstream, fixed, head, streamed
from tests.running_gateway import gateway_before
from tests.wire_client import Answer, WireClient, chunked, request_bytes, wire_client

HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
DOCUMENTED = {b"x-nexus-request-id"}
CLAUDE = (
    (b"Accept", b"application/json"),
    (b"X-Api-Key", b"sk-ant-api03-not-a-key"),
    (b"anthropic-beta", b"claude-code-20250219,from-the-future-2031-01-01"),
    (b"User-Agent", b"claude-cli/2.1.330 (external, cli)"),
    (b"x-stainless-retry-count", b"0"),
    (b"Content-Type", b"application/json"),
)
SSE = [
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b'event: from_the_future\ndata: {"type":"from_the_future","x":"\xe2\x82\xac"}\n\n',
    b": a comment\n\n",
    b'event: content_block_delta\r\ndata: {"half',
    b'":1}\r\n\r\n',
    b'event: error\ndata: {"type":"error"}\n\n',
    b"data: without an end",
]


@dataclass(frozen=True)
class Case:
    script: Script
    sent: bytes = field(default_factory=lambda: request_bytes("POST", b"/v1/messages", *CLAUDE, body=b'{"a":1}'))
    head_only: bool = False


async def _cut(_: Received, wire: Wire) -> None:
    await wire.say(head(b"200 OK", CHUNKED, EVENTS))
    await wire.chunk(SSE[0])
    await asyncio.sleep(0.01)
    wire.reset()


async def _short(_: Received, wire: Wire) -> None:
    await wire.say(head(b"200 OK", (b"content-length", b"100")) + b"not a hundred")
    await asyncio.sleep(0.01)
    wire.close()


async def _till_the_end(_: Received, wire: Wire) -> None:
    await wire.say(head(b"200 OK", (b"Connection", b"close")) + b"all there is")
    wire.close()


async def _no_body(received: Received, wire: Wire) -> None:
    await wire.say(head(received.target.removeprefix(b"/").replace(b"-", b" "), (b"etag", b'"x"')))


def asking(method: str, target: bytes = b"/v1/x", *lines: tuple[bytes, bytes], body: bytes = b"") -> bytes:
    return request_bytes(method, target, *lines, body=body)


DUPLICATES = ((b"Set-Cookie", b"a=1"), (b"x-Dup", b"1"), (b"set-cookie", b"b=2"), (b"X-DUP", b"2"), (b"x-dup", b"1"))
LIMITS = (
    (b"retry-after", b"7"),
    (b"x-should-retry", b"false"),
    (b"anthropic-ratelimit-unified-5h-utilization", b"0.25"),
    (b"request-id", b"req_1"),
)
ODD = (
    (b"Server", b"cloudflare"),
    (b"DATE", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    (b"x-empty", b""),
    (b"x-raw", b"\xe9\xff"),
)
BIG = tuple((b"x-%d" % number, b"v" * 4000) for number in range(10))
CASES = {
    "a stream of events, some unknown": Case(streamed(*SSE)),
    "an answer of one byte at a time": Case(streamed(*(bytes([byte]) for byte in b"".join(SSE)))),
    "a JSON answer": Case(fixed(b'{"type":"message"}', b"200 OK", (b"Content-Type", b"application/json"), *ODD)),
    "an answer without any type": Case(fixed(b"?", b"200 OK")),
    "an empty answer": Case(fixed(b"")),
    "a compressed answer": Case(fixed(gzip.compress(b"x" * 999), b"200 OK", (b"content-encoding", b"gzip"))),
    "a compressed stream": Case(streamed(gzip.compress(b"x"), lines=(EVENTS, (b"content-encoding", b"gzip")))),
    "a rate limit": Case(fixed(b'{"type":"error"}', b"429 Too Many Requests", *LIMITS)),
    "an overload": Case(fixed(b'{"type":"error"}', b"529 Site Is Overloaded", (b"x-should-retry", b"true"))),
    "a redirect": Case(fixed(b"", b"307 Temporary Redirect", (b"Location", b"http://elsewhere.example/"))),
    "duplicate lines in the answer": Case(fixed(b"", b"200 OK", *DUPLICATES)),
    "duplicate lines in the request": Case(
        fixed(b""), asking("POST", b"/v1", *DUPLICATES[1:2], *DUPLICATES[3:], body=b"x")
    ),
    "odd lines in the request": Case(fixed(b""), asking("GET", b"/v1", (b"x-empty", b""), (b"X-RAW", b"\xe9\xff"))),
    "large heads": Case(fixed(b"", b"200 OK", *BIG), asking("GET", b"/v1", *BIG)),
    "a strange reason": Case(fixed(b"", b"200 ")),
    "a strange status": Case(fixed(b"", b"299 Miscellaneous Persistent Warning")),
    "a long path": Case(fixed(b""), asking("GET", b"/" + b"p" * 8000 + b"?q=" + b"v" * 100)),
    "a path that looks like a host": Case(fixed(b""), asking("GET", b"//evil.example/v1")),
    "a path with dots": Case(fixed(b""), asking("GET", b"/v1/%2e%2e/../a//b/./c?x=%00&y=a+b&z=%C3%A9")),
    "a path with a user": Case(fixed(b""), asking("GET", b"/@evil.example:80/;a=b\\c")),
    "a body that is no JSON": Case(fixed(b"bad", b"400 Bad Request"), asking("POST", body=b'{"a": [1, \x00\xff')),
    "a body in chunks": Case(
        fixed(b"ok"), asking("POST", b"/", (b"Transfer-Encoding", b"chunked"), body=chunked([b"a", b"bc"]))
    ),
    "a large body": Case(fixed(b"y" * 900_000), asking("POST", body=bytes(range(256)) * 4000)),
    "an empty body": Case(fixed(b"ok"), asking("POST", b"/v1", (b"Content-Length", b"0"))),
    "a compressed body": Case(fixed(b"ok"), asking("POST", b"/v1", (b"Content-Encoding", b"gzip"), body=b"\x1f\x8b")),
    "options": Case(fixed(b"", b"204 No Content", (b"allow", b"GET")), asking("OPTIONS")),
    "head": Case(_no_body, asking("HEAD", b"/200-OK"), head_only=True),
    "no content": Case(_no_body, asking("GET", b"/204-No-Content")),
    "not modified": Case(_no_body, asking("GET", b"/304-Not-Modified")),
    "put and delete": Case(fixed(b"ok"), asking("PUT", body=b"x")),
    "an HTTP/1.0 client": Case(fixed(b"ok"), request_bytes("GET", b"/v1", version=b"1.0")),
    "a client that closes": Case(fixed(b"ok"), asking("GET", b"/v1", (b"Connection", b"close"))),
    "an answer that ends with its connection": Case(_till_the_end),
    "a stream that is reset": Case(_cut),
    "an answer that is too short": Case(_short),
}


@dataclass
class Seen:
    """What the two ends saw of one exchange."""

    status_line: bytes
    lines: Lines
    body: bytes
    complete: bool
    heard: list[tuple[str, bytes, Lines, bytes]]


def without(lines: Lines, names: set[bytes]) -> Lines:
    return [(name, value) for name, value in lines if name.lower() not in names]


def comparable(received: Received, *, was_chunked: bool) -> tuple[str, bytes, Lines, bytes]:
    """The request as upstream heard it; only whom it was addressed to may differ, and a chunked body gets a length."""
    dropped = HOP_BY_HOP | {b"content-length"} if was_chunked else HOP_BY_HOP
    lines = [(name, b"" if name == b"Host" else value) for name, value in without(received.lines, dropped)]
    return received.method, received.target, lines, received.body


async def exchange(port: int, case: Case, heard: list[Received]) -> Seen:
    async with wire_client(port) as client:
        await client.send(case.sent)
        answer = await client.answer(head_only=case.head_only)
    lines = without(answer.lines, HOP_BY_HOP | DOCUMENTED)
    was_chunked = b"Transfer-Encoding" in case.sent
    requests = [comparable(one, was_chunked=was_chunked) for one in heard]
    return Seen(answer.status_line, lines, answer.body, answer.complete, requests)


async def compare(case: Case, root: Path) -> None:
    async with fake_upstream(case.script) as fake:
        direct = await exchange(fake.port, case, fake.requests)
    async with gateway_before(case.script, root) as (fake, gateway):
        through = await exchange(gateway.port, case, fake.requests)
        (recorded,) = gateway.recorded()
    assert through == direct
    assert recorded.answer == direct.body, "what was recorded is what the client saw"
    assert recorded.body == direct.heard[0][3]


Run = Callable[[Coroutine[Any, Any, None]], None]
LOOPS = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_direct_and_through_are_the_same(case: Case, run: Run, tmp_path: Path) -> None:
    run(compare(case, tmp_path))


class LockStep:
    """Sends the next chunk only when the client has seen the one before."""

    def __init__(self) -> None:
        self.seen = asyncio.Semaphore(0)

    async def __call__(self, _: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED, EVENTS))
        for data in SSE:
            await self.seen.acquire()
            await wire.chunk(data)
        await self.seen.acquire()
        await wire.end()


async def follow(client: WireClient, upstream: LockStep) -> Answer:
    await client.send(request_bytes("POST", b"/v1/messages"))
    answer = await client.head()
    upstream.seen.release()
    while (size := int(await client.reader.readline(), 16)) > 0:
        answer.chunks.append((await client.reader.readexactly(size + 2))[:-2])
        upstream.seen.release()
    return answer


async def keep_step(root: Path) -> None:
    upstream = LockStep()
    async with gateway_before(upstream, root) as (_, gateway), gateway.client() as client:
        async with asyncio.timeout(10):
            answer = await follow(client, upstream)
        assert answer.chunks == SSE, "every chunk comes as it left, and before the next one leaves"
        (recorded,) = gateway.recorded()
        assert recorded.chunks == SSE


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
def test_every_chunk_passes_at_once_and_alone(run: Run, tmp_path: Path) -> None:
    run(keep_step(tmp_path))
