"""A worker serves on both loopback addresses, stops in order, and loses nothing of what a client received."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from domain.errors import SetupError
from gateway.app import serve
from gateway.config import GatewayConfig
from gateway.frames import Kind
from gateway.journal_reader import WRITER_LOCK, journals_in, try_lock
from gateway.listening import listen
from gateway.records import EndRecord
from tests.fake_upstream import CHUNKED, Paced, Received, Wire, endless, fake_upstream, fixed, head, stalled
from tests.gateway_process import gateway_process
from tests.managed import no_access
from tests.running_gateway import frames_in, gateway_before, recorded_in, running_gateway
from tests.waiting import until
from tests.wire_client import request_bytes, wire_client

UNREACHABLE = "http://127.0.0.1:1"


async def test_it_listens_on_both_loopback_addresses(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, UNREACHABLE) as gateway:
        assert [host for host, _ in gateway.addresses] == ["127.0.0.1", "::1"]
        for host, port in gateway.addresses:
            async with wire_client(port, host) as client:
                assert (await client.request("GET", b"/health/live")).status == 200


async def test_hundreds_who_knock_while_the_loop_is_busy_are_let_in(tmp_path: Path) -> None:
    """Else their systems knock again after 1, 3 and 7 seconds."""
    async with running_gateway(tmp_path, UNREACHABLE) as gateway:
        with ExitStack() as stack:  # nothing here lets the loop turn
            for _ in range(300):
                stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=5))


async def test_a_busy_port_stops_the_start_and_leaves_no_journal(tmp_path: Path) -> None:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        config = GatewayConfig(journal_root=tmp_path / "j", fingerprint_key=b"k", upstream_url=UNREACHABLE, port=port)
        with pytest.raises(SetupError, match=f"Port {port} is in use; choose another with NEXUS_GATEWAY_PORT"):
            await serve(config, no_access(), stop=asyncio.Event(), abort=asyncio.Event(), ready=print)
    assert not (tmp_path / "j").exists()


async def test_an_unwritable_home_stops_the_start_and_frees_the_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    config = GatewayConfig(
        journal_root=tmp_path / "file" / "j", fingerprint_key=b"k", upstream_url=UNREACHABLE, port=port
    )
    with pytest.raises(SetupError, match="NEXUS_HOME"):
        await serve(config, no_access(), stop=asyncio.Event(), abort=asyncio.Event(), ready=print)
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"upstream_url": "http://api.example.com"}, "NEXUS_ALLOW_UPSTREAM"),
        ({"upstream_proxy": "nonsense"}, "NEXUS_UPSTREAM_PROXY"),
        ({"hosts": ("localhost",)}, "no address"),
    ],
)
async def test_bad_settings_stop_the_start(tmp_path: Path, settings: dict[str, object], why: str) -> None:
    values: dict[str, object] = {"upstream_url": UNREACHABLE, "port": 0, **settings}
    config = GatewayConfig(journal_root=tmp_path, fingerprint_key=b"k", **values)  # type: ignore[arg-type]
    with pytest.raises(SetupError, match=why):
        await serve(config, no_access(), stop=asyncio.Event(), abort=asyncio.Event(), ready=print)


def refuses(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.bar(15)
async def test_a_stop_closes_the_port_at_once_and_lets_streams_run_on(tmp_path: Path) -> None:
    paced = Paced()
    async with gateway_before(paced, tmp_path) as (_, gateway), gateway.client() as client:
        await client.send(request_bytes("POST", b"/v1"))
        answer = await client.head()
        gateway.stop.set()
        await until(lambda: refuses(gateway.port), "the port to close", deadline_s=0.5)
        paced.go_on.set()
        await client.body(answer)
        assert answer.complete
        assert answer.body == b"first last"
        assert await client.is_closed()
    (recorded,) = recorded_in(tmp_path).values()
    assert recorded.end == EndRecord("completed", 10, 10)


async def test_an_answer_that_begins_after_the_stop_says_that_it_is_the_last(tmp_path: Path) -> None:
    may_answer = asyncio.Event()

    async def script(received: Received, wire: Wire) -> None:
        await may_answer.wait()
        await fixed(b"late")(received, wire)

    async with (
        gateway_before(script, tmp_path) as (fake, gateway),
        gateway.client() as sending,
        gateway.client() as client,
    ):
        await sending.send(request_bytes("POST", b"/v1", (b"Content-Length", b"2")))
        await client.send(request_bytes("POST", b"/v1"))
        await fake.until(lambda fake: len(fake.requests) == 1)
        gateway.stop.set()
        await until(lambda: refuses(gateway.port))
        may_answer.set()
        answer = await client.answer()
        assert (answer.body, answer.all(b"connection")) == (b"late", [b"close"])
        await sending.send(b"xx")
        answer = await sending.answer()
        assert (answer.body, answer.all(b"connection")) == (b"late", [b"close"])
        assert await sending.is_closed()


@pytest.mark.bar(15)
@pytest.mark.parametrize("how", ["abort", "drain_s"])
async def test_streams_that_do_not_end_are_cut_and_say_why(tmp_path: Path, how: str) -> None:
    drain_s = 0.05 if how == "drain_s" else 60.0
    async with gateway_before(stalled, tmp_path, drain_s=drain_s) as (fake, gateway), gateway.client() as client:
        await client.send(request_bytes("POST", b"/v1"))
        answer = await client.head()
        gateway.stop.set()
        if how == "abort":
            gateway.abort.set()
        async with asyncio.timeout(1.5):
            await client.body(answer)
        assert not answer.complete
        assert answer.body == b"some"
        await fake.until(lambda fake: fake.open == 0, seconds=1)
    (recorded,) = recorded_in(tmp_path).values()
    assert recorded.end == EndRecord("shutdown", 4, 4)


async def test_a_cancelled_worker_ends_its_streams_and_closes_everything(tmp_path: Path) -> None:
    async with fake_upstream(stalled) as fake:
        ready: asyncio.Future[Sequence[tuple[str, int]]] = asyncio.get_running_loop().create_future()
        config = GatewayConfig(journal_root=tmp_path, fingerprint_key=b"k", upstream_url=fake.url, port=0)
        serving = asyncio.ensure_future(
            serve(config, no_access(), stop=asyncio.Event(), abort=asyncio.Event(), ready=ready.set_result)
        )
        port = (await ready)[0][1]
        async with wire_client(port) as client:
            await client.send(request_bytes("POST", b"/v1"))
            answer = await client.head()
            serving.cancel()
            await client.body(answer)
            assert not answer.complete
            with pytest.raises(asyncio.CancelledError):
                await serving
            assert refuses(port)
    (recorded,) = recorded_in(tmp_path).values()
    assert recorded.end == EndRecord("shutdown", 4, 4)
    (folder,) = journals_in(tmp_path)
    lock = try_lock(folder / WRITER_LOCK)
    assert lock is not None
    os.close(lock)


async def test_the_journal_is_private_locked_while_it_serves_and_free_afterwards(tmp_path: Path) -> None:
    async with running_gateway(tmp_path / "journals", UNREACHABLE):
        (folder,) = journals_in(tmp_path / "journals")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert try_lock(folder / WRITER_LOCK) is None
    lock = try_lock(folder / WRITER_LOCK)
    assert lock is not None
    os.close(lock)


async def test_without_storage_everything_passes_and_nothing_is_kept(tmp_path: Path) -> None:
    root = tmp_path / "j"
    async with gateway_before(fixed(b"ok"), root, storage_enabled=False) as (_, gateway), gateway.client() as client:
        assert (await client.request("POST", b"/v1", body=b"x")).body == b"ok"
        assert (await client.request("GET", b"/health/ready")).status == 200
    assert not root.exists()


async def test_two_workers_share_a_socket_and_have_their_own_journals(tmp_path: Path) -> None:
    (opened,) = listen(["127.0.0.1"], 0)
    with closing(opened):
        async with (
            running_gateway(tmp_path, UNREACHABLE, sockets=(os.dup(opened.fileno()),)) as one,
            running_gateway(tmp_path, UNREACHABLE, sockets=(os.dup(opened.fileno()),)) as other,
        ):
            assert one.addresses == other.addresses == [opened.getsockname()]
            assert len(journals_in(tmp_path)) == 2
            one.stop.set()
            await until(one.ended)
            async with other.client() as client:
                assert (await client.request("GET", b"/health/live")).status == 200


async def test_an_open_exchange_lets_the_journal_say_the_time(tmp_path: Path) -> None:
    paced = Paced()
    async with gateway_before(paced, tmp_path) as (_, gateway), gateway.client() as client:
        await client.send(request_bytes("POST", b"/v1"))
        await until(lambda: any(frame.kind is Kind.TICK for frame in frames_in(tmp_path)))
        paced.go_on.set()
        await client.answer()


async def test_three_hundred_streams_run_side_by_side(tmp_path: Path) -> None:
    paced, count = Paced(), 300
    async with gateway_before(paced, tmp_path) as (fake, gateway):

        async def one() -> bytes:
            async with gateway.client() as client:
                return (await client.request("POST", b"/v1", body=b"x")).body

        async with asyncio.TaskGroup() as tasks:
            streams = [tasks.create_task(one()) for _ in range(count)]
            await fake.until(lambda fake: len(fake.requests) == count, seconds=20)
            assert await gateway.metric("nexus_open_streams") == count + 1
            paced.go_on.set()
        assert {stream.result() for stream in streams} == {b"first last"}
        assert await gateway.metric("nexus_open_streams") == 1
    ends = [recorded.end for recorded in recorded_in(tmp_path).values()]
    assert ends == [EndRecord("completed", 10, 10)] * count


# ------------------------------------------------------------------------------------------- as a process of its own


async def test_whatever_a_client_received_is_in_the_journal_of_a_killed_worker(tmp_path: Path) -> None:
    count, received = 8, dict[str, bytes]()
    started = list[None]()
    async with fake_upstream(endless) as fake, gateway_process(tmp_path, fake.url) as gateway:

        async def follow(target: bytes) -> None:
            async with gateway.client() as client:
                await client.send(request_bytes("POST", target, body=b"body"))
                answer = await client.head()
                started.append(None)
                await client.body(answer)
                assert not answer.complete, "it was killed in the middle"
                received[answer.one(b"x-nexus-request-id").decode()] = answer.body

        async def kill() -> None:
            await until(lambda: len(started) == count)
            size = _journal_bytes(tmp_path)
            await until(lambda: _journal_bytes(tmp_path) > size + 2_000_000)
            os.kill(gateway.pid, signal.SIGKILL)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill())
            for number in range(count):
                tasks.create_task(follow(b"/v1/%d" % number))
    recorded = recorded_in(tmp_path)
    assert len(received) == len(recorded) == count
    for request_id, body in received.items():
        assert recorded[request_id].body == b"body"
        assert recorded[request_id].end is None
        assert body
        assert recorded[request_id].answer.startswith(body)


def _journal_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.glob("*/*.seg"))


async def test_a_client_that_does_not_read_costs_little_memory(tmp_path: Path) -> None:
    sent = 0

    async def flood(_: Received, wire: Wire) -> None:
        nonlocal sent
        await wire.say(head(b"200 OK", CHUNKED))
        while sent < 200_000_000:
            await wire.chunk(b"x" * 60_000)
            sent += 60_000

    async with (
        fake_upstream(flood) as fake,
        gateway_process(tmp_path, fake.url) as gateway,
        gateway.client() as client,
    ):
        await client.request("GET", b"/health/live")
        before = gateway.memory()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports can
        await client.send(request_bytes("POST", b"/v1"))
        await _until_still(lambda: sent)
        assert 0 < sent < 60_000_000, "upstream was slowed down"
        assert gateway.memory() - before < 40_000_000


async def _until_still(value: Callable[[], int]) -> None:
    """Wait until ``value()`` has grown and then stood still for some looks."""
    looks = [0]

    def still() -> bool:
        looks.append(value())
        return looks[-1] > 0 and looks[-40:] == [looks[-1]] * 40

    await until(still)
