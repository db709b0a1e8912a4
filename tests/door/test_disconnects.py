"""Clients that leave, at any moment and in any way: upstream hears of it within a second, and there is one end each."""

import asyncio
import socket
import struct
from collections import Counter
from pathlib import Path

from tests.door.paces import all_of
from tests.fake_upstream import CHUNKED, FakeUpstream, Received, Wire, fake_upstream, head
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.wire_client import WireClient, request_bytes

WAYS = ("silent before the head", "silent after the head", "in the middle of a stream", "with a reset")


async def script(received: Received, wire: Wire) -> None:
    if received.target != b"/before":
        await wire.say(head(b"200 OK", CHUNKED))
        await wire.chunk(b"some")
    if received.target == b"/stream":
        while not wire.reader.at_eof():
            await wire.chunk(b"more")
            await asyncio.sleep(0.001)
    await wire.until_closed()


async def leave(gateway: GatewayProcess, fake: FakeUpstream, number: int) -> None:
    way = WAYS[number % len(WAYS)]
    target = {"silent before the head": b"/before", "in the middle of a stream": b"/stream"}.get(way, b"/after")
    mark = b"%b?%d" % (target, number)
    async with gateway.client() as client:
        await client.send(request_bytes("POST", target, (b"x-mark", mark), body=b"{}"))
        if target != b"/before":
            await client.head()
            await client.reader.readexactly(len(b"4\r\nsome\r\n"))
        else:
            await fake.until(lambda fake: any(one.all(b"x-mark") == [mark] for one in fake.requests))
        if way == "with a reset":
            reset(client)


def reset(client: WireClient) -> None:
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


async def test_upstream_hears_of_it_within_a_second_and_nothing_is_left_open(tmp_path: Path) -> None:
    count, lot = scaled(300, 1000), 20
    async with fake_upstream(script) as fake, gateway_process(tmp_path, fake.url) as gateway:
        files = gateway.files()
        for begin in range(0, count, lot):
            await all_of(lot, lambda number, begin=begin: leave(gateway, fake, begin + number), lot)  # type: ignore[misc]
            await fake.until(lambda fake: fake.open == 0, seconds=1)
        await gateway.rests()
        assert len(fake.requests) == count
        ends = [one.end for one in gateway.recorded()]
        assert Counter(end.outcome if end else None for end in ends) == {"client": count}
        assert all(end and end.delivered <= end.received for end in ends)
        metrics = await gateway.metrics()
        assert metrics['nexus_exchanges_total{outcome="client"}'] == count
        assert metrics["nexus_swallowed_errors_total"] == 0
        assert gateway.files() <= files + 1, "the one that asks"
        assert "Traceback" not in gateway.said()


async def test_who_leaves_while_sending_leaves_a_count_and_no_upstream_connection(tmp_path: Path) -> None:
    count = scaled(60, 300)
    async with fake_upstream(script) as fake, gateway_process(tmp_path, fake.url) as gateway:

        async def one(number: int) -> None:
            async with gateway.client() as client:
                line = (b"Content-Length", b"100") if number % 2 else (b"Transfer-Encoding", b"chunked")
                await client.send(request_bytes("POST", b"/v1", line, (b"Expect", b"100-continue")))
                await client.head()
                await client.send(b"5\r\nhel")
                if number % 3 == 0:
                    reset(client)

        await all_of(count, one)
        await gateway.rests()
        metrics = await gateway.metrics()
        assert metrics['nexus_rejected_requests_total{reason="client_gone"}'] == count
        assert metrics["nexus_swallowed_errors_total"] == 0
        assert fake.connections == 0
        assert gateway.recorded() == []
