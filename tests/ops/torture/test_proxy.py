"""The fault proxy, each mode against a server that echoes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ops.torture.proxy import FaultProxy, Mode, proxying
from tests.waiting import until

PATIENCE_S = 20.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo(path: Path) -> AsyncIterator[list[bytes]]:
    """A server on a Unix socket that says what it hears; what it heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            heard.append(piece)
            writer.write(piece)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield heard


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[tuple[FaultProxy, list[bytes]]]:
    async with echo(tmp_path / "s") as heard, proxying(tmp_path / "s", delay_s=0.05) as proxy:
        yield proxy, heard


async def connected(proxy: FaultProxy) -> Streams:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def asked(streams: Streams, data: bytes) -> bytes:
    """What comes back; nothing: the connection is gone."""
    reader, writer = streams
    async with asyncio.timeout(PATIENCE_S):
        try:
            writer.write(data)
            return await reader.read(100)
        except ConnectionError:
            return b""


@pytest.mark.parametrize("mode", ["pass", "delay"])
async def test_bytes_arrive(proxy: tuple[FaultProxy, list[bytes]], mode: Mode) -> None:
    proxy[0].turn(mode)
    streams = await connected(proxy[0])
    for word in (b"one", b"two", b"three"):
        assert await asked(streams, word) == word
    streams[1].close()


async def test_what_is_swallowed_reaches_nobody_and_the_connection_stays(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    streams = await connected(proxy[0])
    assert await asked(streams, b"before") == b"before"
    proxy[0].turn("swallow")
    streams[1].write(b"lost")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await streams[0].read(10)
    assert proxy[1] == [b"before"]
    assert not streams[1].is_closing()
    streams[1].close()


async def test_a_connection_that_lost_bytes_is_reset_when_the_way_is_good_again(
    proxy: tuple[FaultProxy, list[bytes]],
) -> None:
    """Otherwise the server would get the middle of a message."""
    lossy, quiet = await connected(proxy[0]), await connected(proxy[0])
    assert await asked(lossy, b"a") == b"a"
    assert await asked(quiet, b"a") == b"a"
    proxy[0].turn("swallow")
    lossy[1].write(b"lost")
    await until(lambda: proxy[0]._lossy, "the loss")
    proxy[0].turn("pass")
    assert await asked(lossy, b"b") == b""
    assert await asked(quiet, b"b") == b"b"
    quiet[1].close()


async def test_reset_ends_what_is_open_and_what_comes(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    streams = await connected(proxy[0])
    assert await asked(streams, b"a") == b"a"
    proxy[0].turn("reset")
    assert await asked(streams, b"b") == b""
    assert await asked(await connected(proxy[0]), b"c") == b""
    proxy[0].turn("pass")
    streams = await connected(proxy[0])
    assert await asked(streams, b"d") == b"d"
    assert proxy[1] == [b"a", b"d"]
    assert proxy[0].mode == "pass"
    streams[1].close()


async def test_without_a_server_the_connection_ends(tmp_path: Path) -> None:
    async with proxying(tmp_path / "nobody") as proxy:
        assert await asked(await connected(proxy), b"a") == b""
