"""What is no HTTP is turned away without an echo; a handler that breaks tells nothing; idle connections retire."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import http_parser
from aiohttp.web import BaseRequest, RequestPayloadError, StreamResponse
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import SetupError
from gateway.answers import own_answer
from gateway.metrics import Metrics
from gateway.server import (
    MAX_HEAD,
    MAX_HEADERS,
    MAX_LINE,
    ClientConnection,
    ConnectionLimits,
    GatewayServer,
    Handle,
    heads_apart,
    refuse_lenient_parser,
)
from gateway.wire_response import WireResponse
from tests.gateway.test_recorder import counted
from tests.waiting import until
from tests.wire_client import WireClient, chunked, request_bytes, wire_client

ID = "01990000-0000-7000-8000-000000000001"
SECRET = b"sk-ant-planted-secret"


@dataclass
class Rig:
    server: GatewayServer
    metrics: Metrics
    port: int

    def counted(self, name: str) -> float:
        return counted(self.metrics, name)


async def ok(request: BaseRequest) -> StreamResponse:
    response = WireResponse(request, ID)
    body = await request.content.read() if request.method == "POST" else b""
    await response.answer(own_answer(200, b"text/plain", b"ok " + body), 5)
    return response


@asynccontextmanager
async def rig(handle: Handle = ok, count: int = 100, head_s: float = 30, keepalive_s: float = 30) -> AsyncIterator[Rig]:
    metrics = Metrics(lambda: 0)
    limits = ConnectionLimits(count, head_s, keepalive_s)
    server = GatewayServer(handle, limits=limits, new_id=lambda: ID, metrics=metrics)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield Rig(server, metrics, listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        await server.shutdown(1)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense " + SECRET + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx-api-key: " + SECRET + b"\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + SECRET + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: " + SECRET + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + SECRET + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nx: " + SECRET + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + SECRET + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + SECRET + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_turned_away_and_nothing_of_it_is_told(
    sent: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with rig() as made, wire_client(made.port) as client:
        await client.send(sent)
        answer = await client.answer()
        assert answer.status == 400
        assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"
        assert json.loads(answer.body)["request_id"] == ID
        assert answer.one(b"x-nexus-request-id") == ID.encode()
        assert SECRET not in answer.body
        assert await client.is_closed()
        assert made.counted('nexus_rejected_requests_total{reason="malformed"}') == 1
        assert made.counted("nexus_swallowed_errors_total") == 0
    said = capfd.readouterr()
    assert SECRET.decode() not in said.out + said.err + caplog.text
    assert not caplog.records


@pytest.mark.parametrize("sent", [b"/" + b"a" * MAX_LINE, b"/ HTTP/1.1\r\nx: " + b"a" * MAX_LINE])
async def test_a_line_that_is_too_long_is_said_to_be(sent: bytes) -> None:
    async with rig() as made, wire_client(made.port) as client:
        await client.send(b"GET " + sent + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await client.answer()).status == 431


async def test_a_head_of_too_many_lines_is_said_to_be() -> None:
    async with rig() as made, wire_client(made.port) as client:
        lines = [(b"x", b"y")] * MAX_HEADERS
        assert (await client.request("GET", b"/", *lines[1:])).status == 200, "with Host"
        answer = await client.request("GET", b"/", *lines)
        assert answer.status == 431
        assert str(MAX_HEADERS) in answer.body.decode()
        assert made.counted('nexus_rejected_requests_total{reason="malformed"}') == 1


async def test_a_head_of_many_long_lines_is_too_large() -> None:
    async with rig() as made, wire_client(made.port) as client:
        lines = [(b"x", b"y" * (MAX_HEAD // 10))] * 9
        assert (await client.request("GET", b"/", *lines)).status == 200
        await client.send(request_bytes("GET", b"/", *lines, *lines)[:-2])
        answer = await client.answer()
        assert answer.status == 431
        assert await client.is_closed()
        assert made.counted('nexus_rejected_requests_total{reason="malformed"}') == 1


@pytest.mark.parametrize("before", [b"", request_bytes("GET", b"/")], ids=["first", "second"])
async def test_a_head_that_comes_too_slowly_is_given_up(before: bytes) -> None:
    async with rig(head_s=0.2) as made, wire_client(made.port) as client:
        if before:
            await client.send(before)
            await client.answer()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nx: ")
        trickle = asyncio.ensure_future(_trickle(client))
        answer = await client.answer()
        assert answer.status == 408
        assert json.loads(answer.body)["error"]["type"] == "timeout_error"
        assert await client.is_closed()
        trickle.cancel()
        assert made.counted('nexus_rejected_requests_total{reason="slow_head"}') == 1
        assert made.counted("nexus_swallowed_errors_total") == 0


async def _trickle(client: WireClient) -> None:
    """Each byte comes soon after the one before."""
    while True:
        await client.send(b"y")
        await asyncio.sleep(0.02)


async def test_a_connection_that_never_says_anything_is_closed_without_a_word() -> None:
    async with rig(head_s=0.05) as made, wire_client(made.port) as client:
        assert await client.is_closed()
        assert made.counted('nexus_rejected_requests_total{reason="slow_head"}') == 0


async def test_the_time_for_a_head_does_not_run_between_requests_nor_during_one() -> None:
    async def slow(request: BaseRequest) -> StreamResponse:
        await asyncio.sleep(0.15)
        return await ok(request)

    async with rig(slow, head_s=0.05) as made, wire_client(made.port) as client:
        for body in (b"one", b"two"):
            assert (await client.request("POST", b"/", body=body)).body == b"ok " + body
            await asyncio.sleep(0.15)


async def test_one_connection_too_many_is_told_to_come_back_later() -> None:
    async with rig(count=2) as made, wire_client(made.port) as one, wire_client(made.port) as two:
        assert (await one.request("GET", b"/")).status == 200
        async with wire_client(made.port) as three:
            await until(lambda: len(made.server.connections) == 3)
            answer = await three.request("POST", b"/", body=b"x")
            assert answer.status == 503
            assert json.loads(answer.body)["error"]["type"] == "overloaded_error"
            assert await three.is_closed()
        assert (await two.request("GET", b"/")).status == 200
        assert made.counted('nexus_rejected_requests_total{reason="too_many"}') == 1
        assert made.counted("nexus_swallowed_errors_total") == 0
        two.writer.close()
        await until(lambda: len(made.server.connections) == 1)
        async with wire_client(made.port) as four:
            assert (await four.request("GET", b"/")).status == 200


async def test_lines_up_to_the_limit_pass() -> None:
    async with rig() as made, wire_client(made.port) as client:
        answer = await client.request("GET", b"/" + b"a" * 60_000, (b"x", b"y" * 60_000))
        assert answer.status == 200


@pytest.mark.parametrize(
    "body",
    [b"5\r\nabcde\r\nZZ\r\n", b"5\r\nabcdeXX", b"-1\r\n", b"5;\x00\r\nabcde\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n"],
)
async def test_a_body_that_is_framed_wrongly_ends_the_wait_for_it(body: bytes) -> None:
    broken = asyncio.get_running_loop().create_future()

    async def handle(request: BaseRequest) -> StreamResponse:
        try:
            await request.content.read()
        except RequestPayloadError as error:
            broken.set_result(type(error))
        response = WireResponse(request, ID)
        response.close_after()
        await response.answer(own_answer(400, b"text/plain", b""), 5)
        return response

    async with rig(handle) as made, wire_client(made.port) as client:
        await client.send(request_bytes("POST", b"/", (b"Transfer-Encoding", b"chunked")))
        await until(lambda: made.server.requests_count == 1)
        await client.send(body)
        async with asyncio.timeout(5):
            assert await broken is RequestPayloadError
        assert (await client.answer()).status == 400
        assert made.counted("nexus_swallowed_errors_total") == 0


async def test_a_body_that_nobody_wants_and_that_breaks_is_no_mistake_of_ours() -> None:
    async def unread(request: BaseRequest) -> StreamResponse:
        response = WireResponse(request, ID)
        await response.answer(own_answer(200, b"text/plain", b"ok"), 5)
        return response

    async with rig(unread) as made, wire_client(made.port) as client:
        await client.send(request_bytes("POST", b"/", (b"Transfer-Encoding", b"chunked")))
        assert (await client.answer()).status == 200
        await client.send(b"ZZ\r\n")
        assert await client.is_closed()
        assert made.counted("nexus_swallowed_errors_total") == 0


def test_nothing_starts_with_the_lenient_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_lenient_parser()
    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(SetupError, match="AIOHTTP_NO_EXTENSIONS"):
        refuse_lenient_parser()


async def test_pipelined_requests_are_answered_in_turn() -> None:
    async with rig() as made, wire_client(made.port) as client:
        bodies = [b"one", b"two", b"three"]
        await client.send(b"".join(request_bytes("POST", b"/", body=body) for body in bodies))
        assert [(await client.answer()).body for _ in bodies] == [b"ok " + body for body in bodies]


async def test_compressed_bodies_are_not_opened() -> None:
    async with rig() as made, wire_client(made.port) as client:
        line = (b"Content-Encoding", b"gzip")
        assert (await client.request("POST", b"/", line, body=b"no gzip")).body == b"ok no gzip"
        lines = (line, (b"Transfer-Encoding", b"chunked"))
        assert (await client.request("POST", b"/", *lines, body=chunked([b"no", b"gzip"]))).body == b"ok nogzip"


async def test_a_handler_that_breaks_is_an_error_of_ours_with_its_place_in_the_log(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: BaseRequest) -> StreamResponse:
        raise ZeroDivisionError(SECRET.decode())

    async with rig(broken) as made, wire_client(made.port) as client:
        answer = await client.request("GET", b"/")
        assert answer.status == 500
        assert json.loads(answer.body)["error"]["type"] == "api_error"
        assert made.counted("nexus_swallowed_errors_total") == 1
        assert made.counted('nexus_requests_total{status="5xx"}') == 1
    said = capfd.readouterr()
    text = said.out + said.err + caplog.text
    assert "ZeroDivisionError" in text
    assert "test_server.py" in text
    assert SECRET.decode() not in text


async def test_a_handler_that_breaks_after_a_cut_is_not_answered() -> None:
    async def broken(request: BaseRequest) -> StreamResponse:
        response = WireResponse(request, ID)
        response.cut()
        raise ZeroDivisionError

    async with rig(broken) as made, wire_client(made.port) as client:
        await client.send(request_bytes("GET", b"/"))
        assert await client.is_closed()
        assert made.counted("nexus_swallowed_errors_total") == 1


async def test_a_client_that_goes_away_cancels_its_handler() -> None:
    cancelled = asyncio.Event()

    async def wait(_: BaseRequest) -> StreamResponse:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with rig(wait) as made:
        async with wire_client(made.port) as client:
            await client.send(request_bytes("GET", b"/"))
            await until(lambda: made.server.requests_count == 1)
        async with asyncio.timeout(1):
            await cancelled.wait()


async def test_an_idle_connection_is_closed_in_time() -> None:
    async with rig(keepalive_s=0.05) as made, wire_client(made.port) as client:
        await client.request("GET", b"/")
        assert await client.is_closed()


async def test_idle_connections_retire_at_once_and_busy_ones_once_they_are_idle() -> None:
    may_answer = asyncio.Event()

    async def slow(request: BaseRequest) -> StreamResponse:
        if request.raw_path == "/slow":
            await may_answer.wait()
        return await ok(request)

    async with rig(slow) as made, wire_client(made.port) as idle, wire_client(made.port) as busy:
        await idle.request("GET", b"/")
        await busy.send(request_bytes("GET", b"/slow"))
        await until(lambda: made.server.requests_count == 2)
        made.server.retire()
        assert await idle.is_closed()
        may_answer.set()
        assert (await busy.answer()).status == 200
        (connection,) = made.server.connections
        await until(lambda: connection._waiter is not None)
        made.server.retire()
        assert await _is_over(busy)


async def test_an_idle_connection_has_its_grace_and_a_request_within_it_is_answered() -> None:
    async with rig() as made, wire_client(made.port) as client:
        await client.request("GET", b"/")
        (connection,) = made.server.connections
        assert isinstance(connection, ClientConnection)
        await until(lambda: connection._waiter is not None)
        for now in (100.0, 104.9):
            connection.retire(now, 5.0)
        assert (await client.request("GET", b"/")).status == 200
        await until(lambda: connection._waiter is not None)
        connection.retire(105.0, 5.0)
        assert await client.is_closed()


async def test_who_is_sending_a_head_is_not_idle() -> None:
    async with rig() as made, wire_client(made.port) as client:
        await until(lambda: made.server.connections)
        (connection,) = made.server.connections
        assert isinstance(connection, ClientConnection)
        await until(lambda: connection._waiter is not None)
        connection.retire(100.0, 5.0)
        await client.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: connection._head_bytes)
        connection.retire(105.0, 5.0)
        await client.send(b"Host: a\r\n\r\n")
        assert (await client.answer()).status == 200


async def test_a_request_that_has_arrived_unread_keeps_its_connection_open() -> None:
    async with rig() as made:
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", made.port)) as client:
            await until(lambda: made.server.connections and made.server.connections[0]._waiter is not None)
            client.sendall(request_bytes("GET", b"/"))
            made.server.retire()  # before the loop could read it
            client.setblocking(False)
            async with asyncio.timeout(10):
                assert (await loop.sock_recv(client, 65536)).startswith(b"HTTP/1.1 200")


async def _is_over(client: WireClient) -> bool:
    """Also a request that came too late gets no answer, only an end."""
    try:
        await client.send(request_bytes("GET", b"/"))
    except ConnectionError:
        return True
    return await client.is_closed()


@pytest.mark.parametrize("first", range(21, 28))
@pytest.mark.parametrize("broken", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + SECRET + b"\r\n\r\n"])
async def test_good_requests_before_a_broken_one_have_their_answers(first: int, broken: bytes) -> None:
    """However the network cuts what it carries: the head of the second one ends between the cuts."""
    sent = (
        request_bytes("GET", b"/", (b"Host", b"")) + request_bytes("POST", b"/", (b"Host", b""), body=b"two") + broken
    )
    async with rig() as made, wire_client(made.port) as client:
        await client.send(sent[:first])
        await until(lambda: len(made.server.connections) == 1)
        await client.send(sent[first:] + broken)
        assert [(await client.answer()).status for _ in range(3)] == [200, 200, 400]
        assert await client.is_closed()
        assert made.counted('nexus_rejected_requests_total{reason="malformed"}') == 1


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n\r\n", b"x", b"GET / HTTP/1.1\r\n"])).map(b"".join))
def test_cutting_changes_no_byte_and_no_head_has_anything_behind_it(data: bytes) -> None:
    pieces = heads_apart(data)
    assert b"".join(pieces) == data
    assert all(b"\r\n\r\n" not in piece[:-1] for piece in pieces)
    assert all(pieces) or not data


def test_what_only_looks_like_heads_is_not_cut_for_ever() -> None:
    assert len(heads_apart(b"\r\n\r\n" * 100_000)) < 40
