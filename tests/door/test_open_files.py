"""When connections or files run out, who is inside is served, who is outside is told; it is over when they leave."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from gateway.open_files import connections_within
from tests.fake_upstream import CHUNKED, Received, Wire, fake_upstream, fixed, head
from tests.gateway_process import GatewayProcess, gateway_process
from tests.waiting import until, until_true
from tests.wire_client import WireClient, request_bytes

FILES = 160
ROOM = connections_within(FILES)


async def asked(client: WireClient) -> int | None:
    """The status of an answer; None: the connection is closed without one."""
    try:
        return (await client.request("POST", b"/v1", body=b"x")).status
    except (ConnectionError, asyncio.IncompleteReadError):
        return None


async def is_served(gateway: GatewayProcess) -> bool:
    async with gateway.client() as client:
        return await asked(client) == 200


async def test_the_limit_of_a_worker_is_the_hard_one(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"up")) as fake, gateway_process(tmp_path, fake.url) as gateway:
        soft, hard = psutil.Process(gateway.pid).rlimit(psutil.RLIMIT_NOFILE)
        assert soft in {hard, 1 << 20}


async def test_more_clients_than_files_are_told_and_the_first_ones_are_served(tmp_path: Path) -> None:
    """Each client inside has a stream open, so each needs two files."""
    may_end = asyncio.Event()

    async def stream(_: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED))
        await may_end.wait()
        await wire.chunk(b"whole")
        await wire.end()

    async with fake_upstream(stream) as fake, gateway_process(tmp_path, fake.url, files=FILES) as gateway:
        async with AsyncExitStack() as stack:
            inside = [await stack.enter_async_context(gateway.client()) for _ in range(ROOM)]
            for client in inside:
                await client.send(request_bytes("POST", b"/v1"))
                assert (await client.head()).status == 200
            for _ in range(3):
                async with gateway.client() as client:
                    assert await asked(client) == 503
            may_end.set()
            for client in inside:
                assert await client.reader.readuntil(b"0\r\n\r\n") == b"5\r\nwhole\r\n0\r\n\r\n"
        await until_true(lambda: is_served(gateway), "the next one to be served")
        metrics = await gateway.metrics()
        assert metrics['nexus_rejected_requests_total{reason="too_many"}'] >= 3
        assert metrics["nexus_swallowed_errors_total"] == 0
        assert len(fake.requests) == ROOM + 1


async def test_a_crowd_that_takes_every_file_is_survived(tmp_path: Path) -> None:
    """Far more connections than files at once: whoever was there first is served all the while."""
    async with fake_upstream(fixed(b"up")) as fake, gateway_process(tmp_path, fake.url, files=FILES) as gateway:
        async with gateway.client() as first:
            assert await asked(first) == 200
            async with AsyncExitStack() as stack:
                for _ in range(FILES * 2):
                    await stack.enter_async_context(gateway.client())
                await until(lambda: gateway.files() > FILES - 10, "the files to run out")
                for _ in range(20):
                    assert await asked(first) == 200
            await until_true(lambda: is_served(gateway), "the crowd to be forgotten")
            assert await asked(first) == 200
        metrics = await gateway.metrics()
        assert metrics["nexus_swallowed_errors_total"] == 0
        assert metrics['nexus_exchanges_total{outcome="upstream"}'] == 0, "no upstream connection was refused a file"
        assert len(gateway.said()) < 200_000
