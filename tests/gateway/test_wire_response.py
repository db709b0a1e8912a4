"""An answer reaches the client exactly as it was given, framed for the client, and a cut is never a clean end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.web import BaseRequest, StreamResponse

from gateway.answers import AnswerHead, own_answer
from gateway.headers import HeaderLines
from gateway.metrics import Metrics
from gateway.server import ConnectionLimits, GatewayServer
from gateway.wire_response import ClientLostError, Framing, WireResponse, framing
from tests.waiting import until
from tests.wire_client import Answer, WireClient, request_bytes, wire_client

ID = "01990000-0000-7000-8000-000000000001"
LINES: HeaderLines = ((b"SERVER", b"x"), (b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=\xe9"), (b"date", b"now"))
Script = Callable[[WireResponse], Awaitable[None]]


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[int]:
    """A server whose every answer is made by ``script``."""

    async def handle(request: BaseRequest) -> StreamResponse:
        response = WireResponse(request, ID)
        await script(response)
        return response

    server = GatewayServer(handle, limits=ConnectionLimits(100, 30, 30), new_id=lambda: ID, metrics=Metrics(lambda: 0))
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.shutdown(1)


def head(
    length: int | None = None, *, status: int = 200, reason: bytes = b"OK", lines: HeaderLines = LINES
) -> AnswerHead:
    return AnswerHead(status, reason, lines, length)


def sending(given: AnswerHead, *chunks: bytes) -> Script:
    async def script(response: WireResponse) -> None:
        response.send_head(given)
        for chunk in chunks:
            response.send(chunk)
        response.finish()

    return script


async def fetch(script: Script, version: bytes = b"1.1", method: str = "GET") -> tuple[Answer, WireClient]:
    async with serving(script) as port, wire_client(port) as client:
        await client.send(request_bytes(method, b"/x", version=version))
        return await client.answer(head_only=method == "HEAD"), client


async def test_status_reason_and_lines_pass_exactly_and_nothing_is_added_but_framing_and_the_id() -> None:
    answer, _ = await fetch(sending(head(status=299, reason=b"Quite \xe9 Fine"), b"one", b"two"))
    assert answer.status_line == b"HTTP/1.1 299 Quite \xe9 Fine"
    assert answer.lines == [*LINES, (b"Transfer-Encoding", b"chunked"), (b"x-nexus-request-id", ID.encode())]
    assert answer.chunks == [b"one", b"two"]
    assert answer.complete


async def test_a_known_length_is_sent_unframed() -> None:
    answer, _ = await fetch(sending(head(6, lines=((b"Content-Length", b"6"),)), b"one", b"two"))
    assert answer.lines == [(b"Content-Length", b"6"), (b"x-nexus-request-id", ID.encode())]
    assert answer.body == b"onetwo"


@pytest.mark.parametrize(
    ("length", "http11", "expected"),
    [
        (0, True, Framing.LENGTH),
        (7, False, Framing.LENGTH),
        (None, True, Framing.CHUNKED),
        (None, False, Framing.CLOSE),
    ],
)
def test_the_framing_follows_the_length_and_the_clients_version(
    length: int | None, *, http11: bool, expected: Framing
) -> None:
    assert framing(head(length), http11=http11) is expected


async def test_a_connection_serves_several_answers() -> None:
    async with serving(sending(head(), b"x")) as port, wire_client(port) as client:
        for _ in range(3):
            assert (await client.request("GET", b"/")).body == b"x"


@pytest.mark.parametrize("wish", [(), ((b"Connection", b"keep-alive"),)])
async def test_an_http_1_0_client_gets_the_end_by_the_connections_end(wish: HeaderLines) -> None:
    async with serving(sending(head(), b"one", b"two")) as port, wire_client(port) as client:
        await client.send(request_bytes("GET", b"/", *wish, version=b"1.0"))
        answer = await client.answer()
        assert answer.body == b"onetwo"
        assert not answer.all(b"transfer-encoding")
        assert answer.one(b"connection") == b"close"
        assert await client.is_closed()


async def test_an_http_1_0_client_that_asks_for_it_keeps_its_connection() -> None:
    given = head(3, lines=((b"content-length", b"3"),))
    async with serving(sending(given, b"abc")) as port, wire_client(port) as client:
        for _ in range(2):
            await client.send(request_bytes("GET", b"/", (b"Connection", b"keep-alive"), version=b"1.0"))
            answer = await client.answer()
            assert answer.one(b"connection") == b"keep-alive"
            assert answer.body == b"abc"


async def test_a_client_that_wants_to_close_is_closed() -> None:
    async with serving(sending(head(), b"x")) as port, wire_client(port) as client:
        answer = await client.request("GET", b"/", (b"Connection", b"close"))
        assert answer.one(b"connection") == b"close"
        assert await client.is_closed()


async def test_the_last_answer_says_that_it_is_the_last() -> None:
    async def script(response: WireResponse) -> None:
        response.close_after()
        await sending(head(), b"x")(response)

    answer, client = await fetch(script)
    assert answer.one(b"connection") == b"close"
    assert answer.complete
    assert await client.is_closed()


async def test_the_head_leaves_with_the_bytes_behind_it_or_when_it_is_uncorked() -> None:
    may_go_on = asyncio.Event()

    async def script(response: WireResponse) -> None:
        response.send_head(head())
        await may_go_on.wait()
        response.uncork()
        response.uncork()
        may_go_on.clear()
        await may_go_on.wait()
        response.finish()

    async with serving(script) as port, wire_client(port) as client:
        await client.send(request_bytes("GET", b"/"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.read(1)
        may_go_on.set()
        answer = await client.head()
        may_go_on.set()
        await client.body(answer)
        assert answer.complete


async def test_whether_it_is_the_last_is_asked_with_the_head() -> None:
    last = list[bool]()

    async def handle(request: BaseRequest) -> StreamResponse:
        response = WireResponse(request, ID, lambda: bool(last))
        last.append(True)
        await sending(head(), b"x")(response)
        return response

    server = GatewayServer(handle, limits=ConnectionLimits(100, 30, 30), new_id=lambda: ID, metrics=Metrics(lambda: 0))
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    async with wire_client(listener.sockets[0].getsockname()[1]) as client:
        assert (await client.request("GET", b"/")).one(b"connection") == b"close"
        assert await client.is_closed()
    listener.close()


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("length", [None, 100])
async def test_a_cut_is_seen_as_a_cut(version: bytes, length: int | None) -> None:
    lines = ((b"content-length", b"100"),) if length else ()

    async def script(response: WireResponse) -> None:
        response.send_head(head(length, lines=lines))
        response.send(b"some")
        await asyncio.sleep(0.01)  # the client has read it: what comes now is the end
        response.cut()
        response.cut()

    async with serving(script) as port, wire_client(port) as client:
        await client.send(request_bytes("GET", b"/", version=version))
        answer = await client.head()
        if length is None and version == b"1.0":
            with pytest.raises(ConnectionError):
                await client.reader.read()
            return
        await client.body(answer)
        assert answer.body == b"some"
        assert not answer.complete


async def test_a_cut_before_any_byte_still_shows_the_head() -> None:
    async def script(response: WireResponse) -> None:
        response.send_head(head(lines=()))
        response.cut()

    answer, _ = await fetch(script)
    assert answer.status == 200
    assert not answer.complete


async def test_a_client_that_is_gone_is_noticed_and_a_cut_does_no_harm() -> None:
    seen = list[str]()

    async def script(response: WireResponse) -> None:
        response._http.protocol.force_close()  # as a lost connection does
        for step in (response.uncork, lambda: response.send(b"x"), response.finish):
            response._corked = b"head"
            try:
                step()
            except ClientLostError as lost:
                seen.append(str(lost))
        response.cut()
        with pytest.raises(ClientLostError):
            await response.wait_until_read(1)

    async with serving(script) as port, wire_client(port) as client:
        await client.send(request_bytes("GET", b"/"))
        await until(lambda: len(seen) == 3)
    assert set(seen) == {"The client's connection is gone."}


async def test_a_client_that_does_not_read_is_waited_for_until_the_deadline() -> None:
    seen = list[Any]()

    async def script(response: WireResponse) -> None:
        response.send_head(head())
        response.send(b"x" * (8 * 1024 * 1024))
        seen.append(response.congested)
        try:
            await response.wait_until_read(0.05)
        except ClientLostError as lost:
            seen.append(lost.detail)
        response.cut()
        seen.append(response.congested)

    async with serving(script) as port, wire_client(port) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports can
        await client.send(request_bytes("GET", b"/"))
        await until(lambda: len(seen) == 3)
    assert seen == [True, "the client does not read", False]


async def test_a_client_that_reads_again_is_served_on() -> None:
    async def script(response: WireResponse) -> None:
        response.send_head(head())
        response.send(b"x" * (8 * 1024 * 1024))
        await response.wait_until_read(10)
        assert not response.congested
        response.finish()

    answer, _ = await fetch(script)
    assert len(answer.body) == 8 * 1024 * 1024
    assert answer.complete


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_answer_of_our_own_is_whole_and_bodiless_for_head(method: str) -> None:
    async def script(response: WireResponse) -> None:
        await response.answer(own_answer(413, b"application/json", b'{"a":1}'), 1)

    async with serving(script) as port, wire_client(port) as client:
        for _ in range(2):
            answer = await client.request(method, b"/")
            assert answer.status_line == b"HTTP/1.1 413 Request Entity Too Large"
            assert answer.one(b"content-length") == b"7"
            assert answer.body == (b"" if method == "HEAD" else b'{"a":1}')


async def test_a_large_answer_of_our_own_waits_for_its_reader() -> None:
    body = b"x" * (8 * 1024 * 1024)

    async def script(response: WireResponse) -> None:
        await response.answer(own_answer(200, b"text/plain", body), 10)
        assert not response.congested

    answer, _ = await fetch(script)
    assert answer.body == body
