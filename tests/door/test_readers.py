"""Clients that do not read: each costs little, is cut in time, and slows nobody but itself."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.door.paces import Pace
from tests.fake_upstream import CHUNKED, FakeUpstream, Received, Wire, fake_upstream, fixed, head
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.waiting import until_true
from tests.wire_client import WireClient, request_bytes

CONNECTED = 500
PER_CLIENT = 512 * 1024
PIECE = 16_384
ANSWER = 2000 * PIECE
"""More than any buffer between upstream and client holds."""


class Flood:
    """``/flood``: as much as is taken; anything else: a word."""

    def __init__(self) -> None:
        self.sent = dict[int, int]()
        """By connection."""

    async def __call__(self, received: Received, wire: Wire) -> None:
        if received.target != b"/flood":
            await fixed(b"ok")(received, wire)
            return
        wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        await wire.say(head(b"200 OK", CHUNKED))
        self.sent[wire.number] = 0
        while self.sent[wire.number] < ANSWER:
            await wire.chunk(b"x" * PIECE)
            self.sent[wire.number] += PIECE
        await wire.end()


def have_asked(count: int, fake: FakeUpstream) -> bool:
    return len(fake.requests) == count


@asynccontextmanager
async def who_never_reads(gateway: GatewayProcess) -> AsyncIterator[WireClient]:
    """It has asked, and its own end takes little for it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gateway.port))
    client = WireClient(*await asyncio.open_connection(sock=sock))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's transports can
    await client.send(request_bytes("POST", b"/flood"))
    try:
        yield client
    finally:
        client.writer.transport.abort()


@pytest.mark.bar(44)
async def test_who_never_reads_costs_half_a_megabyte_and_hundreds_of_them_hold_nobody_up(tmp_path: Path) -> None:
    """A noisy neighbour: 500 connections, and 200 more that never read (in CI 100)."""
    flood, count = Flood(), scaled(100, 200)

    async def have_stopped() -> bool:
        """Upstream has been slowed down, on all of them."""
        before = dict(flood.sent)
        await asyncio.sleep(0.2)
        return len(before) == len(fake.requests) - asked and before == flood.sent

    async with fake_upstream(flood) as fake, gateway_process(tmp_path, fake.url) as gateway, AsyncExitStack() as stack:
        for _ in range(CONNECTED):
            await stack.enter_async_context(gateway.client())
        pace = Pace(gateway)
        await pace.learn()
        asked, memory = len(fake.requests), 0
        for some in (count // 2, count):  # the first ones pay for what the journal needs in a flood
            memory, wanted = gateway.memory(), len(fake.requests) + some
            for _ in range(some):
                await stack.enter_async_context(who_never_reads(gateway))
            await fake.until(partial(have_asked, wanted))
            await until_true(have_stopped)
        each = (gateway.memory() - memory) / count
        waited = await pace.p99_s()
        print(f"{each:.0f} bytes for each; p99 of the others: {waited * 1000:.1f} ms")
        assert max(flood.sent.values()) < ANSWER, "it waits at upstream"
        assert each <= PER_CLIENT
        assert waited < pace.limit_s


async def test_who_never_reads_is_cut_after_a_while_and_everything_is_given_back(tmp_path: Path) -> None:
    flood, count = Flood(), 20
    async with fake_upstream(flood) as fake, gateway_process(tmp_path, fake.url, stall_s=0.5) as gateway:
        async with AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(who_never_reads(gateway))
            await fake.until(lambda fake: len(fake.requests) == count)
            await fake.until(lambda fake: fake.open == 0, seconds=10)
            await gateway.rests()
        ends = [one.end for one in gateway.recorded()]
        assert [(end.outcome, end.detail) for end in ends if end] == [("client", "the client does not read")] * count
        assert all(end and end.received >= end.delivered > 0 for end in ends)


@pytest.mark.bar(44)
async def test_a_slow_reader_slows_its_own_upstream_only(tmp_path: Path) -> None:
    flood = Flood()
    async with (
        fake_upstream(flood) as fake,
        gateway_process(tmp_path, fake.url) as gateway,
        who_never_reads(gateway) as slow,
    ):
        await fake.until(lambda fake: len(fake.requests) == 1)
        async with gateway.client() as quick:
            answer = await quick.request("POST", b"/flood")
            assert (answer.complete, len(answer.body)) == (True, ANSWER)
        first, second = flood.sent.values()
        assert first < second
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        answer = await slow.answer()
        assert (answer.complete, len(answer.body)) == (True, ANSWER), "it has all of it in the end"
