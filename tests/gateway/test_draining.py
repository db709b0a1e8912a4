"""A worker that ends answers everybody who asks in time, says that it is the last answer, and is gone soon after."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest

from gateway import draining
from gateway.draining import Wishes, drain
from gateway.in_flight import InFlight
from gateway.records import EndRecord
from tests.fake_upstream import CHUNKED, Received, Wire, fixed, head, stalled
from tests.gateway.test_server import rig
from tests.running_gateway import RunningGateway, gateway_before
from tests.waiting import until
from tests.wire_client import WireClient, request_bytes

LONG_S = 600.0
LIVE = b"/health/live"


def refuses(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(params=["stop", "retire"])
def end(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the worker is asked to end, with no grace for the other way."""
    monkeypatch.setattr(draining, "STOP_GRACE_S", LONG_S if request.param == "stop" else 0.0)
    monkeypatch.setattr(draining, "RETIRE_GRACE_S", LONG_S if request.param == "retire" else 0.0)
    return str(request.param)


def ask(gateway: RunningGateway, end: str) -> None:
    (gateway.stop if end == "stop" else gateway.retire).set()


async def answered_as_the_last(client: WireClient) -> bool:
    answer = await client.request("GET", LIVE)
    return (answer.status, answer.all(b"connection"), await client.is_closed()) == (200, [b"close"], True)


async def test_an_idle_client_that_asks_in_time_gets_its_last_answer(tmp_path: Path, end: str) -> None:
    async with (
        gateway_before(fixed(b""), tmp_path) as (_, gateway),
        gateway.client() as used,
        gateway.client() as fresh,
    ):
        assert (await used.request("GET", LIVE)).all(b"connection") == []
        ask(gateway, end)
        await until(lambda: refuses(gateway.port))
        assert await answered_as_the_last(used)
        assert not gateway.ended()
        assert await answered_as_the_last(fresh)
        await until(gateway.ended)


async def test_who_has_only_just_connected_is_answered_too(tmp_path: Path, end: str) -> None:
    async with gateway_before(fixed(b""), tmp_path) as (_, gateway):
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            client.sendall(request_bytes("GET", LIVE))
            ask(gateway, end)  # the loop has seen nothing of the connection yet
            client.setblocking(False)
            async with asyncio.timeout(10):
                assert (await asyncio.get_running_loop().sock_recv(client, 65536)).startswith(b"HTTP/1.1 200")


async def test_what_was_accepted_last_is_waited_for_though_it_is_no_connection_yet() -> None:
    loop, served = asyncio.get_running_loop(), list[int]()
    async with rig() as made:
        with socket.create_server(("127.0.0.1", 0)) as opened, socket.create_connection(opened.getsockname()) as client:
            accepted, _ = opened.accept()
            async with asyncio.TaskGroup() as tasks:
                wishes = Wishes(asyncio.Event(), asyncio.Event(), asyncio.Event())
                wishes.stop.set()
                draining_ends = tasks.create_task(drain(made.server, InFlight(), wishes, LONG_S))
                draining_ends.add_done_callback(lambda _: served.append(made.server.requests_count))
                tasks.create_task(loop.connect_accepted_socket(made.server, accepted))
                await until(lambda: made.server.connections)
                client.sendall(request_bytes("GET", b"/"))
            assert served == [1], "and it was answered before the end of the drain"
            assert client.recv(65536).startswith(b"HTTP/1.1 200")


async def test_after_a_stream_that_began_before_the_end_one_more_request_is_answered(tmp_path: Path, end: str) -> None:
    """Its head could not say that it is the last answer, so the client is right to ask again."""
    go_on = asyncio.Event()

    async def script(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED))
        await wire.chunk(b"first ")
        await go_on.wait()
        await wire.chunk(b"last")
        await wire.end()

    async with gateway_before(script, tmp_path) as (_, gateway), gateway.client() as client:
        await client.send(request_bytes("POST", b"/v1"))
        answer = await client.head()
        ask(gateway, end)
        await until(lambda: refuses(gateway.port))
        go_on.set()
        await client.body(answer)
        assert (answer.body, answer.all(b"connection")) == (b"first last", [])
        assert await answered_as_the_last(client)
        await until(gateway.ended)
    (recorded,) = gateway.recorded()
    assert recorded.end == EndRecord("completed", 10, 10)


async def test_whoever_stays_idle_is_closed_and_the_worker_ends(tmp_path: Path) -> None:
    async with gateway_before(fixed(b""), tmp_path) as (_, gateway), gateway.client() as client:
        gateway.stop.set()
        await until(gateway.ended, deadline_s=2.0)
        assert await client.is_closed()


async def test_with_nobody_connected_it_ends_at_once(tmp_path: Path, end: str) -> None:
    async with gateway_before(fixed(b""), tmp_path) as (_, gateway):
        ask(gateway, end)
        await until(gateway.ended, deadline_s=2.0)


async def test_a_stop_hurries_who_retires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "RETIRE_GRACE_S", LONG_S)
    async with gateway_before(fixed(b""), tmp_path, drain_s=LONG_S) as (_, gateway), gateway.client() as client:
        gateway.retire.set()
        await until(lambda: refuses(gateway.port))
        assert not gateway.ended()
        gateway.stop.set()
        await until(gateway.ended, deadline_s=2.0)
        assert await client.is_closed()


@pytest.mark.parametrize("how", ["abort", "drain_s"])
async def test_the_grace_is_cut_by_an_abort_and_by_the_time_there_is(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "STOP_GRACE_S", LONG_S)
    drain_s = LONG_S if how == "abort" else 0.05
    async with (
        gateway_before(stalled, tmp_path, drain_s=drain_s) as (_, gateway),
        gateway.client() as idle,
        gateway.client() as busy,
    ):
        await busy.send(request_bytes("POST", b"/v1"))
        answer = await busy.head()
        gateway.stop.set()
        if how == "abort":
            gateway.abort.set()
        await until(gateway.ended, deadline_s=4.0)
        assert await idle.is_closed()
        await busy.body(answer)
        assert not answer.complete
    (recorded,) = gateway.recorded()
    assert recorded.end == EndRecord("shutdown", 4, 4)
