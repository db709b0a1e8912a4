"""Damaged requests by the thousand: each has one answer in time, and one record or one count; nothing breaks or grows.

The seed is printed; ``NEXUS_SEED`` gives it again.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.door.mutations import request
from tests.fake_upstream import FakeUpstream, fake_upstream, fixed
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import given, scaled
from tests.wire_client import request_bytes, wire_client

IMPATIENT: dict[str, Any] = {
    "head_s": 0.2, "body_idle_s": 0.2, "body_total_s": 1.0, "keepalive_s": 0.5, "body_limit": 1 << 20,
}  # fmt: skip
PLANTED = "sk-ant-planted"
SIDE_BY_SIDE = 64
LIMIT_S = 2.0
"""Nobody waits longer for an answer, or for the end of the connection."""
LINGERING_S = 3.0
"""A connection whose last answer is said is kept as long for the rest of what is sent."""
LAST = request_bytes("GET", b"/health/live", (b"Connection", b"close"))
"""Behind a request that leaves the connection open; if that one was not whole, it becomes part of it."""


@dataclass
class Seen:
    """What came back, of all of them."""

    statuses: dict[str, int] = field(default_factory=dict)
    """Of each answer, by its request id."""
    slow: list[bytes] = field(default_factory=list)
    """What was answered later than it may be."""
    resets: int = 0
    """Connections that were closed while we were still sending: what was said last may be lost on the way."""


@pytest.mark.bar(34)
async def test_nothing_that_can_be_sent_breaks_the_gateway(tmp_path: Path) -> None:
    seed, count = int(given("NEXUS_SEED") or random.SystemRandom().randrange(1 << 32)), scaled(2_000, 100_000)
    print(f"NEXUS_SEED={seed}, {count} requests")
    seen = Seen()
    patience: dict[str, Any] = {
        "head_s": 0.2,
        "body_idle_s": 0.2,
        "body_total_s": 1.0,
        "keepalive_s": 0.5,
        "body_limit": 1 << 20,
    }
    async with fake_upstream(fixed(b"")) as fake, gateway_process(tmp_path, fake.url, **patience) as gateway:
        await throw(gateway, count // 4, seed, seen)
        memory, files = gateway.memory(), gateway.files()
        await throw(gateway, count - count // 4, seed + 1, seen)
        grown = gateway.memory() - memory
        print(f"{len(seen.slow)} slow, {grown} bytes more, {seen.resets} reset")
        print(Counter(seen.statuses.values()))
        await none_is_slow_by_itself(gateway, seen)
        assert grown < 10_000_000
        assert gateway.files() <= files + SIDE_BY_SIDE
        await everything_is_accounted_for(gateway, fake, seen)
        assert "Traceback" not in gateway.said()
        assert PLANTED not in gateway.said()


async def throw(gateway: GatewayProcess, count: int, seed: int, seen: Seen) -> None:
    dice = random.Random(seed)
    sent = iter([request(dice) for _ in range(count)])

    async def some() -> None:
        for data in sent:
            await one(gateway, data, seen)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SIDE_BY_SIDE):
            tasks.create_task(some())


async def none_is_slow_by_itself(gateway: GatewayProcess, seen: Seen) -> None:
    """What hangs does so again, alone; what a busy machine held up does not."""
    again, seen.slow = seen.slow, []
    for data in again:
        await one(gateway, data, seen)
    assert seen.slow == []


async def one(gateway: GatewayProcess, data: bytes, seen: Seen) -> None:
    """Send it, and hear all that comes until the connection ends."""
    heard = b""
    try:
        async with asyncio.timeout(LIMIT_S + LINGERING_S + LIMIT_S), wire_client(gateway.port) as client:
            await client.send(data)
            began = time.monotonic()
            heard = await client.reader.read(1 << 16)
            if time.monotonic() - began > LIMIT_S:
                seen.slow.append(data)
            if b"Connection: close" not in heard:
                await client.send(LAST)
            while not is_last(heard) and (more := await client.reader.read(1 << 16)):
                heard += more
    except TimeoutError:
        raise AssertionError(f"no end: {data!r}") from None
    except ConnectionError:
        seen.resets += 1
    for request_id, status in answers(heard):
        assert request_id not in seen.statuses
        seen.statuses[request_id] = status


def is_last(heard: bytes) -> bool:
    """Has the answer come that ends the connection? Nobody need wait until the rest of a request is drained."""
    lines, end, body = heard[heard.rfind(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: ([0-9]+)", lines)
    return bool(end and length and b"\r\nConnection: close" in lines and len(body) == int(length[1]))


def answers(heard: bytes) -> Iterator[tuple[str, int]]:
    """(request id, status) of each answer; the bytes are answers and nothing else."""
    while heard:
        head, end, heard = heard.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), head
        assert end
        lines = {name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])}
        status = int(head.split()[1])
        if status == 100:
            continue
        length = int(lines[b"content-length"])
        if heard and not heard.startswith(b"HTTP/1.1 "):  # else it was asked with HEAD
            body, heard = heard[:length], heard[length:]
            assert len(body) == length
            if status >= 400:
                assert json.loads(body)["type"] == "error"
        yield lines[b"x-nexus-request-id"].decode(), status


async def everything_is_accounted_for(gateway: GatewayProcess, fake: FakeUpstream, seen: Seen) -> None:
    await gateway.rests()
    metrics, recorded = await gateway.metrics(), gateway.recorded()
    assert metrics["nexus_swallowed_errors_total"] == 0
    assert metrics['nexus_requests_total{status="5xx"}'] == 0
    assert not [status for status in seen.statuses.values() if status >= 500]
    assert [one.request_id for one in recorded if one.end is None] == []
    assert sum(count for name, count in metrics.items() if name.startswith("nexus_exchanges_total")) == len(recorded)
    assert metrics['nexus_exchanges_total{outcome="upstream"}'] == 0
    assert len(fake.requests) == len(recorded)
    ids = {one.request_id for one in recorded}
    refused = [request_id for request_id, status in seen.statuses.items() if status >= 400]
    assert not ids & set(refused)
    counted = sum(count for name, count in metrics.items() if name.startswith("nexus_rejected_requests_total"))
    assert len(refused) <= counted <= len(refused) + seen.resets
    for received in fake.requests:
        assert not received.all(b"transfer-encoding")
        assert len(received.all(b"content-length")) <= 1
        assert len(received.all(b"host")) == 1
