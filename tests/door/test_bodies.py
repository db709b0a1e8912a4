"""Bodies that are slow, silent, huge, endless or packed: 408 or 413 within the limits, or passed on as they are."""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from domain.decoding import decode_body
from tests.door.paces import Pace, all_of
from tests.fake_upstream import FakeUpstream, Received, Wire, fake_upstream, fixed
from tests.gateway_process import GatewayProcess, gateway_process
from tests.requirements import scaled
from tests.wire_client import WireClient, request_bytes

CHUNKED = (b"Transfer-Encoding", b"chunked")
LIMIT = 8 << 20


@asynccontextmanager
async def door(root: Path, **settings: Any) -> AsyncIterator[tuple[FakeUpstream, GatewayProcess, int]]:
    """(upstream, gateway, its memory when it has warmed up)."""
    async with fake_upstream(fixed(b"ok")) as fake, gateway_process(root, fake.url, **settings) as gateway:
        async with gateway.client() as client:
            await client.request("POST", b"/v1", body=b"x" * 100_000)
        fake.requests.clear()
        yield fake, gateway, gateway.memory()


@pytest.mark.bar(37)
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_silent_and_slow_bodies_are_408(framing: str, tmp_path: Path) -> None:
    line = CHUNKED if framing == "chunked" else (b"Content-Length", b"100000")
    began = b"5\r\nhel" if framing == "chunked" else b"hel"
    async with door(tmp_path, body_idle_s=0.5, body_total_s=1.5) as (fake, gateway, memory):

        async def silent(_: int) -> None:
            async with gateway.client() as client:
                await client.send(request_bytes("POST", b"/v1", line, body=began))
                assert (await client.answer()).status == 408

        async def slow(_: int) -> None:
            async with gateway.client() as client:
                await client.send(request_bytes("POST", b"/v1", line))
                dribbling = asyncio.ensure_future(dribble(client, b"1\r\nx\r\n" if framing == "chunked" else b"x"))
                assert (await client.answer()).status == 408
                dribbling.cancel()

        began_at = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(all_of(100, silent, 100))
            tasks.create_task(all_of(100, slow, 100))
        assert time.monotonic() - began_at < 6
        assert (await gateway.metrics())['nexus_rejected_requests_total{reason="slow_body"}'] == 200
        assert fake.requests == []
        assert gateway.recorded()[1:] == []
        assert gateway.memory() - memory < 16_000_000


async def dribble(client: WireClient, piece: bytes) -> None:
    while True:
        await client.send(piece)
        await asyncio.sleep(0.1)


@pytest.mark.bar(37)
async def test_a_body_that_does_not_end_is_413_and_not_kept(tmp_path: Path) -> None:
    """A gigabyte in chunks, and one that is only announced; the memory is that of the limit, and given back."""
    size = scaled(100, 1000) << 20
    async with door(tmp_path, body_limit=LIMIT) as (fake, gateway, memory):
        for _ in range(3):
            async with gateway.client() as client:
                await client.send(request_bytes("POST", b"/v1", CHUNKED))
                flooding = asyncio.ensure_future(flood(client, size))
                assert (await client.answer()).status == 413
                await asyncio.wait([flooding])
                assert isinstance(flooding.exception(), ConnectionError | None)
            async with gateway.client() as client:
                assert (await client.request("POST", b"/v1", (b"Content-Length", b"%d" % size))).status == 413
            assert gateway.memory() - memory < 3 * LIMIT
        assert fake.requests == []
        assert (await gateway.metrics())['nexus_rejected_requests_total{reason="too_large"}'] == 6


async def flood(client: WireClient, size: int) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    for _ in range(size // 65536):
        await client.send(piece)


async def test_a_body_of_tiny_chunks_costs_what_its_bytes_cost(tmp_path: Path) -> None:
    count = scaled(300_000, 1_000_000)
    async with door(tmp_path) as (fake, gateway, memory), gateway.client() as client:
        await client.send(request_bytes("POST", b"/v1", CHUNKED, body=b"2\r\nxy\r\n" * count + b"0\r\n\r\n"))
        assert (await client.answer()).status == 200
        assert fake.requests[0].body == b"xy" * count
        assert gateway.memory() - memory < 16_000_000 + 12 * count


@pytest.mark.bar(37)
async def test_a_boundary_of_a_million_characters_is_only_bytes(tmp_path: Path) -> None:
    body = b"--" + b"b" * 1_000_000 + b"\r\n\r\n\r\n" * 1000
    async with door(tmp_path) as (fake, gateway, _), gateway.client() as client:
        line = (b"Content-Type", b"multipart/form-data; boundary=" + b"b" * 60_000)
        assert (await client.request("POST", b"/v1", line, body=body)).status == 200
        assert fake.requests[0].body == body


# ------------------------------------------------------------------------------------------------------------- bombs

ZEROS = bytes(1 << 20)
Pack = Callable[[int], bytes]


def zipped(megabytes: int, wbits: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join([*(packer.compress(ZEROS) for _ in range(megabytes)), packer.flush()])


def browned(megabytes: int) -> bytes:
    packer = brotli.Compressor(quality=5)
    return b"".join([*(packer.process(ZEROS) for _ in range(megabytes)), packer.finish()])


def zstandardised(megabytes: int) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join([*(packer.compress(ZEROS) for _ in range(megabytes)), packer.flush()])


BOMBS: dict[str, Pack] = {
    "gzip": lambda size: zipped(size, 31),
    "deflate": lambda size: zipped(size, 15),
    "br": browned,
    "zstd": zstandardised,
    "gzip, gzip": lambda size: gzip.compress(zipped(size, 31)),
    "br, zstd, gzip": lambda size: gzip.compress(zstandard.compress(browned(size))),
}


@pytest.mark.bar(36)
@pytest.mark.parametrize("encoding", BOMBS)
async def test_a_bomb_passes_both_ways_without_going_off(encoding: str, tmp_path: Path) -> None:
    """Nobody unpacks it on the way; the projections open no more of it than they may."""
    bomb = BOMBS[encoding](scaled(100, 1000))
    line = (b"Content-Encoding", encoding.encode())

    async def echo(received: Received, wire: Wire) -> None:
        await fixed(received.body, b"200 OK", line)(received, wire)

    async with door(tmp_path) as (fake, gateway, memory):
        fake.script = echo

        async def client(_: int) -> None:
            async with gateway.client() as client:
                answer = await client.request("POST", b"/v1/messages", line, body=bomb)
                assert (answer.body, answer.one(b"content-encoding")) == (bomb, encoding.encode())

        pace = Pace(gateway, 50)
        await pace.learn()
        fake.requests.clear()
        await all_of(20, client, 20)
        assert gateway.memory() - memory < 20_000_000 + 20 * 2 * len(bomb), "each has its request and its answer"
        assert {one.body for one in fake.requests} == {bomb}
        async with asyncio.TaskGroup() as tasks:
            bombing = tasks.create_task(all_of(200, client, 2))
            waited = await pace.p99_s()
            bombing.cancel()
        print(f"p99 of the others beside bombs of {encoding}, {len(bomb)} bytes: {waited * 1000:.1f} ms")
        assert waited < pace.limit_s
    opened = decode_body(bomb, encoding)
    assert opened.state == "too_large"
    assert len(opened.data) <= 64 << 20
