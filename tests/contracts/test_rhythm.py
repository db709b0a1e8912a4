"""Every chunk passes when it comes, alone, and as soon as without a gateway (test 45 of the promises)."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contracts.cases import MESSAGE, SSE
from tests.contracts.test_transparency import LOOPS, Run
from tests.fake_upstream import CHUNKED, EVENTS, Received, Wire, fake_upstream, head
from tests.running_gateway import gateway_before
from tests.wire_client import Answer, WireClient, wire_client

CHUNKS = 200
PAUSE_S = 0.003
PROMISED_S = 0.010
"""What the gateway may add to the slowest of a hundred chunks."""
ATTEMPTS = 3
"""A machine that stands still for a moment is no fault of the gateway; three in a row would be."""


class LockStep:
    """Sends the next chunk only when the client has seen the one before."""

    def __init__(self) -> None:
        self.seen = asyncio.Semaphore(0)

    async def __call__(self, _: Received, wire: Wire) -> None:
        await wire.say(head(b"200 OK", CHUNKED, EVENTS))
        for data in [*SSE, *(bytes([byte]) for byte in SSE[1])]:
            await self.seen.acquire()
            await wire.chunk(data)
        await self.seen.acquire()
        await wire.end()


async def follow(client: WireClient, upstream: LockStep) -> Answer:
    await client.send(MESSAGE)
    answer = await client.head()
    upstream.seen.release()
    while (size := int(await client.reader.readline(), 16)) > 0:
        answer.chunks.append((await client.reader.readexactly(size + 2))[:-2])
        upstream.seen.release()
    return answer


async def keep_step(root: Path) -> None:
    upstream = LockStep()
    async with gateway_before(upstream, root) as (_, gateway), gateway.client() as client:
        async with asyncio.timeout(20):
            answer = await follow(client, upstream)
        sent = [*SSE, *(bytes([byte]) for byte in SSE[1])]
        assert answer.chunks == sent, "every chunk comes as it left, and before the next one leaves"
        (recorded,) = gateway.recorded()
        assert recorded.chunks == sent


@pytest.mark.parametrize("run", LOOPS.values(), ids=LOOPS)
def test_every_chunk_passes_at_once_and_alone(run: Run, tmp_path: Path) -> None:
    run(keep_step(tmp_path))


@dataclass
class Paced:
    """Sends numbered chunks in a steady rhythm, and notes when each one left."""

    left: list[float] = field(default_factory=list)

    async def __call__(self, _: Received, wire: Wire) -> None:
        clock = asyncio.get_running_loop().time
        await wire.say(head(b"200 OK", CHUNKED, EVENTS))
        for number in range(CHUNKS):
            await asyncio.sleep(PAUSE_S)
            self.left.append(clock())
            await wire.chunk(b"data: %06d\n\n" % number)
        await wire.end()


async def delays(port: int, upstream: Paced) -> list[float]:
    """From leaving upstream to the client's hands, of each chunk."""
    clock, came = asyncio.get_running_loop().time, list[float]()
    async with wire_client(port) as client:
        await client.send(MESSAGE)
        await client.head()
        while (size := int(await client.reader.readline(), 16)) > 0:
            data = await client.reader.readexactly(size + 2)
            came.extend([clock()] * data.count(b"data: "))
    return [there - here for here, there in zip(upstream.left, came, strict=True)]


async def added_to_the_slowest(root: Path) -> float:
    """Both ways at the same time, so that they meet the same machine."""
    through, direct = Paced(), Paced()
    async with gateway_before(through, root) as (_, gateway), fake_upstream(direct) as fake:
        behind, before = await asyncio.gather(delays(gateway.port, through), delays(fake.port, direct))
    return slowest_of_a_hundred(behind) - slowest_of_a_hundred(before)


def slowest_of_a_hundred(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100 - 1]


async def test_the_rhythm_of_a_stream_is_the_upstream_s(tmp_path: Path) -> None:
    added = list[float]()
    for attempt in range(ATTEMPTS):
        added.append(await added_to_the_slowest(tmp_path / str(attempt)))
        if added[-1] < PROMISED_S:
            return
    pytest.fail(f"the 99th of a hundred chunks came later by {added} s")
