"""Several gateway workers on one port: what a death costs, and how everything ends on a signal."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.fake_upstream import Paced, fake_upstream
from tests.stack import DEADLINE_S, Stack, environment, is_alive, start
from tests.waiting import until, until_true
from tests.wire_client import Answer, WireClient, request_bytes, wire_client

WORKERS = ("gateway", "gateway-2")
MAX_STREAMS = 200


@asynccontextmanager
async def forwarding(home: Path, workers: int, code: int = 0) -> AsyncIterator[tuple[Stack, Paced]]:
    """A running Nexus that records nothing. If the test does not stop it, it is stopped; it ends with ``code``."""
    streams = Paced()
    ports = {"NEXUS_GATEWAY_PORT": "0", "NEXUS_DASHBOARD_PORT": "0"}
    settings = {"STORAGE_ENABLED": "false", "NEXUS_GATEWAY_WORKERS": str(workers), **ports}
    async with fake_upstream(streams) as fake:
        running = await start(environment(home, NEXUS_UPSTREAM_URL=fake.url, **settings))
        try:
            yield running, streams
            assert await running.stop() == code
        finally:
            if running.process.returncode is None:
                running.process.kill()
                await running.process.wait()


async def ends(running: Stack) -> None:
    """By itself, after what it was told."""
    async with asyncio.timeout(DEADLINE_S):
        await running.process.wait()


async def open_stream(clients: AsyncExitStack, port: int) -> tuple[WireClient, Answer]:
    client = await clients.enter_async_context(wire_client(port))
    await client.send(request_bytes("POST", b"/v1/messages", body=b"{}"))
    return client, await client.head()


def port_of(client: WireClient) -> int:
    return int(client.writer.get_extra_info("sockname")[1])


def clients_of(pid: int) -> set[int]:
    """Ports of the clients whose connections this process holds."""
    return {
        one.raddr.port for one in psutil.Process(pid).net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED
    }


def refuses(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


async def test_a_killed_worker_costs_its_own_streams_and_the_port_never_refuses(tmp_path: Path) -> None:
    async with forwarding(tmp_path, 2) as (running, streams), AsyncExitStack() as clients:
        port, pids = running.gateway_port, {name: running.part(name) for name in WORKERS}
        opened: list[tuple[WireClient, Answer]] = []
        while not all(clients_of(pid) & {port_of(client) for client, _ in opened} for pid in pids.values()):
            assert len(opened) < MAX_STREAMS, "one worker takes all"
            opened.append(await open_stream(clients, port))
        lost = clients_of(pids["gateway"])
        os.kill(pids["gateway"], signal.SIGKILL)

        async def is_back() -> bool:
            assert not refuses(port)
            return running.state("gateway") == "ready" and running.part("gateway") != pids["gateway"]

        await until_true(is_back, "the killed worker to be back")
        assert running.part("gateway-2") == pids["gateway-2"]
        streams.go_on.set()
        for client, answer in opened:
            await client.body(answer)
            assert answer.complete == (port_of(client) not in lost)


async def test_who_asks_while_the_only_worker_is_away_waits_for_its_answer(tmp_path: Path) -> None:
    async with forwarding(tmp_path, 1) as (running, streams):
        streams.go_on.set()
        pid = running.part("gateway")
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_alive(pid))
        async with wire_client(running.gateway_port) as client:
            assert (await client.request("POST", b"/v1/messages", body=b"{}")).body == b"first last"


@pytest.mark.bar(15)
async def test_a_stop_refuses_the_next_ones_at_once_and_lets_streams_end(tmp_path: Path) -> None:
    async with forwarding(tmp_path, 2) as (running, streams), AsyncExitStack() as clients:
        opened = [await open_stream(clients, running.gateway_port) for _ in range(4)]
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: refuses(running.gateway_port), "the port to be closed", deadline_s=1.0)
        assert running.process.returncode is None
        streams.go_on.set()
        for client, answer in opened:
            await client.body(answer)
            assert (answer.complete, answer.body) == (True, b"first last")
        await ends(running)


@pytest.mark.bar(15)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_cuts_what_still_runs(tmp_path: Path, second: signal.Signals) -> None:
    async with forwarding(tmp_path, 2, code=1) as (running, _), AsyncExitStack() as clients:
        client, answer = await open_stream(clients, running.gateway_port)
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: refuses(running.gateway_port), "the port to be closed")
        running.process.send_signal(second)
        await client.body(answer)
        assert not answer.complete
        await ends(running)
