"""Heads that never end, or end too late, or are far too large: turned away in time; nobody else waits for them."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.config import GatewayConfig
from tests.door.paces import Pace
from tests.fake_upstream import fake_upstream, fixed
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.wire_client import WireClient, request_bytes

COUNT = 500
SLOW_HEAD = 'nexus_rejected_requests_total{reason="slow_head"}'


def test_by_default_nobody_takes_longer_than_fifteen_seconds_for_a_head(tmp_path: Path) -> None:
    assert GatewayConfig(journal_root=tmp_path, fingerprint_key=b"k").head_s <= 15


@pytest.mark.bar(38)
async def test_slow_heads_are_closed_in_time_and_hold_nobody_up(tmp_path: Path) -> None:
    settings: dict[str, Any] = {} if scaled(0, 1) else {"head_s": 2.0}
    limit_s = settings.get("head_s", 10.0) + 5
    async with fake_upstream(fixed(b"ok")) as fake, gateway_process(tmp_path, fake.url, **settings) as gateway:
        pace = Pace(gateway)
        await pace.learn()
        async with AsyncExitStack() as stack, asyncio.timeout(limit_s):
            clients = [await stack.enter_async_context(gateway.client()) for _ in range(COUNT)]
            async with asyncio.TaskGroup() as tasks:
                ends = [tasks.create_task(trickles(client)) for client in clients]
                waited = await pace.p99_s()
            statuses = [end.result() for end in ends]
        print(f"p99 of the others beside {COUNT} slow heads: {waited * 1000:.1f} ms")
        assert waited < pace.limit_s
        assert set(statuses) <= {408, None}
        assert statuses.count(408) > COUNT / 2
        assert (await gateway.metrics())[SLOW_HEAD] == COUNT
        assert "Traceback" not in gateway.said()


async def trickles(client: WireClient) -> int | None:
    """A byte now and then, until there is an answer; its status. None: a byte crossed the answer and reset it."""

    async def dribble() -> None:
        await client.send(b"GET /v1 HTTP/1.1\r\nHost: a\r\nx: ")
        while True:
            await asyncio.sleep(0.5)
            await client.send(b"y")

    dribbling = asyncio.ensure_future(dribble())
    try:
        raw = await client.reader.readuntil(b"\r\n\r\n")
        return int(raw.split()[1])
    except ConnectionResetError:
        return None
    finally:
        dribbling.cancel()


async def refused_head(gateway: GatewayProcess, sent: bytes) -> None:
    """431, soon, whether or not all of it is taken."""
    began = time.monotonic()
    async with gateway.client() as client:
        client.writer.write(sent)
        assert (await client.answer()).status == 431
        assert time.monotonic() - began < 5


@pytest.mark.bar(37)
async def test_heads_that_are_far_too_large_are_431_and_cost_nothing(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"ok")) as fake, gateway_process(tmp_path, fake.url) as gateway:
        async with gateway.client() as client:
            await client.request("POST", b"/v1", body=b"x")
        memory = 0
        for attack in range(6):
            await refused_head(gateway, request_bytes("GET", b"/v1", *[(b"x%d" % n, b"y") for n in range(100_000)]))
            await refused_head(gateway, request_bytes("GET", b"/v1", (b"x", b"y" * 65537)))
            await refused_head(gateway, request_bytes("GET", b"/" + b"y" * 65537))
            await refused_head(gateway, request_bytes("GET", b"/v1", *[(b"x%d" % n, b"y" * 60_000) for n in range(99)]))
            boundary = (b"Content-Type", b"multipart/form-data; boundary=" + b"b" * 1_000_000)
            await refused_head(gateway, request_bytes("POST", b"/v1", boundary, body=b"x"))
            memory = memory if attack else gateway.memory()  # what one such connection takes is kept for the next
        assert gateway.memory() - memory < 4_000_000
        assert len(fake.requests) == 1
        async with gateway.client() as client:
            assert (await client.request("GET", b"/" + b"y" * 8192)).status == 200, "8 KB of path are none too many"
